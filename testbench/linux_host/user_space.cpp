#include "testbench/linux_host/user_space.hpp"

#include <algorithm>
#include <utility>

#include "host_driver/migration/fsm.hpp"
#include "testbench/checkers/mig_halves.hpp"

namespace vfsim::bench {

using driver::MigState;
using model::FnRef;
using model::Observer;
using model::Probe;
using model::Ps;

namespace {

constexpr std::size_t kMostCollected = 64U << 20;  // of bytes or pages between two calls

bool is_state(std::uint64_t number) { return number < driver::kMigStates; }

model::StreamView view_of(FnRef who, std::uint64_t descriptor, bool saving, model::StreamOp op) {
  model::StreamView view;
  view.who = who;
  view.descriptor = static_cast<std::uint32_t>(descriptor);
  view.saving = saving;
  view.op = op;
  return view;
}

}  // namespace

UserSpace::UserSpace(std::function<Ps()> now, model::ProbeBus& probes, FunctionView& view,
                     std::function<void(std::uint64_t)> offers)
    : now_(std::move(now)),
      probes_(probes),
      offers_(std::move(offers)),
      devices_(kFunctionIndices) {
  view.add_listener(*this);
}

std::string UserSpace::told(const FunctionBus& bus, const UserCall& call) {
  const FnRef who = bus.functions_at(call.device).front();
  if (call.kind < UserCallKind::uses && who.fn == 0) {
    return "a PF has no calls of VFIO";
  }
  take(device_of(who), who, call);
  return "";
}

void UserSpace::take(Device& device, FnRef who, const UserCall& call) {
  const auto& n = call.numbers;
  switch (call.kind) {
    case UserCallKind::opened:
      device = {};
      device.flags = n[0];
      offers_(n[0]);
      break;
    case UserCallKind::setting:
      device.walks = is_state(n[0]);
      device.target = static_cast<MigState>(n[0]);
      break;
    case UserCallKind::was_set:
      was_set(device, who, call);
      break;
    case UserCallKind::was_reset:
      was_reset(device, who, call);
      break;
    case UserCallKind::stream:
    case UserCallKind::bytes:
    case UserCallKind::read:
    case UserCallKind::wrote:
      stream(device, who, call);
      break;
    case UserCallKind::precopy:
      probes_.emit<Probe::driver>(
          &Observer::precopy_info, now_(),
          model::PrecopyView{who, static_cast<std::uint32_t>(n[0]), static_cast<int>(n[1]), n[2] != 0,
                             n[3], n[4]});
      break;
    case UserCallKind::tracking:
      probes_.emit<Probe::driver>(&Observer::dirty_tracking, now_(), who, n[0] != 0);
      break;
    case UserCallKind::pages:
      if (device.pages.size() < kMostCollected) {
        device.pages.insert(device.pages.end(), n.begin(), n.end());
      }
      break;
    case UserCallKind::reported:
      probes_.emit<Probe::driver>(&Observer::dirty_report, now_(), who,
                                  device.pages.data(), device.pages.size());
      device.pages.clear();
      break;
    default:
      break;
  }
}

void UserSpace::stream(Device& device, FnRef who, const UserCall& call) {
  const auto& n = call.numbers;
  if (call.kind == UserCallKind::bytes) {
    if (device.bytes.size() < kMostCollected) {
      std::transform(n.begin(), n.end(), std::back_inserter(device.bytes),
                     [](std::uint64_t byte) { return static_cast<std::uint8_t>(byte); });
    }
    return;
  }
  model::StreamView view;
  if (call.kind == UserCallKind::stream) {
    device.saving = n[1] != 0;
    view = view_of(who, n[0], device.saving, model::StreamOp::opened);
  } else {
    const bool read = call.kind == UserCallKind::read;
    view = view_of(who, n[0], device.saving, read ? model::StreamOp::read : model::StreamOp::write);
    view.asked = n[1];
    view.error = static_cast<int>(n[2]);
    view.bytes = read ? device.bytes.data() : nullptr;
    view.count = read ? device.bytes.size() : n[3];
  }
  probes_.emit<Probe::driver>(&Observer::stream, now_(), view);
  device.bytes.clear();
}

MigState UserSpace::next(const Device& device) {
  const MigState to = driver::mig_next_state(device.flags, device.state, device.target);
  return to == MigState::error ? device.state : to;
}

void UserSpace::step(Device& device, FnRef who, MigState to, int error) {
  probes_.emit<Probe::driver>(&Observer::vfio_state, now_(), who,
                              static_cast<std::uint32_t>(device.state),
                              static_cast<std::uint32_t>(to), error);
  if (error == 0) {
    device.state = to;
  }
}

bool UserSpace::moves_half(const Device& device) {
  return !(halves_of(device.state) == halves_of(next(device)));
}

void UserSpace::half_moves(FnRef who) {
  Device& device = device_of(who);
  while (device.walks && next(device) != device.state && !moves_half(device)) {
    step(device, who, next(device), 0);
  }
}

void UserSpace::half_changed(FnRef who) {
  Device& device = device_of(who);
  if (device.walks && moves_half(device)) {
    step(device, who, next(device), 0);
  }
}

void UserSpace::was_set(Device& device, FnRef who, const UserCall& call) {
  const auto now = static_cast<MigState>(call.numbers[1]);
  const auto error = static_cast<int>(call.numbers[2]);
  // Of a walk that failed: what is before the state in which it ended. The next one is the one.
  while (device.walks && next(device) != device.state && (error == 0 || device.state != now)) {
    step(device, who, next(device), 0);
  }
  if (device.walks && error != 0 && next(device) != device.state) {
    step(device, who, next(device), error);
  }
  device.walks = false;
  probes_.emit<Probe::driver>(&Observer::set_state_done, now_(), who,
                              static_cast<std::uint32_t>(call.numbers[0]),
                              static_cast<std::uint32_t>(call.numbers[1]), error);
  if (is_state(call.numbers[1])) {
    device.state = now;
  }
}

void UserSpace::was_reset(Device& device, FnRef who, const UserCall& call) {
  const auto error = static_cast<int>(call.numbers[1]);
  if (error == 0) {
    device.walks = false;
    step(device, who, MigState::running, 0);
  }
  probes_.emit<Probe::driver>(&Observer::device_reset, now_(), who,
                              static_cast<std::uint32_t>(call.numbers[0]), error);
}

}  // namespace vfsim::bench
