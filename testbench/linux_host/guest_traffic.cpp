#include "testbench/linux_host/guest_traffic.hpp"

#include <fmt/format.h>

namespace vfsim::bench {

std::string GuestTraffic::told(const FunctionBus& bus, const UserCall& call) {
  switch (call.kind) {
    case UserCallKind::uses:
    case UserCallKind::posted:
    case UserCallKind::delivered:
    case UserCallKind::completed:
    case UserCallKind::abandoned:
    case UserCallKind::waits:
    case UserCallKind::down:
      return of_guest(bus, call);
    case UserCallKind::counts_from:
    case UserCallKind::counted:
      interface(bus, call);
      return "";
    case UserCallKind::resetting:
    case UserCallKind::was_reset:
      reset(bus.functions_at(call.device).front(), call.kind == UserCallKind::resetting);
      return "";
    default:
      return "";
  }
}

std::string GuestTraffic::of_guest(const FunctionBus& bus, const UserCall& call) {
  const std::uint64_t number = call.numbers.empty() ? guests_.size() : call.numbers[0];
  if (number >= guests_.size()) {
    return "it names no guest";
  }
  Guest& guest = guests_[number];
  const auto index = static_cast<std::uint32_t>(number);
  if (call.kind == UserCallKind::uses) {
    guest.bus = &bus;
    guest.device = call.device;
    oracle_.uses(index, bus.functions_at(call.device).front());
  } else if (guest.bus != &bus) {
    return fmt::format("guest {} has not told which function it uses", number);
  } else {
    frames(index, guest, call);
  }
  return "";
}

void GuestTraffic::frames(std::uint32_t number, Guest& guest, const UserCall& call) {
  const auto& n = call.numbers;
  switch (call.kind) {
    case UserCallKind::posted:
      for (std::size_t i = 1; i < n.size(); ++i) {
        oracle_.posted(number, n[i]);
      }
      break;
    case UserCallKind::delivered:
      for (std::size_t i = 1; i < n.size(); ++i) {
        oracle_.delivered(number, n[i]);
      }
      break;
    case UserCallKind::completed:
      oracle_.completed(number, guest.completed_before + n[1]);
      break;
    case UserCallKind::abandoned:
      oracle_.abandon(number, guest.completed_before + n[1]);
      break;
    case UserCallKind::waits:
      oracle_.interrupts_checked(number, n[1], fmt::format("{} queues are armed, have entries, and no interrupt came", n[1]));
      break;
    default:
      guest.completed_before += n[1];
      guest.bus = nullptr;
      oracle_.leaves(number);
      break;
  }
}

void GuestTraffic::interface(const FunctionBus& bus, const UserCall& call) {
  const auto& n = call.numbers;
  const PortCounts counts{n[0], n[1], n[2], n[3]};
  const auto functions = bus.functions_at(call.device);
  if (call.kind == UserCallKind::counts_from) {
    oracle_.interface_begins(functions, counts);
  } else {
    oracle_.interface_counted(functions, counts);
  }
}

void GuestTraffic::reset(model::FnRef who, bool comes) {
  for (std::uint32_t number = 0; number < guests_.size(); ++number) {
    const Guest& guest = guests_[number];
    if (guest.bus == nullptr) {
      continue;
    }
    const model::FnRef place = guest.bus->functions_at(guest.device).front();
    if (place.host != who.host || place.fn != who.fn) {
      continue;
    }
    if (comes) {
      oracle_.expect_reset(number, who);
    } else {
      oracle_.expect_no_reset(number);
    }
  }
}

}  // namespace vfsim::bench
