// vfsim run, vfsim migrate: prepares a scenario, runs it, and writes what was asked for.
#pragma once

#include <string>

#include "testbench/runner/wave_options.hpp"
#include "testbench/runner/runner.hpp"
#include "testbench/scenarios/prepare.hpp"

namespace vfsim::bench {

struct RunCommand {
  RunRequest what;
  std::string json;
  std::string report;  // page to write, "" none
  WaveOptions wave;
  RunOptions run;  // its seed comes from `what`
};

/// Prints the account, or one line about what is wrong with the input; in that case nothing is
/// written. Ctrl-C ends the run with what is known; a second one ends the process.
/// @return an ExitStatus
[[nodiscard]] int run_command(RunCommand command);

/// Prints the line of a user's mistake. @return kBadInput
int bad_input(const std::string& error);

}  // namespace vfsim::bench
