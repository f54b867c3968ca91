#include "testbench/shell/shell_command.hpp"

#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <unistd.h>

#include "testbench/runner/runner.hpp"
#include "testbench/shell/console.hpp"

namespace vfsim::bench {
namespace {

driver::LogLevel level_of(const std::string& name) {
  static constexpr const char* kNames[] = {"error", "warning", "info", "debug", "trace"};
  std::uint8_t level = 0;
  while (level + 1U < std::size(kNames) && name != kNames[level]) {
    ++level;
  }
  return static_cast<driver::LogLevel>(level);
}

int bad(const std::string& error) {
  fmt::print(stderr, "vfsim: {}\n", error);
  return kBadInput;
}

std::string all_of(std::istream& stream) {
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

int status_of(Outcome worst, const Session& session) {
  if (worst == Outcome::wrong) {
    return kBadInput;
  }
  return worst == Outcome::failed || session.run_failed() ? kViolated : kHeld;
}

}  // namespace

int shell_command(const ShellCommand& command) {
  std::string script;
  for (const std::string& line : command.commands) {
    script += line + "\n";
  }
  if (!command.script.empty()) {
    std::ifstream file(command.script);
    if (!file) {
      return bad(fmt::format("shell: --script {}: cannot be read", command.script));
    }
    script += all_of(file);
  }
  const bool terminal = command.script.empty() && ::isatty(STDIN_FILENO) != 0;
  if (command.script.empty() && command.commands.empty() && !terminal) {
    script = all_of(std::cin);
  }
  Session session(command.what, level_of(command.log_level), [](const std::string& text) { fmt::print("{}", text); });
  std::string error;
  if (!session.start(error)) {
    return bad(error);
  }
  const Outcome worst = recite(session, script);
  if (worst == Outcome::quit || !terminal) {
    return status_of(worst, session);
  }
  fmt::print("vfsim shell: {}, seed {}. help lists the commands, run lets it go on.\n", command.what.scenario, command.what.seed);
  converse(session);
  return kHeld;
}

}  // namespace vfsim::bench
