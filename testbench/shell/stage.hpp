// A process that holds a moment of a run: it stands still until the session tells it to go on, and can be copied.
#pragma once

#include <csignal>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testbench/runner/runner.hpp"
#include "testbench/shell/breaks.hpp"
#include "testbench/shell/link.hpp"
#include "testbench/shell/machine.hpp"
#include "testbench/shell/position.hpp"
#include "testbench/shell/symbols.hpp"
#include "waves/wave_recorder.hpp"

namespace vfsim::bench {

class StopTimer;

/// Companion of a run. The run is stopped by not returning from the observation (or timer) that it is to stop behind; what
/// the session asks for meanwhile is done there. A copy (fork) of the process stands at the same moment, and is woken
/// later to go on from it: that is a snapshot.
///
/// Messages to it, each answered by one, {"good": false, "text": ..} where something is wrong with it:
///   {"do": "command", "words": [..]}        a LOOK or ACT command: {"good", "text"}
///   {"do": "breaks", "list": [..]}          (breaks.hpp)
///   {"do": "displays", "list": [EXPR..]}    printed at every stop
///   {"do": "fork"}                          {"good", "pid"} with the copy's link
///   {"do": "go", "until": .., "plan": .., "breaks": bool, "snapshots": N, "mute": bool}
///        lets time pass; answered when it stops: {"good", "why", "break", "position", "event", "notices", "displays"}.
///        until {"free": true}, {"count": N, "words": [..]}, {"for": ps}, {"time": ps}, {"expression": ..}, {"position": ..};
///        plan [{"position", "words"}..]: ACT commands at later moments. Every N observations a snapshot is sent in
///        between, {"snapshot": position, "pid"} with its link.
///   {"do": "scan", "to": position, "inclusive": bool, "words": [..] or "breaks": true, "keep": N, "plan": ..}
///        goes there and answers {"good", "found": [positions]}: the last N moments before it (or up to it) that match
///   {"do": "wave", "file": .., "groups": ..}, {"do": "wave_end"}   writes waves of what happens in between
///   {"do": "names", "prefix": ..}           names of expressions, in "text"
///   {"do": "verdict"}                       {"good", "ended", "verdict", "text"}: account of a run that is over
class Stage final : public RunCompanion, public HappeningListener {
 public:
  /// @param interrupt  set by a signal: stop at the next observation
  Stage(Link link, std::uint64_t seed, driver::LogLevel log_level, volatile std::sig_atomic_t& interrupt);
  ~Stage() override;

  [[nodiscard]] LogTaker log();
  /// The run could not begin, or broke: the session is told in place of what it waits for.
  void fail(const std::string& error);
  void built(Simulation& simulation, Director& director, Result& result) override;
  void ended() override;

 private:
  /// What ends the time that passes.
  struct Until {
    std::uint64_t count = 0;  // matches of `filter` still to come; 0: not asked for
    EventFilter filter;
    std::shared_ptr<Expression> expression;
    std::optional<Position> position;
    };
  struct Act {
    Position at;
    Words words;
  };

  void happened(const Happening& h, std::uint64_t count) override;
  void observed();
  void timer_fired(model::Ps t);
  [[nodiscard]] bool done(std::string& why);
  [[nodiscard]] bool reached(const Position& p) const;
  void do_planned();
  /// Stands still. Returns when time may pass.
  void serve();
  [[nodiscard]] bool handle(const Json& message);
  [[nodiscard]] bool go(const Json& message);
  [[nodiscard]] bool scan(const Json& message);
  [[nodiscard]] bool leave();
  [[nodiscard]] bool begin_wave(const Json& message, std::string& error);
  [[nodiscard]] bool end_wave(std::string& error);
  [[nodiscard]] bool set_until(const Json& until, std::string& error);
  void set_plan(const Json& message);
  /// True in the copy, when it is woken.
  [[nodiscard]] bool fork_now(const char* tag);
  Answer command(const Words& words);
  [[nodiscard]] Json report(const std::string& why, int number);
  void stop(const std::string& why, int number = 0);
  void found(const Happening& h, bool last);
  void arm();
  void reply(const Json& message);
  void wrong_reply(const std::string& error) { reply({{"good", false}, {"text", error}}); }
  [[nodiscard]] std::vector<std::string> displayed();

  Link link_;
  std::uint64_t seed_;
  driver::LogLevel log_level_;
  volatile std::sig_atomic_t& interrupt_;
  Simulation* sim_ = nullptr;
  Result* result_ = nullptr;
  std::unique_ptr<waves::SignalBoard> board_;
  std::unique_ptr<Symbols> symbols_;
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<StopTimer> timer_;
  Breaks breaks_;
  std::vector<std::shared_ptr<Expression>> displays_;
  std::unique_ptr<waves::WaveRecorder> wave_;
  std::string wave_file_;
  Position position_;
  Until until_;
  std::deque<Act> plan_;
  bool use_breaks_ = false;
  bool mute_ = true;
  std::uint64_t snapshots_ = 0;  // every so many observations; 0 none
  int break_hit_ = 0;            // by an earlier call for the same observation
  std::string why_;
  bool reported_ = true;         // nobody waits for a stop
  // scan
  bool scanning_ = false;
  bool scan_breaks_ = false;
  bool inclusive_ = false;
  EventFilter scanned_;
  std::size_t keep_ = 1;
  std::deque<Position> matches_;
};

}  // namespace vfsim::bench
