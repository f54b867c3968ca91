// Run control: presence, gates, drain, reset of the functions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "systemc/nic/cmd_doorbell.hpp"
#include "systemc/nic/completion_queue.hpp"
#include "systemc/nic/dma_engine.hpp"
#include "systemc/nic/event_queue.hpp"
#include "systemc/nic/interrupts.hpp"
#include "systemc/nic/nic_core.hpp"
#include "systemc/nic/nic_function.hpp"
#include "systemc/nic/receive_queue.hpp"
#include "systemc/nic/send_queue.hpp"

namespace vfsim::model {

/// One bit per function, as in the firmware's registers.
using FunctionBits = std::array<std::uint32_t, kNicFunctions / 32>;
inline void set_bit(FunctionBits& bits, std::uint32_t fn, bool value) {
  const std::uint32_t bit = 1U << (fn % 32);
  bits[fn / 32] = value ? bits[fn / 32] | bit : bits[fn / 32] & ~bit;
}
[[nodiscard]] inline bool any_bit(const FunctionBits& bits) {
  return (bits[0] | bits[1] | bits[2] | bits[3]) != 0;
}

/// Told when a source behind IRQ_PENDING may have become active.
class IrqListener {
 public:
  virtual ~IrqListener() = default;
  virtual void irq_changed() = 0;
};

/// The blocks that hold work of functions.
struct NicBlocks {
  DmaGate& gate;
  MkeyWalker& walker;
  DmaEngine& engine;
  Interrupts& interrupts;
  EventQueues& events;
  CompletionQueues& completions;
  SendQueues& senders;
  ReceiveQueues& receivers;
  CmdDoorbell& doorbells;
};

/// A function is present when its VF is enabled; a reset kills its pipeline at once and waits for
/// the firmware's RESET_DONE; with a closed gate no new work starts, and DRAIN tells when the DMA
/// gate has acknowledged that the work in progress has ended.
class RunControl final : public FunctionEvents, private QuiesceListener {
 public:
  RunControl(NicCore& core, const NicBlocks& blocks, const PcieParams& pcie);

  void set_irq_listener(IrqListener& listener) { irq_ = &listener; }
  void power_on();
  [[nodiscard]] NicFunction& function(std::uint32_t fn) { return *functions_[fn]; }
  [[nodiscard]] const NicFunction& function(std::uint32_t fn) const { return *functions_[fn]; }

  // Registers of the firmware.
  [[nodiscard]] std::uint32_t ctrl(std::uint32_t fn) const;
  void set_ctrl(std::uint32_t fn, std::uint32_t value);
  [[nodiscard]] std::uint32_t status(std::uint32_t fn) const;
  [[nodiscard]] std::uint32_t irq_level() const;
  [[nodiscard]] const FunctionBits& resets() const { return resets_; }
  [[nodiscard]] const FunctionBits& drains() const { return drains_; }
  void clear_drains(std::uint32_t word, std::uint32_t bits) { drains_[word] &= ~bits; }
  [[nodiscard]] std::uint32_t num_vfs() const { return num_vfs_; }
  [[nodiscard]] std::uint32_t port_status() const;
  void clear_port_changed() { port_changed_ = false; }

  void set_link(bool up);
  /// A source of the firmware's interrupts has become active.
  void raise_irq();
  /// Memory Space Enable: whether the function answers at its BAR. A VF's is its PF's.
  [[nodiscard]] bool decodes_memory(std::uint32_t fn) const;
  /// BAR_INITIALIZING of the function.
  [[nodiscard]] bool initializing(std::uint32_t fn) const;

  // FunctionEvents
  void function_level_reset(std::uint32_t fn) override;
  void msix_control(std::uint32_t fn) override;
  void command_register(std::uint32_t fn) override;
  void sriov_changed() override;

 private:
  [[nodiscard]] bool busy(std::uint32_t fn) const override;
  void quiet(std::uint32_t fn) override;
  void drained(std::uint32_t fn) override;
  [[nodiscard]] bool is_drained(std::uint32_t fn) const;
  /// Commands of a function are offered to the firmware only while nothing of it is stopped.
  void update_command_hold(std::uint32_t fn);
  void close_gate(std::uint32_t fn);
  void open_gate(std::uint32_t fn);
  void set_responder_stop(std::uint32_t fn, bool stop);
  void kill(std::uint32_t fn);
  void end_reset(std::uint32_t fn);
  void enable_vfs(std::uint32_t count);

  NicCore& core_;
  NicBlocks blocks_;
  IrqListener* irq_ = nullptr;
  std::vector<std::unique_ptr<NicFunction>> functions_;
  FunctionBits resets_{}, drains_{};
  std::array<bool, kNicFunctions> messages_awaited_{};  // by the stop of the responder
  std::uint32_t num_vfs_ = 0;
  bool port_changed_ = false;
};

}  // namespace vfsim::model
