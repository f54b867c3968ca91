// The blocks of a NIC and how they are put together.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "systemc/fw_host/fw_host.hpp"
#include "systemc/nic/bar_space.hpp"
#include "systemc/nic/delay_line.hpp"
#include "systemc/nic/fw_registers.hpp"
#include "systemc/nic/nic.hpp"
#include "systemc/nic/run_control.hpp"

namespace vfsim::model {

/// Answers to requests that reached the NIC; sent in order after the time a register access takes.
class CompletionSender {
 public:
  static constexpr std::uint32_t kMaxBytes = 128;  // smallest maximum payload of a link
  struct Answer {
    Tlp tlp;
    std::array<std::uint8_t, kMaxBytes> data;
  };

  explicit CompletionSender(NicCore& core);
  void push(const Answer& answer) { latency_.push(answer); }
  void credits_returned();

 private:
  void due(Answer& answer);

  NicCore& core_;
  Ring<Answer> waiting_;  // for credits
  DelayLine<CompletionSender, Answer, &CompletionSender::due> latency_;
};

class Nic::Impl final : private IrqListener, private OfferListener {
 public:
  Impl(Calendar& calendar, ProbeBus& probes, const NicParams& params, const PcieParams& pcie,
       std::uint8_t host, Rid rid, const BlockMakers& makers);

  void request(const Tlp& tlp, const std::uint8_t* payload);
  /// @param pending  command doorbells of the function
  [[nodiscard]] std::uint64_t digest(std::uint32_t fn, std::uint32_t pending) const;

  NicCore core;
  std::unique_ptr<TxArbiter> arbiter;
  std::unique_ptr<CmdDoorbell> doorbells;
  std::unique_ptr<DmaGate> gate;
  std::unique_ptr<MkeyWalker> walker;
  DmaEngine engine;
  Interrupts interrupts;
  EventQueues events;
  CompletionQueues completions;
  SendQueues senders;
  ReceiveQueues receivers;
  NicBlocks blocks;
  RunControl control;
  FwRegisters registers;
  BarSpace bar;
  CompletionSender answers;
  std::unique_ptr<FwHost> firmware;

 private:
  void irq_changed() override { firmware->irq_changed(); }
  void command_offered() override { firmware->irq_changed(); }
  void answer(const Tlp& request, CplStatus status, const std::uint8_t* data, std::uint32_t bytes);
  void memory_read(std::uint32_t fn, const Tlp& tlp);
  void config_access(std::uint32_t fn, const Tlp& tlp, const std::uint8_t* payload);
};

}  // namespace vfsim::model
