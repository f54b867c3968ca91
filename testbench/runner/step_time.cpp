// Steps that only take time.
#include <fmt/format.h>

#include "testbench/runner/step_verbs.hpp"

namespace vfsim::bench {

using BOOST_OUTCOME_V2_NAMESPACE::success;

driver::Result<void> step_wait(StepRun& run, const Step& step) {
  run.sim.hosts[0]->os.sleep(step_time(step, "duration"));  // the director kept `at`
  return success();
}

driver::Result<void> step_await(StepRun& run, const Step& step) {
  const std::string moment = step.text("moment");
  const driver::Nanoseconds limit(std::int64_t{run.sim.scenario().workload.time_limit_ms} *
                                  1'000'000);
  if (run.sim.moments.wait(run.sim.hosts[0]->os, run.guest(step).core(), moment, limit)) {
    return success();
  }
  return driver::fail(ETIMEDOUT,
                      fmt::format("guest {} does not reach '{}' in {} ms (workload.time_limit_ms)",
                                  run.guest(step).core().number, moment,
                                  run.sim.scenario().workload.time_limit_ms));
}

}  // namespace vfsim::bench
