#include "testbench/runner/moment_watch.hpp"

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

struct CommandMoment {
  std::string_view name;
  std::uint16_t opcode;
  std::uint16_t op_mod;
  bool completed;
};
constexpr CommandMoment kCommands[] = {
#define PHASE(name)
#define COMMAND(name, opcode, op_mod, completed) {#name, VF_OP_##opcode, op_mod, completed},
#include "testbench/scenarios/moments.def"
#undef PHASE
#undef COMMAND
};

/// Guest g drives VF g, which is function g + 1. All these commands name it at the same place.
std::uint32_t guest_of(const model::CommandView& view) {
  return static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id)) - VF_VHCA_ID_BASE -
         1;
}
static_assert(VF_OFF(suspend_vhca_in, vhca_id) == VF_OFF(save_vhca_state_in, vhca_id) &&
              VF_OFF(suspend_vhca_in, vhca_id) == VF_OFF(load_vhca_state_in, vhca_id) &&
              VF_OFF(suspend_vhca_in, vhca_id) == VF_OFF(resume_vhca_in, vhca_id));

}  // namespace

MomentWatch::MomentWatch(model::ProbeBus& probes) {
  probes.subscribe(*this, {model::Probe::driver, model::Probe::command});
}

bool MomentWatch::wait(SimOs& os, std::uint32_t guest, std::string_view moment,
                       driver::Nanoseconds limit) {
  const auto waiter = waiters_.insert(waiters_.end(), {guest, moment, os.make_event()});
  const bool reached = waiter->reached->wait(limit);
  waiters_.erase(waiter);
  return reached;
}

void MomentWatch::phase(model::Ps, std::uint32_t guest, const char* name, bool begin) {
  if (begin) {
    reached(guest, name);
  }
}

void MomentWatch::command(model::Ps, const model::CommandView& view, bool completed) {
  if (waiters_.empty() || view.who.fn != 0 ||
      (completed && (view.delivery != 0 || view.status != 0))) {
    return;
  }
  for (const CommandMoment& row : kCommands) {
    if (row.opcode == view.opcode && row.op_mod == view.op_mod && row.completed == completed) {
      reached(guest_of(view), row.name);
    }
  }
}

void MomentWatch::reached(std::uint32_t guest, std::string_view moment) {
  for (const Waiter& waiter : waiters_) {
    if (waiter.guest == guest && waiter.moment == moment) {
      waiter.reached->notify();
    }
  }
}

}  // namespace vfsim::bench
