// What carries out the verbs of scenario steps: one function per row of steps.def, in step_<theme>.cpp.
#pragma once

#include "host_driver/platform/result.hpp"
#include "testbench/report/result.hpp"
#include "testbench/runner/crew.hpp"
#include "testbench/runner/simulation.hpp"

namespace vfsim::bench {

/// What a step may use.
struct StepRun {
  Simulation& sim;
  Result& result;
  Crew& crew;  // start() lets something go on beside the next steps; the run's end waits for it

  [[nodiscard]] Guest& guest(const Step& step) const { return *sim.guests[step.number("guest")]; }
  [[nodiscard]] HostSide& host(const Step& step) const { return *sim.hosts[step.text("host") == "A" ? 0 : 1]; }
};

inline driver::Nanoseconds step_time(const Step& step, const char* option) {
  return driver::Nanoseconds(static_cast<std::int64_t>(step.number(option)));
}
inline const char* host_name(std::uint8_t host) { return host == 0 ? "A" : "B"; }

/// Stops or starts a guest's vCPUs, and says so.
inline void set_vcpus(Simulation& sim, SimGuestVm& vm, bool running) {
  if (!running) {
    vm.stop_vcpus();
  }
  sim.observer().vcpus(vm.id(), vm.host(), running);
  if (running) {
    vm.start_vcpus();
  }
}

/// Runs in the director's thread when it is the step's turn, and returns when the next step may begin. The text of
/// an error ends the run.
#define VERB(verb, options, doc) [[nodiscard]] driver::Result<void> step_##verb(StepRun& run, const Step& step);
#define STEP_NUMBER(name, def, max, doc)
#define STEP_TIME(name, def, doc)
#define STEP_CHOICE(name, def, choices, doc)
#include "testbench/scenarios/steps.def"
#undef VERB
#undef STEP_NUMBER
#undef STEP_TIME
#undef STEP_CHOICE

/// Carries out a step by the table. Errors name its line, if it has one.
[[nodiscard]] driver::Result<void> do_step(StepRun& run, const Step& step);

}  // namespace vfsim::bench
