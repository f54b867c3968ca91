// Steps that happen inside a guest, and those that only take time.
#include "testbench/runner/step_verbs.hpp"

namespace vfsim::bench {

using BOOST_OUTCOME_V2_NAMESPACE::success;

driver::Result<void> step_wait(StepRun&, const Step&) { return success(); }  // the director kept its time

driver::Result<void> step_mask_interrupts(StepRun& run, const Step& step) {
  run.guest(step).mask_interrupts(true);
  return success();
}

driver::Result<void> step_unmask_interrupts(StepRun& run, const Step& step) {
  run.guest(step).mask_interrupts(false);
  return success();
}

driver::Result<void> step_rogue_send(StepRun& run, const Step& step) {
  run.guest(step).rogue_send();
  return success();
}

}  // namespace vfsim::bench
