// Steps that happen inside a guest.
#include "testbench/runner/step_verbs.hpp"
#include "testbench/workload/malformed_commands.hpp"

namespace vfsim::bench {

using BOOST_OUTCOME_V2_NAMESPACE::success;

driver::Result<void> step_mask_interrupts(StepRun& run, const Step& step) {
  run.guest(step).mask_interrupts(true);
  return success();
}

driver::Result<void> step_unmask_interrupts(StepRun& run, const Step& step) {
  run.guest(step).mask_interrupts(false);
  return success();
}

driver::Result<void> step_mask_function(StepRun& run, const Step& step) {
  run.guest(step).mask_function(true);
  return success();
}

driver::Result<void> step_unmask_function(StepRun& run, const Step& step) {
  run.guest(step).mask_function(false);
  return success();
}

driver::Result<void> step_guest_commands(StepRun& run, const Step& step) {
  CommandLoad load;
  load.kind = step.text("kind") == "keys"        ? CommandKind::keys
              : step.text("kind") == "malformed" ? CommandKind::malformed
                                                 : CommandKind::mixed;
  load.count = static_cast<std::uint32_t>(step.number("count"));
  load.gap = step_time(step, "gap");
  load.keep = step_time(step, "duration");
  for (std::uint64_t n = 0; n < step.number("threads"); ++n) {
    run.guest(step).issue_commands(load);
  }
  return success();
}

driver::Result<void> step_pf_commands(StepRun& run, const Step& step) {
  HostSide& host = run.host(step);
  run.crew.start(host.os, [&host, count = step.number("count")]() -> driver::Result<void> {
    for (std::uint64_t n = 0; n < count; ++n) {
      BOOST_OUTCOME_TRYV(send_malformed_commands(host.pf.commands()));
    }
    return success();
  });
  return success();
}

driver::Result<void> step_lossy_send(StepRun& run, const Step& step) {
  Guest& guest = run.guest(step);
  run.sim.hosts[guest.core().host]->host.drop_next_completion(vf_rid(guest.core().number));
  guest.spare_send();
  return success();
}

driver::Result<void> step_rogue_send(StepRun& run, const Step& step) {
  run.guest(step).rogue_send();
  return success();
}

}  // namespace vfsim::bench
