// X2: after a migration that fails the source can run; never do both hosts run a guest.
#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <map>

#include "firmware/interface/tables.hpp"
#include "host_driver/migration/vfio_device.hpp"
#include "testbench/checkers/mig_name.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using model::FnRef;
using model::Ps;

/// A device works for a guest on a host from the moment when the guest's vCPUs start there, or when
/// the device has taken the guest's state (RESUMING -> STOP), to its reset. It runs in RUNNING and
/// PRE_COPY, where it may start DMA.
///   at any time   not both hosts' vCPUs of a guest, nor both hosts' devices that work for it, run;
///   no
///                 device sends a request while the other host's run
///   at the end    completed: the source's vCPUs do not run
///                 rolled_back, cancelled, reset: GET told RUNNING of every device of the source,
///                 its vCPUs run if they did at the beginning, and nothing of the guest runs, or
///                 has run, at the destination; a device of the source was reset if and only if the
///                 outcome says so lost: the same, but a device of the source answered ENOTCONN:
///                 its host has taken it away; and only then unknown: the source's vCPUs do not
///                 run, nor do its devices
/// That nothing is lost on the way is X1's.
class X2 final : public Rule {
 public:
  explicit X2(const RuleInputs& inputs) : context_(inputs.context), view_(inputs.view) {
    guest_of_.resize(kFunctionIndices, kNobody);
  }

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::driver});
    view_.quiet().subscribe(*this, {model::Probe::tlp_sent});
  }

  void assigned(Ps t, std::uint32_t guest, FnRef who) override {
    (void)t;
    auto& devices = guests_[guest].side[who.host].devices;
    if (std::none_of(devices.begin(), devices.end(),
                     [&](const Device& d) { return d.who.fn == who.fn; })) {
      devices.push_back({who});
    }
    if (is_nic(context_, who)) {
      guest_of_[function_index(who)] = guest;
    }
  }

  void vcpu(Ps t, std::uint32_t number, bool running, std::uint8_t host) override {
    Guest& guest = guests_[number];
    Side& side = guest.side[host];
    side.vcpus = running;
    if (running) {
      for (Device& device : side.devices) {
        device.works = true;
      }
    }
    evaluated();
    if (running && guest.side[host ^ 1U].vcpus) {
      violate(t, first_of(side, host), "the vCPUs of a guest run on one host at a time",
              fmt::format("guest {}: vCPUs start on {} while they run on {}", number,
                          host_name(host), host_name(host ^ 1U)));
    }
    judge_devices(t, number, guest);
  }

  void vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) override {
    if (error != 0) {
      return;
    }
    each(who, [&](std::uint32_t number, Guest& guest, Device& device) {
      device.state = static_cast<MigState>(to);
      device.works |= static_cast<MigState>(from) == MigState::resuming;
      device.ran |= device.works && device.state == MigState::running;
      if (device.works) {
        evaluated();
        judge_devices(t, number, guest);
      }
    });
  }

  void set_state_done(Ps t, FnRef who, std::uint32_t requested, std::uint32_t now,
                      int error) override {
    (void)t, (void)requested;
    each(who, [&](std::uint32_t, Guest&, Device& device) {
      device.state = static_cast<MigState>(now);
      device.gone = error == ENOTCONN;
    });
  }

  void device_reset(Ps t, FnRef who, std::uint32_t now, int error) override {
    (void)t;
    each(who, [&](std::uint32_t, Guest& guest, Device& device) {
      device.state = static_cast<MigState>(now);
      device.gone = error == ENOTCONN;
      if (error == 0) {
        device.works = guest.side[who.host].vcpus;  // nothing of the guest is in it any more
        device.reset = true;
      }
    });
  }

  void tlp_sent(Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override {
    (void)payload;
    const FnRef who{host, static_cast<std::uint8_t>(function_of(context_, tlp.requester))};
    if (tlp.kind == model::TlpKind::completion || tlp.interrupt || !is_nic(context_, who)) {
      return;
    }
    const std::uint32_t number = guest_of_[function_index(who)];
    const auto found = guests_.find(number);
    if (found != guests_.end() && runs(found->second.side[host ^ 1U]) &&
        works(found->second.side[host], who)) {
      violate(t, who, "no device of the guest starts DMA while the other host's run",
              fmt::format("guest {}: {} of {} bytes at {:#x}", number,
                          tlp.kind == model::TlpKind::mem_read ? "memory read" : "memory write",
                          tlp.bytes, tlp.addr));
    }
  }

  void migration(Ps t, const model::MigrationView& view) override {
    Guest& guest = guests_[view.guest];
    if (view.begin) {
      guest.ran = guest.side[view.from].vcpus;
      for (Side& side : guest.side) {
        for (Device& device : side.devices) {
          device.reset = device.gone = device.ran = false;
        }
      }
      return;
    }
    evaluated();
    const std::string outcome = view.outcome;
    if (outcome == "completed" || outcome == "unknown") {
      judge_gone(t, view, guest, outcome);
    } else {
      judge_back(t, view, guest, outcome);
    }
  }

 private:
  struct Device {
    FnRef who;
    MigState state = MigState::running;  // as GET told last
    bool works = false;                  // for the guest
    bool reset = false;                  // since the migration began
    bool gone = false;                   // its last answer was ENOTCONN
    bool ran = false;                    // with the guest's state, since the migration began
  };
  struct Side {
    std::vector<Device> devices;
    bool vcpus = false;
  };
  struct Guest {
    std::array<Side, kHosts> side;
    bool ran = false;  // vCPUs at the source when the migration began
  };
  static constexpr std::uint32_t kNobody = ~0U;

  static char host_name(unsigned host) { return host == 0 ? 'A' : 'B'; }
  static FnRef first_of(const Side& side, std::uint8_t host) {
    return side.devices.empty() ? FnRef{host, 0} : side.devices.front().who;
  }
  static bool runs(const Device& device) {
    return device.works &&
           (device.state == MigState::running || device.state == MigState::pre_copy);
  }
  static bool runs(const Side& side) {
    return std::any_of(side.devices.begin(), side.devices.end(),
                       [](const Device& d) { return runs(d); });
  }
  static bool works(const Side& side, FnRef who) {
    return std::any_of(side.devices.begin(), side.devices.end(),
                       [&](const Device& d) { return d.who.fn == who.fn && d.works; });
  }

  /// The device's entry with each guest that it is assigned to.
  template <class Action>
  void each(FnRef who, Action action) {
    for (auto& [number, guest] : guests_) {
      for (Device& device : guest.side[who.host].devices) {
        if (device.who.fn == who.fn) {
          action(number, guest, device);
        }
      }
    }
  }

  void judge_devices(Ps t, std::uint32_t number, const Guest& guest) {
    if (runs(guest.side[0]) && runs(guest.side[1])) {
      violate(t, first_of(guest.side[0], 0), "the devices of a guest run on one host at a time",
              fmt::format("guest {}: devices run on A and on B", number));
    }
  }

  void judge_gone(Ps t, const model::MigrationView& view, const Guest& guest,
                  const std::string& outcome) {
    const Side& source = guest.side[view.from];
    if (source.vcpus || (outcome == "unknown" && runs(source))) {
      violate(t, first_of(source, view.from),
              fmt::format("after a migration that ended '{}' the guest does not run at the source",
                          outcome),
              fmt::format("guest {}: {} run on {}", view.guest, source.vcpus ? "vCPUs" : "devices",
                          host_name(view.from)));
    }
  }

  void judge_back(Ps t, const model::MigrationView& view, const Guest& guest,
                  const std::string& outcome) {
    const Side& source = guest.side[view.from];
    const Side& target = guest.side[view.to];
    bool reset = false;
    bool gone = false;
    for (const Device& device : source.devices) {
      reset |= device.reset;
      gone |= device.gone;
      if (device.state != MigState::running && !device.gone) {
        violate(t, device.who, "after a failed migration GET tells RUNNING of the source's devices",
                fmt::format("'{}', {}", outcome,
                            mig_name(device.state)));
      }
    }
    if (guest.ran && !source.vcpus) {
      violate(t, first_of(source, view.from),
              "after a failed migration the guest runs at the source",
              fmt::format("'{}', the vCPUs of guest {} are stopped", outcome, view.guest));
    }
    if (target.vcpus || runs(target)) {
      violate(t, first_of(target, view.to),
              "after a failed migration nothing of the guest runs at the destination",
              fmt::format("'{}', {} of guest {} run on {}", outcome,
                          target.vcpus ? "vCPUs" : "devices", view.guest, host_name(view.to)));
    }
    for (const Device& device : target.devices) {
      if (device.ran && !runs(device)) {
        violate(t, device.who,
                "a migration fails only as long as no device has run at the destination",
                fmt::format("'{}', the device has been in RUNNING", outcome));
      }
    }
    if (gone != (outcome == "lost")) {
      violate(t, first_of(source, view.from),
              "a failed migration ends 'lost' if a device of the source is gone, and only then",
              fmt::format("'{}', {}", outcome, gone ? "a device is gone" : "none is gone"));
    }
    if (!gone && reset != (outcome == "reset")) {
      violate(t, first_of(source, view.from),
              "a failed migration ends 'reset' if a device of the source had to be reset, and only "
              "then",
              fmt::format("'{}', {}", outcome, reset ? "a device was reset" : "none was reset"));
    }
  }

  const CheckContext& context_;
  FunctionView& view_;
  std::map<std::uint32_t, Guest> guests_;
  std::vector<std::uint32_t> guest_of_;  // by function
};

}  // namespace

std::unique_ptr<Rule> make_rule_X2(const RuleInputs& inputs) {
  return std::make_unique<X2>(inputs);
}

}  // namespace vfsim::bench
