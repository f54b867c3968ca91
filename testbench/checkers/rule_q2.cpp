// Q2: the acknowledgement of the initiator quiesce means drained.
#include <fmt/format.h>

#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

/// Reads count until their last completion, unless the completion time-out ended them. Interrupt
/// messages are not counted: they may still leave in the P2P states (Q1), and their target is not
/// memory.
class Q2 final : public Rule {
 public:
  explicit Q2(const RuleInputs& inputs) : view_(inputs.view) {}

  void subscribe(model::ProbeBus& bus) override { (void)bus; }

  void quiesced(model::Ps t, model::FnRef who, Half half) override {
    if (half != Half::initiator) {
      return;
    }
    evaluated();
    const std::uint32_t reads = view_.outstanding_reads(who, t);
    const std::uint64_t writes = view_.writes_in_flight(who);
    if (reads != 0 || writes != 0) {
      violate(t, who,
              "no read outstanding and every write in memory at the initiator acknowledgement",
              fmt::format("{} reads outstanding, {} writes in flight", reads, writes));
    }
  }

 private:
  FunctionView& view_;
};

}  // namespace

std::unique_ptr<Rule> make_rule_Q2(const RuleInputs& inputs) {
  return std::make_unique<Q2>(inputs);
}

}  // namespace vfsim::bench
