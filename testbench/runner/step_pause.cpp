// Steps that stop a guest's devices or vCPUs and let them go on, without a migration.
#include "host_driver/migration/fsm.hpp"
#include "testbench/runner/step_verbs.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

/// A device without pre-copy runs on meanwhile.
driver::MigState possible(const driver::VfioDevice& device, driver::MigState state) {
  const bool precopy = (device.migration_flags() & VF_MIG_FLAG_PRE_COPY) != 0;
  return precopy || (state != driver::MigState::pre_copy && state != driver::MigState::pre_copy_p2p)
             ? state
         : state == driver::MigState::pre_copy ? driver::MigState::running
                                               : driver::MigState::running_p2p;
}

driver::Result<void> all_to(SimGuestVm& vm, driver::MigState state) {
  for (driver::VfioDevice* device : vm.devices()) {
    BOOST_OUTCOME_TRYV(device->set_state(possible(*device, state)));
  }
  return success();
}

driver::Result<void> pause(Simulation& sim, const Step& step, Guest& guest) {
  SimGuestVm& vm = guest.on(guest.core().host);
  SimOs& os = sim.hosts[vm.host()]->os;
  const std::string vcpus = step.text("vcpus");
  const bool stops = step.number("stop_for") != 0;
  if (vcpus == "first") {
    set_vcpus(sim, vm, false);
  }
  BOOST_OUTCOME_TRYV(all_to(vm, driver::MigState::running_p2p));
  os.sleep(step_time(step, "p2p_for"));
  if (vcpus == "p2p") {
    set_vcpus(sim, vm, false);
  }
  if (stops) {
    BOOST_OUTCOME_TRYV(all_to(vm, driver::MigState::stop));
    os.sleep(step_time(step, "stop_for"));
    BOOST_OUTCOME_TRYV(all_to(vm, driver::MigState::running_p2p));
  }
  BOOST_OUTCOME_TRYV(all_to(vm, driver::MigState::running));
  if (vcpus != "run") {
    set_vcpus(sim, vm, true);
  }
  return success();
}

driver::MigState state_named(const std::string& name) {
  for (std::uint32_t value = 0; value < driver::kMigStates; ++value) {
    if (name == driver::to_string(static_cast<driver::MigState>(value))) {
      return static_cast<driver::MigState>(value);
    }
  }
  return driver::MigState::error;
}

}  // namespace

driver::Result<void> step_set_state(StepRun& run, const Step& step) {
  const std::uint8_t host = run.guest(step).core().host;
  const bool lost = step.text("answer") == "lost";
  if (lost) {
    run.sim.hosts[host]->host.drop_next_completion(model::Host::kNicRid);
  }
  const auto done = all_to(run.guest(step).on(host), state_named(step.text("to_state")));
  if (done.has_value() == lost) {
    return lost ? driver::fail(EPROTO, "a state was reached although a command was lost") : done;
  }
  return success();
}

driver::Result<void> step_pause(StepRun& run, const Step& step) {
  Guest& guest = run.guest(step);
  if (step.text("background") == "no") {
    return pause(run.sim, step, guest);
  }
  run.crew.start(run.sim.hosts[0]->os,
                 [&run, &step, &guest] { return pause(run.sim, step, guest); });
  return success();
}

driver::Result<void> step_stop_vcpus(StepRun& run, const Step& step) {
  Guest& guest = run.guest(step);
  set_vcpus(run.sim, guest.on(guest.core().host), false);
  return success();
}

driver::Result<void> step_start_vcpus(StepRun& run, const Step& step) {
  Guest& guest = run.guest(step);
  set_vcpus(run.sim, guest.on(guest.core().host), true);
  return success();
}

}  // namespace vfsim::bench
