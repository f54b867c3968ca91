#include "testbench/runner/moment_watch.hpp"

#include <algorithm>
#include <iterator>

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

enum class Side : std::uint8_t { source, destination };
struct CommandMoment {
  std::string_view name;
  std::uint16_t opcode;
  std::uint16_t op_mod;
  bool completed;
  Side side;
};
constexpr CommandMoment kCommands[] = {
#define PHASE(name)
#define COMMAND(name, opcode, op_mod, completed, side) \
  {#name, VF_OP_##opcode, op_mod, completed, Side::side},
#include "testbench/scenarios/moments.def"
#undef PHASE
#undef COMMAND
};

/// VF v is function v + 1. All these commands name it at the same place.
std::uint32_t vf_of(const model::CommandView& view) {
  return static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id)) - VF_VHCA_ID_BASE -
         1;
}
static_assert(VF_OFF(suspend_vhca_in, vhca_id) == VF_OFF(save_vhca_state_in, vhca_id) &&
              VF_OFF(suspend_vhca_in, vhca_id) == VF_OFF(load_vhca_state_in, vhca_id) &&
              VF_OFF(suspend_vhca_in, vhca_id) == VF_OFF(resume_vhca_in, vhca_id));

bool on_destination(std::string_view moment) {
  return std::any_of(std::begin(kCommands), std::end(kCommands), [&](const CommandMoment& row) {
    return row.name == moment && row.side == Side::destination;
  });
}

}  // namespace

MomentWatch::MomentWatch(model::ProbeBus& probes, std::uint32_t vfs_per_guest)
    : vfs_per_guest_(vfs_per_guest) {
  probes.subscribe(*this, {model::Probe::driver, model::Probe::command});
}

bool MomentWatch::wait(SimOs& os, const GuestCore& guest, std::string_view moment,
                       driver::Nanoseconds limit) {
  const std::uint8_t host = guest.host ^ (on_destination(moment) ? 1U : 0U);
  const auto waiter =
      waiters_.insert(waiters_.end(), {guest.number, host, moment, os.make_event()});
  const bool reached = waiter->reached->wait(limit);
  waiters_.erase(waiter);
  return reached;
}

void MomentWatch::phase(model::Ps, std::uint32_t guest, const char* name, bool begin) {
  for (const Waiter& waiter : waiters_) {
    if (begin && waiter.guest == guest && waiter.moment == name) {
      waiter.reached->notify();
    }
  }
}

void MomentWatch::command(const model::CommandView& view, bool completed) {
  if (waiters_.empty() || view.who.fn != 0 ||
      (completed && (view.delivery != 0 || view.status != 0))) {
    return;
  }
  for (const CommandMoment& row : kCommands) {
    if (row.opcode == view.opcode && row.op_mod == view.op_mod && row.completed == completed) {
      for (const Waiter& waiter : waiters_) {
        if (waiter.moment == row.name && waiter.guest == vf_of(view) / vfs_per_guest_ &&
            waiter.host == view.who.host) {
          waiter.reached->notify();
        }
      }
    }
  }
}

}  // namespace vfsim::bench
