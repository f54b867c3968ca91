// vfsim run, vfsim migrate: prepares a scenario, runs it, and writes what was asked for.
#pragma once

#include <string>
#include <vector>

#include "testbench/runner/runner.hpp"

namespace vfsim::bench {

struct RunCommand {
  std::string scenario;                // file, or name of a shipped one
  std::vector<std::string> overrides;  // --set
  std::vector<std::string> faults;     // --fault
  std::string json;
  RunOptions run;
};

/// Prints the account, or one line about what is wrong with the input; in that case nothing is
/// written. Ctrl-C ends the run with what is known; a second one ends the process.
/// @return an ExitStatus
[[nodiscard]] int run_command(RunCommand command);

/// Prints the line of a user's mistake. @return kBadInput
int bad_input(const std::string& error);

}  // namespace vfsim::bench
