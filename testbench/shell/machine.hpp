// What the commands of the shell see of a run, and how they act on it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "testbench/runner/director.hpp"
#include "testbench/runner/simulation.hpp"
#include "testbench/shell/watcher.hpp"
#include "testbench/shell/words.hpp"
#include "waves/signal_board.hpp"

namespace vfsim::bench {

/// What a command prints. Not good: one line, what is wrong and what is allowed.
struct Answer {
  bool good = true;
  std::string text;
};
[[nodiscard]] inline Answer answer(std::string text) { return {true, std::move(text)}; }
[[nodiscard]] inline Answer wrong(std::string text) { return {false, std::move(text)}; }

/// A log line of a driver, guest or VMM, all levels.
struct LogLine {
  model::Ps t = 0;
  driver::LogLevel level = driver::LogLevel::info;
  std::string who;
  std::string text;
};

class NameTable;  // names of expressions

/// A run that stands still: the commands are called inside an observation, between two calls of the kernel, or behind the
/// end. Looking may read whatever it likes. Acting on models must wait until the observation is over: later() or task().
struct Machine {
  static constexpr std::size_t kLogLines = 1000;

  Machine(Simulation& the_sim, Director& the_director, Result& the_result, Watcher& the_watcher,
          waves::SignalBoard& the_board, const NameTable& the_names, std::uint64_t the_seed);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  Simulation& sim;
  Director& director;
  Result& result;
  Watcher& watcher;
  waves::SignalBoard& board;  // every signal's value
  const NameTable& names;
  std::uint64_t seed;
  std::deque<LogLine> log;   // newest last, at most kLogLines
  std::vector<std::string> notices;  // of tasks that ended with an error, since the last stop
  bool ended = false;        // the run is over and judged: acting is too late

  /// Runs `body` at the present time, in calendar context, behind the observation that is under way.
  void later(std::function<void()> body);
  /// Runs `body` in a thread of `os` from the present time on; an error becomes a notice. The end of the run waits for it.
  void task(SimOs& os, const std::string& what, Task body);

 private:
  class Chore;
  std::vector<std::unique_ptr<Chore>> chores_;
};

/// "vf0", "A.vf0", "B.pf". A VF without host is where its guest runs; pf without host is A's. False: `error` is one line.
[[nodiscard]] bool find_function(const Machine& machine, std::string_view word, model::FnRef& who, std::string& error);
/// "guest0" or "0".
[[nodiscard]] bool find_guest(const Machine& machine, std::string_view word, std::uint32_t& guest, std::string& error);

/// Of a command (commands.def).
enum class ShellKind : std::uint8_t { RUN, SESSION, LOOK, ACT };

struct CommandRow {
  std::string_view name;
  ShellKind kind;
  std::string_view usage;
  std::string_view example;
  std::string_view doc;
  Answer (*call)(Machine& machine, const Words& words);  // LOOK and ACT; words[0] is the name
};

/// Rows of commands.def.
[[nodiscard]] const std::vector<CommandRow>& command_table();
/// By name or by an unambiguous beginning of it; null: `error` is one line with the nearest names.
[[nodiscard]] const CommandRow* find_command(std::string_view word, std::string& error);
[[nodiscard]] std::string command_names();
/// "usage: step [N] [WHAT]; for example step 3 tlp vf0 MRd"
[[nodiscard]] std::string usage_of(const CommandRow& row);
/// The same for a command function: wrong(usage).
[[nodiscard]] Answer wrong_usage(std::string_view command);

#define SHELL_RUN(function)
#define SHELL_SESSION(function)
#define SHELL_LOOK(function) [[nodiscard]] Answer shell_##function(Machine& machine, const Words& words);
#define SHELL_ACT(function) SHELL_LOOK(function)
#define COMMAND(function, name, kind, usage, example, doc) SHELL_##kind(function)
#include "testbench/shell/commands.def"
#undef COMMAND
#undef SHELL_RUN
#undef SHELL_SESSION
#undef SHELL_LOOK
#undef SHELL_ACT

}  // namespace vfsim::bench
