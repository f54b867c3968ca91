#include "testbench/checkers/quiesce_bound.hpp"

#include <algorithm>

#include "systemc/pcie/link.hpp"

namespace vfsim::bench {
namespace {

using model::kNs;
using model::Ps;

constexpr std::uint64_t kCreditUnit = 16;       // bytes of a data credit
constexpr std::uint64_t kLineOverhead = 42;     // MAC header, VLAN tag, FCS, preamble, gap
constexpr std::uint64_t kSegmentBytes = 65536;  // most that one send work request carries
constexpr std::uint64_t kFixedRegisters = 24;   // of a step: pending, drains, doorbell, SUSPEND
constexpr std::uint64_t kCommandRegisters = 8;  // of a step, for each command in work
constexpr std::uint64_t kResetRegisters = 96;   // of a step that resets a function
constexpr std::uint64_t kSteps = 3;      // that an event may find busy: doorbell, entry, drained
constexpr std::uint64_t kContexts = 15;  // commands that the engine works on at a time
constexpr std::uint64_t kEngineTlps = 1U << 16;  // most that the PF's commands add
constexpr std::uint64_t kEntriesPerTurn = 8;     // that a send queue fetches
constexpr std::uint64_t kFetches = 16;           // of all functions at a time

class Bound {
 public:
  Bound(const CheckContext& context, const QuiesceLoad& load)
      : c_(context),
        load_(load),
        rate_(context.pcie.generation, context.pcie.lanes),
        way_(context.pcie.latency_ns * kNs),
        read_(std::max(load.read, 2 * way_ + context.pcie.memory_ns * kNs + data_of_read())),
        write_(std::max(load.write, way_ + context.pcie.memory_ns * kNs +
                                        rate_.duration(c_.pcie.max_payload))) {}

  [[nodiscard]] Ps total() const {
    const Ps doorbell = load_.travel;
    const Ps firmware = (kSteps + (load_.transfers != 0 ? 1 : 0)) * step() + stage_read();
    const Ps answer = stage_write();
    return doorbell + firmware + commands() + drain() + turns(kEngineTlps) + answer;
  }

  [[nodiscard]] Ps held_work(std::uint64_t rivals) const {
    const std::uint64_t entries = rivals * kEntriesPerTurn;
    const std::uint64_t rounds = std::max((entries + c_.nic.tx_contexts - 1) / c_.nic.tx_contexts,
                                          (rivals + kFetches - 1) / kFetches);
    const std::uint64_t before = c_.nic.tx_contexts + kFetches * kEntriesPerTurn + entries;
    const Ps stages = (c_.nic.doorbell_ns + c_.nic.wqe_ns + 2 * c_.nic.translation_ns) * kNs;
    return (2 * rounds + 1) * stage_read() + turns(0) +
           std::min(load_.frames + 1, before * frames_per_entry()) * frame() + stage_write() +
           stages;
  }

 private:
  /// Link time of the completions of one read.
  [[nodiscard]] Ps data_of_read() const {
    const std::uint32_t parts = c_.pcie.max_read_request / c_.pcie.max_payload + 1;
    return rate_.duration(c_.pcie.max_read_request) + parts * rate_.duration(0);
  }
  [[nodiscard]] Ps stage_read() const { return read_ * (load_.read_limit ? 2 : 1); }
  [[nodiscard]] Ps stage_write() const { return write_ + (load_.write_limit ? write_ + way_ : 0); }

  [[nodiscard]] Ps frame() const {
    return (c_.nic.mtu + kLineOverhead) * 8 * kNs / c_.nic.link_gbps;
  }
  [[nodiscard]] std::uint64_t frames_per_entry() const {
    return kSegmentBytes / std::max<std::uint64_t>(c_.nic.mtu, 1) + 1;
  }

  [[nodiscard]] Ps step() const {
    const std::uint64_t commands = std::min<std::uint64_t>(load_.commands, kContexts + 1);
    const std::uint64_t words = (c_.functions + 31) / 32;
    const std::uint64_t registers =
        kFixedRegisters + 2 * words + kCommandRegisters * commands + kResetRegisters * load_.resets;
    return (c_.nic.fw_step_ns + registers * c_.nic.fw_register_ns +
            (1 + commands) * c_.nic.fw_dma_start_ns) *
           kNs;
  }

  [[nodiscard]] Ps turn_read() const {
    return load_.functions * std::max(data_of_read(), read_ / reads_at_a_time(c_));
  }
  [[nodiscard]] Ps turn_write() const {
    return load_.functions *
           std::max(rate_.duration(c_.pcie.max_payload), (write_ + way_) / writes_at_a_time(c_));
  }

  /// Commands run side by side: those of the VF, and before them as many turns of the contexts as
  /// others need.
  [[nodiscard]] Ps commands() const {
    const std::uint64_t rounds = load_.commands > kContexts ? load_.commands / kContexts + 1 : 0;
    return (load_.transfers + rounds * load_.longest) * (stage_read() + turn_read() + step());
  }

  [[nodiscard]] Ps drain() const {
    if (!load_.initiator) {
      return stage_write() + way_;
    }
    const std::uint64_t in_work = (c_.nic.tx_contexts + 1) * frames_per_entry();
    return (c_.nic.doorbell_ns + c_.nic.wqe_ns + 4 * c_.nic.translation_ns) * kNs +
           2 * stage_read() + std::min(load_.frames + 1, in_work) * frame() + stage_write() + way_;
  }

  /// @param more  TLPs that are not of the data path, at most
  [[nodiscard]] Ps turns(std::uint64_t more) const {
    const std::uint64_t segment = kSegmentBytes / c_.pcie.max_read_request + 4;
    const std::uint64_t received = (c_.nic.mtu + kLineOverhead) / c_.pcie.max_payload + 6;
    const std::uint64_t in_work =
        c_.nic.tx_contexts * segment + c_.nic.rx_contexts * received + more;
    return std::min(load_.reads, in_work) * turn_read() +
           std::min(load_.writes, in_work) * turn_write();
  }

  const CheckContext& c_;
  const QuiesceLoad& load_;
  const model::LinkRate rate_;
  const Ps way_;
  const Ps read_;
  const Ps write_;
};

}  // namespace

std::uint64_t reads_at_a_time(const CheckContext& context) {
  const std::uint64_t bytes =
      std::max<std::uint64_t>(context.pcie.completion_data * kCreditUnit, context.pcie.max_payload);
  const std::uint64_t by_data = bytes / context.pcie.max_read_request;
  return std::max<std::uint64_t>(
      1, std::min({std::uint64_t{model::tag_share(context.nic).of_one()},
                   std::uint64_t{context.pcie.nonposted_headers}, by_data}));
}

std::uint64_t writes_at_a_time(const CheckContext& context) {
  const std::uint64_t bytes =
      std::max<std::uint64_t>(context.pcie.posted_data * kCreditUnit, context.pcie.max_payload);
  return std::max<std::uint64_t>(
      1, std::min<std::uint64_t>(context.pcie.posted_headers, bytes / context.pcie.max_payload));
}

Ps quiesce_bound(const CheckContext& context, const QuiesceLoad& load) {
  return Bound(context, load).total();
}

Ps held_work_bound(const CheckContext& context, const QuiesceLoad& load, std::uint64_t rivals) {
  return Bound(context, load).held_work(rivals);
}

}  // namespace vfsim::bench
