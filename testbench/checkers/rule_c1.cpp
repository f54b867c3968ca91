// C1: one completion per command, and the engine writes only what it owns.
#include <fmt/format.h>

#include "firmware/interface/signature.h"
#include "testbench/checkers/command_entry.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

/// A command that is still open after this long at the end of a run, on a function that runs, was
/// forgotten. (Unless the host has lost the answer to a read of the function since: a command whose
/// entry or mailbox the device cannot read ends in the health buffer.)
constexpr Ps kCommandBound = 1000 * model::kMs;

class C1 final : public Rule, private QueueWriteListener {
 public:
  explicit C1(const RuleInputs& inputs) : commands_(inputs.commands), view_(inputs.view) {
    commands_.set_listener(this);
  }

  void subscribe(model::ProbeBus& bus) override { (void)bus; }

  void finish(Ps end) override {
    for (std::uint32_t index = 0; index < kFunctionIndices; ++index) {
      const FnRef who{static_cast<std::uint8_t>(index / VF_MAX_FUNCTIONS),
                      static_cast<std::uint8_t>(index % VF_MAX_FUNCTIONS)};
      if (view_.run(who).initiator_stopped) {
        continue;  // a quiesced function holds its commands
      }
      const auto& slots = commands_.queue(who).slots;
      for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        if (slots[slot].active && end - slots[slot].submitted > kCommandBound &&
            !view_.lost_read(who, slots[slot].submitted, end)) {
          evaluated();
          violate(end, who, "each command gets a completion",
                  fmt::format("slot {}, opcode {:#x}: none for {} ms", slot, slots[slot].opcode,
                              (end - slots[slot].submitted) / model::kMs));
        }
      }
    }
  }

 private:
  void queue_write(Ps t, const QueueWrite& write) override {
    evaluated();
    const std::string seen = fmt::format("slot {}: bytes {:#x}..{:#x}", write.slot, write.offset,
                                         write.offset + write.bytes - 1);
    if (!write.active) {
      violate(t, write.who, "one completion per command: no write to a slot that the driver owns",
              seen);
      return;
    }
    if (write.offset < kCommandOutput || write.offset + write.bytes > kCommandEntry) {
      violate(t, write.who, "the engine writes bytes 0x20..0x3f of a slot only", seen);
    }
    if (!write.completes) {
      return;
    }
    const auto token =
        static_cast<std::uint32_t>(VF_GET(cmd_queue_entry, write.entry.data(), token));
    if (token != write.submitted_token) {
      violate(t, write.who,
              fmt::format("slot {} keeps token {}", write.slot, write.submitted_token),
              fmt::format("{}", token));
    }
    if (vf_entry_signed(write.entry.data()) == 0) {
      violate(t, write.who, fmt::format("slot {} is completed with a right signature", write.slot),
              fmt::format("{:#x}", VF_GET(cmd_queue_entry, write.entry.data(), signature)));
    }
  }

  void input_write(Ps t, FnRef who, std::uint64_t iova, std::uint32_t bytes) override {
    evaluated();
    violate(t, who, "the engine never writes an input mailbox",
            fmt::format("{} bytes at {:#x}", bytes, iova));
  }

  CommandMonitor& commands_;
  FunctionView& view_;
};

}  // namespace

std::unique_ptr<Rule> make_rule_C1(const RuleInputs& inputs) {
  return std::make_unique<C1>(inputs);
}

}  // namespace vfsim::bench
