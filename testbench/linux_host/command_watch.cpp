#include "testbench/linux_host/command_watch.hpp"

#include <utility>

#include "firmware/interface/layout.h"

namespace vfsim::bench {

CommandWatch::CommandWatch(model::ProbeBus& probes, std::function<void()> changed)
    : changed_(std::move(changed)) {
  probes.subscribe(*this, {model::Probe::command, model::Probe::function_reset});
}

void CommandWatch::command_submitted(model::Ps, const model::CommandView& view) {
  State& s = state(view.who);
  s.leaves = s.leaves || view.opcode == VF_OP_DESTROY_EQ;
  if (s.event_queue == kNone || view.opcode == VF_OP_DESTROY_EQ) {
    s.slots |= 1U << view.slot;
  }
}

void CommandWatch::command_completed(model::Ps, const model::CommandView& view) {
  State& s = state(view.who);
  const bool done = view.delivery == VF_DELIVERY_OK && view.status == VF_STATUS_OK;
  if (done && view.opcode == VF_OP_CREATE_EQ &&
      (VF_GET(create_eq_in, view.in, event_bitmask_0) >> VF_EVENT_CMD & 1U) != 0) {
    s.event_queue = static_cast<std::uint32_t>(VF_GET(create_eq_out, view.out, eq_number));
    s.leaves = false;
  } else if (done && view.opcode == VF_OP_DESTROY_EQ &&
             VF_GET(destroy_eq_in, view.in, eq_number) == s.event_queue) {
    s.event_queue = kNone;
  }
  s.slots &= ~(1U << view.slot);
  if (s.slots == 0) {
    changed_();
  }
}

void CommandWatch::function_reset(model::Ps, model::FnRef who) {
  state(who) = State{};
  changed_();
}

}  // namespace vfsim::bench
