// Steps that happen to cables and links.
#include "testbench/runner/step_verbs.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

driver::Result<void> set_cable(StepRun& run, HostSide& host, bool plugged) {
  run.sim.oracle.cable(host.index, plugged);
  host.nic.set_link(plugged);
  return success();
}

}  // namespace

driver::Result<void> step_link_down(StepRun& run, const Step& step) { return set_cable(run, run.host(step), false); }
driver::Result<void> step_link_up(StepRun& run, const Step& step) { return set_cable(run, run.host(step), true); }

driver::Result<void> step_stall_link(StepRun& run, const Step& step) {
  run.host(step).host.stall_link(model::Host::kNicRid, step.number("duration") * model::kNs);
  return success();
}

driver::Result<void> step_drop_completion(StepRun& run, const Step& step) {
  run.host(step).host.drop_next_completion(model::Host::kNicRid);
  return success();
}

}  // namespace vfsim::bench
