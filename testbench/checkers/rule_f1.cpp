// F1: the migration state machine goes single permitted arcs, and a failed arc leaves a state that
// GET tells.
#include <fmt/format.h>

#include "firmware/interface/tables.hpp"
#include "host_driver/migration/fsm.hpp"
#include "testbench/checkers/mig_halves.hpp"
#include "testbench/checkers/mig_name.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using model::FnRef;
using model::Ps;

class F1 final : public Rule {
 public:
  explicit F1(const RuleInputs& inputs)
      : context_(inputs.context), view_(inputs.view), devices_(kFunctionIndices) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::driver, model::Probe::function_reset});
  }

  void vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) override {
    if (!is_nic(context_, who)) {
      return;
    }
    Device& device = devices_[function_index(who)];
    const auto target = static_cast<MigState>(to);
    if (device.reset && target == MigState::running && error == 0) {  // the device reset's own step
      device = Device{true, target, false, false, false, false, {}};
      return;
    }
    evaluated();
    judge_arc(t, who, device, static_cast<MigState>(from), target);
    device.known = true;
    device.reset = false;  // crossed stays until SET_STATE returns
    device.state = error == 0 ? target : static_cast<MigState>(from);
    device.failed |= error != 0;
    if (error == 0 && !device.failed) {
      judge_halves(t, who, target);
    }
  }

  void set_state_done(Ps t, FnRef who, std::uint32_t requested, std::uint32_t state,
                      int error) override {
    if (!is_nic(context_, who) || !devices_[function_index(who)].known) {
      return;
    }
    evaluated();
    Device& device = devices_[function_index(who)];
    const auto now = static_cast<MigState>(state);
    if (device.crossed && now == MigState::running &&
        (static_cast<MigState>(requested) != now || error != 0)) {
      device.state = now;
      device.findings.clear();
    }
    if (device.crossed && device.resetting) {
      device.resetting = false;  // the reset has not returned: what it leaves is seen then
    } else {
      for (const Finding& finding : device.findings) {
        violate(finding.time, who, finding.expected, finding.seen);
      }
      device.findings.clear();
      device.crossed = false;
    }
    const MigState kept = device.state;
    if (now != kept) {
      violate(t, who, fmt::format("GET reports {}", mig_name(kept)), fmt::format("{}", mig_name(now)));
    }
  }

  void device_reset(Ps t, FnRef who, std::uint32_t state, int error) override {
    (void)t;
    if (error == 0 && is_nic(context_, who)) {
      Device& device = devices_[function_index(who)];
      device.crossed = device.crossed && device.resetting;
      device.resetting = false;
      device.state = static_cast<MigState>(state);  // R1's
      device.findings.clear();
    }
  }

  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (is_nic(context_, who)) {
      devices_[function_index(who)] = Device{false, MigState::running, true, false, true, true, {}};
    }
  }

 private:
  struct Finding {
    Ps time = 0;
    std::string expected, seen;
  };
  struct Device {
    bool known = false;
    MigState state = MigState::running;
    bool reset = false;    // reset since the last arc
    bool failed = false;   // an arc failed since: the halves need not match the state any more
    bool crossed = false;  // reset since SET_STATE returned last: one may have been under way then
    bool resetting = false;         // neither the reset nor SET_STATE has returned since
    std::vector<Finding> findings;  // that do not count if it was
  };

  void judge_arc(Ps t, FnRef who, const Device& device, MigState from, MigState to) {
    const std::string arc = fmt::format("{} -> {}", mig_name(from), mig_name(to));
    if (driver::mig_next_state(context_.migration_flags, from, to) != to || from == to) {
      violate(t, who, "each arc is a single permitted one", arc);
    }
    if (device.known && device.state != from) {
      violate(t, who, fmt::format("an arc starts in the state before it, {}", mig_name(device.state)),
              arc);
    }
  }

  void judge_halves(Ps t, FnRef who, MigState state) {
    Device& device = devices_[function_index(who)];
    const Halves want = halves_of(state);
    const RunState& run = view_.run(who);
    if (run.initiator_stopped != want.initiator || run.responder_stopped != want.responder) {
      const Finding finding{t,
                            fmt::format("in {}: initiator {}, responder {}", mig_name(state),
                                        word(want.initiator), word(want.responder)),
                            fmt::format("initiator {}, responder {}", word(run.initiator_stopped),
                                        word(run.responder_stopped))};
      if (device.crossed) {
        device.findings.push_back(finding);
      } else {
        violate(t, who, finding.expected, finding.seen);
      }
    }
  }

  static const char* word(bool stopped) { return stopped ? "stopped" : "running"; }

  const CheckContext& context_;
  FunctionView& view_;
  std::vector<Device> devices_;
};

}  // namespace

std::unique_ptr<Rule> make_rule_F1(const RuleInputs& inputs) {
  return std::make_unique<F1>(inputs);
}

}  // namespace vfsim::bench
