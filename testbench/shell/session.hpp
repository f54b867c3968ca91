// A session of the shell: knows the processes that hold moments of the run, and turns command lines into messages to them.
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "host_driver/platform/platform.hpp"
#include "testbench/scenarios/prepare.hpp"
#include "testbench/shell/link.hpp"
#include "testbench/shell/position.hpp"
#include "testbench/shell/words.hpp"

namespace vfsim::bench {

enum class Outcome : std::uint8_t {
  good,
  wrong,   // of the command; one line said why
  failed,  // an expectation was not met
  quit,
};

/// The session's process never elaborates: every run is in a child, so that a run can start anew, and one that breaks takes
/// nothing along. One of the children is live; the others stand still at earlier moments (snapshots, checkpoints). Going back
/// means to wake a copy of the nearest earlier one and to let it run to the moment, with what the user did repeated there.
class Session {
 public:
  /// @param print  takes what commands print
  Session(RunRequest request, driver::LogLevel log_level, std::function<void(const std::string&)> print);
  ~Session();

  /// False: `error` is one line about the scenario.
  [[nodiscard]] bool start(std::string& error);
  Outcome execute(const std::string& line);
  /// "(vfsim 105.065 ms) "
  [[nodiscard]] std::string prompt() const;
  /// Words that may stand at the end of the line, separated by spaces.
  [[nodiscard]] std::string completions(const std::string& line);
  /// The run reached its end, and its verdict is not pass.
  [[nodiscard]] bool run_failed() const { return run_failed_; }
  /// Ctrl-C: the live process stops at its next observation. Async-signal-safe.
  void interrupt() const;

 private:
  struct Moment {
    Position at;
    Link link;
    pid_t pid = 0;
  };
  struct Act {
    Position at;
    Words words;
  };
  struct Checkpoint {
    std::string note;
    Moment moment;
    std::vector<Act> journal;  // what had been done until then
  };
  struct BreakItem {
    int number = 0;
    Words words;
    std::uint64_t hits = 0;
  };

  // one per RUN and SESSION row of commands.def
#define SHELL_RUN(function) Outcome do_##function(const Words& words);
#define SHELL_SESSION(function) SHELL_RUN(function)
#define SHELL_LOOK(function)
#define SHELL_ACT(function)
#define COMMAND(function, name, kind, usage, example, doc) SHELL_##kind(function)
#include "testbench/shell/commands.def"
#undef COMMAND
#undef SHELL_RUN
#undef SHELL_SESSION
#undef SHELL_LOOK
#undef SHELL_ACT

  Outcome dispatch(const Words& words);
  Outcome wrong(const std::string& error);
  Outcome usage(const char* command);
  // processes
  [[nodiscard]] bool spawn(const RunRequest& request, Moment& moment, std::string& error);
  [[nodiscard]] bool begin(const RunRequest& request, std::string& error);
  /// Sends a message and waits for its answer; snapshots that come in between are kept.
  [[nodiscard]] Json ask(Moment& moment, const Json& message);
  [[nodiscard]] bool copy(Moment& from, Moment& made, std::string& error);
  [[nodiscard]] bool adopt(Moment& moment, std::string& error);
  void keep_snapshot(Moment moment);
  void forget_future();
  // time
  Outcome let_go(const Json& until, bool breaks);
  void report(const Json& stop);
  [[nodiscard]] bool travel(const Position& target, std::string& error);
  [[nodiscard]] std::size_t snapshot_before(const Position& target) const;
  [[nodiscard]] Json plan(const Position& from, const Position& to) const;
  [[nodiscard]] bool last_match(const Json& criterion, std::size_t n, std::optional<Position>& found, std::string& error);
  Outcome land(const Position& target);
  /// The past is run again, with waves; the live process stays where it is.
  [[nodiscard]] bool write_wave(const std::string& file, const std::string& groups, const Position& from, const Position& to,
                                std::string& error);
  // breaks
  Outcome add_break(const Words& words);
  [[nodiscard]] Json break_list() const;

  RunRequest request_;
  driver::LogLevel log_level_;
  std::function<void(const std::string&)> print_;
  Moment live_;
  std::vector<Moment> snapshots_;  // in order of time; the first is the begin
  std::vector<Checkpoint> checkpoints_;
  std::vector<Act> journal_;
  std::vector<BreakItem> breaks_;
  std::vector<std::string> displays_;
  int next_break_ = 1;
  int depth_ = 0;  // of source
  bool ended_ = false;
  bool run_failed_ = false;
};

}  // namespace vfsim::bench
