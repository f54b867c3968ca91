// P1: the devices of one guest stop and start in step: all of them reach P2P before one goes on.
#include <fmt/format.h>
#include <vector>

#include "firmware/interface/tables.hpp"
#include "host_driver/migration/vfio_device.hpp"
#include "testbench/checkers/mig_name.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using model::FnRef;
using model::Ps;

/// Judged at the end of each arc, while a migration of the guest goes on: its devices on the host
/// of the arc must stand so that whoever still runs as initiator reaches only responders. A device
/// whose arc failed, or that was reset, is where it cannot help it, and is left out until its next
/// arc. A machine whose devices have no P2P states is exempt (CheckContext::migration_flags).
class P1 final : public Rule {
 public:
  explicit P1(const RuleInputs& inputs)
      : exempt_((inputs.context.migration_flags & VF_MIG_FLAG_P2P) == 0) {}

  void subscribe(model::ProbeBus& bus) override {
    if (!exempt_) {
      bus.subscribe(*this, {model::Probe::driver, model::Probe::function_reset});
    }
  }

  void assigned(Ps t, std::uint32_t guest, FnRef who) override {
    (void)t;
    if (Device* known = find(who)) {
      known->guest = guest;
    } else {
      devices_.push_back({who, guest, MigState::running, false});
    }
  }

  void migration(Ps t, const model::MigrationView& view) override {
    (void)t;
    if (view.guest >= moving_.size()) {
      moving_.resize(view.guest + 1);
    }
    moving_[view.guest] = {view.begin, view.from};
  }

  void vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) override {
    Device* device = find(who);
    if (device == nullptr) {
      return;
    }
    device->left_out = error != 0;
    if (error != 0) {
      return;
    }
    device->state = static_cast<MigState>(to);
    if (device->guest < moving_.size() && moving_[device->guest].on) {
      const auto before = static_cast<MigState>(from);
      const bool stopped = device->state == MigState::stop || device->state == MigState::stop_copy;
      if (stopped && before != MigState::stop && before != MigState::stop_copy &&
          before != MigState::resuming) {
        judge_stop(t, *device, before);
      } else if (before == MigState::running_p2p && device->state == MigState::running) {
        judge_start(t, *device);
      }
    }
  }

  void device_reset(Ps t, FnRef who, std::uint32_t now, int error) override {
    (void)t, (void)error;
    if (Device* device = find(who)) {
      device->state = static_cast<MigState>(now);
      device->left_out = true;
    }
  }
  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (Device* device = find(who)) {
      device->left_out = true;
    }
  }

 private:
  struct Device {
    FnRef who;
    std::uint32_t guest = 0;
    MigState state = MigState::running;
    bool left_out = false;
  };
  struct Move {
    bool on = false;
    std::uint8_t from = 0;  // host
  };

  Device* find(FnRef who) {
    for (Device& device : devices_) {
      if (device.who.host == who.host && device.who.fn == who.fn) {
        return &device;
      }
    }
    return nullptr;
  }

  /// Calls `check(other)` for every other device that counts; whether there is one.
  template <class Check>
  bool others(const Device& device, const Check& check) {
    bool any = false;
    for (const Device& other : devices_) {
      if (&other != &device && other.guest == device.guest && other.who.host == device.who.host &&
          !other.left_out) {
        any = true;
        check(other);
      }
    }
    return any;
  }

  /// On the source only: on the destination the devices stop one by one before the guest is there.
  void judge_stop(Ps t, const Device& device, MigState before) {
    if (device.who.host != moving_[device.guest].from) {
      return;
    }
    const bool any = others(device, [&](const Device& other) {
      if (other.state == MigState::running || other.state == MigState::pre_copy) {
        violate(t, device.who, "every device of the guest is in a P2P state before one stops",
                fmt::format("{} -> {} while {} is in {}", mig_name(before), mig_name(device.state),
                            function_name(other.who), mig_name(other.state)));
      }
    });
    if (any && (before == MigState::running || before == MigState::pre_copy)) {
      violate(t, device.who, "a device of several goes through a P2P state before it stops",
              fmt::format("{} -> {}", mig_name(before), mig_name(device.state)));
    }
    evaluated(any ? 1 : 0);
  }

  void judge_start(Ps t, const Device& device) {
    evaluated(
        others(device,
               [&](const Device& other) {
                 if (other.state != MigState::running_p2p && other.state != MigState::running &&
                     other.state != MigState::pre_copy) {
                   violate(t, device.who,
                           "every device of the guest is in RUNNING_P2P before one reaches RUNNING",
                           fmt::format("RUNNING_P2P -> RUNNING while {} is in {}",
                                       function_name(other.who), mig_name(other.state)));
                 }
               })
            ? 1
            : 0);
  }

  const bool exempt_;
  std::vector<Device> devices_;
  std::vector<Move> moving_;  // by guest
};

}  // namespace

std::unique_ptr<Rule> make_rule_P1(const RuleInputs& inputs) {
  return std::make_unique<P1>(inputs);
}

}  // namespace vfsim::bench
