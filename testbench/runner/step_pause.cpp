// Steps that stop a guest's devices or vCPUs and let them go on, without a migration.
#include "testbench/runner/step_verbs.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

driver::Result<void> all_to(SimGuestVm& vm, driver::MigState state) {
  for (driver::VfioDevice* device : vm.devices()) {
    BOOST_OUTCOME_TRYV(device->set_state(state));
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

}  // namespace

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
