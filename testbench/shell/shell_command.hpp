// vfsim shell: a run that is stepped, looked at and changed by hand or by a script.
#pragma once

#include <string>
#include <vector>

#include "testbench/scenarios/prepare.hpp"

namespace vfsim::bench {

struct ShellCommand {
  RunRequest what;
  std::string script;                 // file of commands, "" none
  std::vector<std::string> commands;  // done first
  std::string log_level = "warning";
};

/// Reads commands from the script, from standard input if that is no terminal, or from the terminal.
/// @return an ExitStatus. In a terminal 0; otherwise kBadInput where a command was wrong, kViolated where an expectation was not
///         met or the run reached its end without verdict pass
[[nodiscard]] int shell_command(const ShellCommand& command);

}  // namespace vfsim::bench
