// Steps that happen inside a guest.
#include "testbench/runner/step_verbs.hpp"
#include "testbench/workload/command_load.hpp"
#include "testbench/workload/migration_tour.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

CommandKind command_kind(const Step& step) {
  const std::string kind = step.text("kind");
  return kind == "keys"        ? CommandKind::keys
         : kind == "tour"      ? CommandKind::tour
         : kind == "malformed" ? CommandKind::malformed
                               : CommandKind::mixed;
}

}  // namespace

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
  load.kind = command_kind(step);
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
  CommandLoad load;
  load.kind = command_kind(step);
  load.count = static_cast<std::uint32_t>(step.number("count"));
  load.idle = true;
  run.crew.start(host.os, [&host, load] {
    return run_command_load(host.os, host.pf.platform(), host.pf.commands(), load);
  });
  return success();
}

driver::Result<void> step_migration_commands(StepRun& run, const Step& step) {
  return tour_migration_commands(run.host(step).pf, static_cast<std::uint16_t>(step.number("vf")));
}

driver::Result<void> step_lossy_send(StepRun& run, const Step& step) {
  Guest& guest = run.guest(step);
  run.sim.hosts[guest.core().host]->host.drop_next_completion(vf_rid(guest.first().vf()));
  guest.spare_send();
  return success();
}

driver::Result<void> step_rogue_send(StepRun& run, const Step& step) {
  run.guest(step).rogue_send(step.text("what"));
  return success();
}

}  // namespace vfsim::bench
