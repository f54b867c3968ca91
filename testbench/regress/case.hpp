// One run of a regression, and what became of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "testbench/report/result.hpp"
#include "testbench/runner/runner.hpp"
#include "testbench/scenarios/prepare.hpp"

namespace vfsim::bench {

struct Case {
  RunRequest run;
  std::string label;   // for people: "migrate seed 3"
  double limit_s = 0;  // wall time after which the worker is killed; 0: none
  std::size_t id = 0;  // number in a whole regression, of which these cases may be a part
  std::string rtl_coverage = {};  // RunOptions::rtl_coverage
};

/// How the worker of a case ended.
enum class CaseOutcome : std::uint8_t {
  not_run,    // never started: told to stop before
  finished,   // `status` and `result` are what run_scenario() gave
  timed_out,  // killed at Case::limit_s
  killed,     // by a signal of its own (CaseResult::signal)
  broken,     // ended without a result that can be read
  stopped,    // killed because the whole regression was told to stop
};
[[nodiscard]] const char* to_string(CaseOutcome outcome);

struct CaseResult {
  std::size_t number = 0;  // place in the list of cases, from 0
  Case what;
  CaseOutcome outcome = CaseOutcome::not_run;
  /// An ExitStatus; of a worker that did not finish: kViolated if it timed out, else kInternal.
  int status = kInternal;
  int signal = 0;
  /// Of a worker that did not finish: scenario, seed and error only.
  Result result;
  double wall_s = 0;
  std::string output;  // the last bytes that the worker wrote on stderr or stdout
  /// Folder in that of the regression, with a report page and waves of the case; "" none.
  std::string evidence;

  [[nodiscard]] bool ran() const {
    return outcome != CaseOutcome::not_run && outcome != CaseOutcome::stopped;
  }
  [[nodiscard]] bool passed() const { return outcome == CaseOutcome::finished && status == kHeld; }
};

}  // namespace vfsim::bench
