// Q6: what the device wrote before an interrupt is in memory when the interrupt is delivered.
#include <fmt/format.h>

#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

/// Two questions at each message for vector v of a function:
///   order  every write to memory that the function sent before the message has landed;
///   cause  the event it announces is visible: some event queue of v has a new entry at its last
///   known consumer index,
///          or more entries became visible in the queues of v since the message before. (An entry
///          keeps its owner bit until the ring comes round, so events that the driver consumed
///          meanwhile are counted too. Each queue that got some has a message due: where queues
///          share a vector, the driver may have seen them all at the first, and the message of one
///          may have made it arm another whose event was under way: each such arm raises once
///          more, and several threads of a driver may have armed before the first message arrives.)
/// Messages for a vector without a known event queue are judged for order only.
class Q6 final : public Rule {
 public:
  explicit Q6(const RuleInputs& inputs) : context_(inputs.context), view_(inputs.view) {}

  void subscribe(model::ProbeBus& bus) override { bus.subscribe(*this, {model::Probe::msi}); }

  void msi(Ps t, FnRef who, std::uint32_t data, model::MsiAction action) override {
    (void)action;
    if (!is_nic(context_, who)) {
      return;
    }
    evaluated();
    const std::uint32_t vector = view_.vector_of(who, data);
    if (const std::uint64_t behind = view_.writes_behind_interrupt(who); behind != 0) {
      violate(t, who, "writes before the interrupt have landed",
              fmt::format("{} writes still in flight at the message of vector {}", behind, vector));
    }
    std::uint32_t queues = 0;
    bool cause = false;
    EventQueueView* due = nullptr;
    EventQueueView* rearmed = nullptr;
    for (auto& [eqn, queue] : view_.objects(who).eq) {
      if (queue.vector == vector) {
        ++queues;
        cause |= entry_is_new(who, queue,
                              queue.ci);  // before advance(): both must be asked of every queue
        queue.announce |= advance(who, queue);
        due = due == nullptr && queue.announce ? &queue : due;
        rearmed = queue.rearms != 0 && queue.visible != queue.armed_at ? &queue : rearmed;
      }
    }
    if (due != nullptr) {
      due->announce = false;
      cause = true;
    } else if (!cause && queues > 1 && rearmed != nullptr) {
      --rearmed->rearms;
      cause = true;
    }
    if (queues != 0 && !cause) {
      violate(t, who, "the event that the interrupt announces is in its queue",
              fmt::format("no new entry in any event queue of vector {}", vector));
    }
  }

 private:
  [[nodiscard]] bool entry_is_new(FnRef who, const EventQueueView& queue,
                                  std::uint32_t counter) const {
    const std::uint64_t slot = counter & ((1U << queue.log_size) - 1);
    const auto address = queue.ring.address(slot * VF_BYTES(eqe));
    std::uint8_t entry[VF_BYTES(eqe)];
    if (!address || !read_bus(context_, who, *address, entry, sizeof entry)) {
      return false;
    }
    return ((VF_GET(eqe, entry, owner) ^ (counter >> queue.log_size)) & 1) == 0;
  }

  /// Counts entries that became visible; true if there were any.
  bool advance(FnRef who, EventQueueView& queue) const {
    const std::uint32_t before = queue.visible;
    while (queue.visible - before < 1U << queue.log_size &&
           entry_is_new(who, queue, queue.visible)) {
      ++queue.visible;
    }
    return queue.visible != before;
  }

  const CheckContext& context_;
  FunctionView& view_;
};

}  // namespace

std::unique_ptr<Rule> make_rule_Q6(const RuleInputs& inputs) {
  return std::make_unique<Q6>(inputs);
}

}  // namespace vfsim::bench
