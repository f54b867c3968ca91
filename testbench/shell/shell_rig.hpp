// Runs a scenario in tests, and calls commands of the shell at chosen moments of it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

#include "testbench/scenarios/scenario.hpp"
#include "testbench/shell/machine.hpp"
#include "testbench/shell/symbols.hpp"

namespace vfsim::bench {

/// A scenario of the tests' own: one small guest, no steps.
inline constexpr const char* kSmall = R"(
[scenario]
name = "small"
title = "A guest that is left in peace"
[nic]
vfs = 2
[workload]
guests = 1
replay_guests = 0
guest_memory_mib = 8
log_sq = 6
log_rq = 6
packets = 200
gap_ns = "1 us"
)";

/// The same; it migrates.
inline std::string moving() {
  return std::string(kSmall) + R"(
[[step]]
do = "migrate"
at = "50 us"
)";
}

/// From the name of a shipped scenario, or the text of one.
inline Scenario scenario_of(const std::string& what,
                            const std::vector<std::string>& overrides = {}) {
  Scenario scenario;
  std::string error;
  const bool text = what.find('\n') != std::string::npos;
  bool good = text ? parse(what, "test.toml", scenario, error)
                   : load(find_scenario(what, error), scenario, error);
  for (const std::string& one : overrides) {
    good = good && apply_override(one, scenario, error);
  }
  EXPECT_TRUE(good && check(scenario, error)) << error;
  return scenario;
}

/// Digest of all events of a run that nobody accompanies, in a process of its own.
inline std::string digest_alone(const Scenario& scenario) {
  int ends[2];
  if (::pipe(ends) != 0) {
    return "no pipe";
  }
  const pid_t child = ::fork();
  if (child == 0) {
    Result result;
    (void)run_scenario(scenario, {}, result);
    const auto written = ::write(ends[1], result.events_digest.data(), result.events_digest.size());
    ::_exit(written < 0 ? 1 : 0);
  }
  ::close(ends[1]);
  std::string digest(64, ' ');
  const auto count = ::read(ends[0], digest.data(), digest.size());
  digest.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return digest;
}

class ShellRig final : public RunCompanion, private HappeningListener {
 public:
  using Moment = std::function<bool(const Happening&)>;
  using Deed = std::function<void()>;

  /// Does it at the first moment of that kind behind the deeds before. All must be done when the
  /// run is over.
  void at(Moment moment, Deed deed) { deeds_.push_back({std::move(moment), std::move(deed)}); }
  /// Does it when everything is built and nothing is powered.
  void at_start(Deed deed) { start_ = std::move(deed); }
  /// Does it with every observation, before the deeds.
  void always(std::function<void(const Happening&, std::uint64_t)> look) {
    look_ = std::move(look);
  }

  /// @return exit status; result and machine are there afterwards
  int run(const Scenario& scenario) {
    scenario_ = scenario;
    RunOptions options;
    options.companion = this;
    options.log = [this](std::uint64_t t, driver::LogLevel level, const std::string& who,
                         std::string_view text) {
      if (machine) {
        machine->log.push_back({t, level, who, std::string(text)});
      }
    };
    const int status = run_scenario(scenario_, options, result);
    EXPECT_TRUE(deeds_.empty()) << deeds_.size() << " moments did not come; " << result.error;
    return status;
  }

  /// What a command answers.
  Answer call(const std::string& line) {
    Words words;
    std::string error;
    EXPECT_TRUE(split_words(line, words, error)) << error;
    const CommandRow* row = find_command(words[0], error);
    return row == nullptr || row->call == nullptr ? wrong(error) : row->call(*machine, words);
  }
  /// Of a command that must succeed.
  std::string text(const std::string& line) {
    const Answer answered = call(line);
    EXPECT_TRUE(answered.good) << line << ": " << answered.text;
    EXPECT_EQ(answered.text.empty() ? '?' : answered.text.back(), '\n') << line;
    return answered.text;
  }
  /// Of one that must be refused: one line.
  std::string refused(const std::string& line) {
    const Answer answered = call(line);
    EXPECT_FALSE(answered.good) << line << ": " << answered.text;
    EXPECT_EQ(answered.text.find('\n'), std::string::npos) << line << ": " << answered.text;
    EXPECT_FALSE(answered.text.empty()) << line;
    return answered.text;
  }

  std::unique_ptr<Machine> machine;
  Result result;

 private:
  struct Due {
    Moment moment;
    Deed deed;
  };

  void built(Simulation& simulation, Director& director, Result& the_result) override {
    const WorkloadParams& workload = simulation.scenario().workload;
    board_ = std::make_unique<waves::SignalBoard>(
        simulation.probes, waves::SignalSpace{workload.vfs() + 1, workload.guests},
        model::Host::kNicRid);
    symbols_ = std::make_unique<Symbols>(simulation, *board_);
    watcher_ = std::make_unique<Watcher>(simulation.probes, *simulation.rules, model::Host::kNicRid,
                                         static_cast<HappeningListener&>(*this));
    machine = std::make_unique<Machine>(simulation, director, the_result, *watcher_, *board_,
                                        *symbols_, 1);
    if (start_) {
      start_();
    }
  }
  void ended() override { machine->ended = true; }
  void happened(const Happening& h, std::uint64_t count) override {
    symbols_->set_event(&h, count);
    if (look_) {
      look_(h, count);
    }
    if (!deeds_.empty() && deeds_.front().moment(h)) {
      const Deed deed = std::move(deeds_.front().deed);
      deeds_.pop_front();
      deed();
    }
  }

  Scenario scenario_;
  std::unique_ptr<waves::SignalBoard> board_;
  std::unique_ptr<Symbols> symbols_;
  std::unique_ptr<Watcher> watcher_;
  Deed start_;
  std::deque<Due> deeds_;
  std::function<void(const Happening&, std::uint64_t)> look_;
};

// Moments.
/// A command about a function, by its name ("SUSPEND_VHCA INITIATOR"), is rung or done.
inline ShellRig::Moment command(HappeningKind kind, const std::string& name, model::FnRef target) {
  return [=](const Happening& h) {
    return h.kind == kind && h.text_name() == name && h.has_target &&
           h.target.host == target.host && h.target.fn == target.fn;
  };
}
/// So many observations of that kind have been made from now on.
inline ShellRig::Moment nth(HappeningKind kind, int n) {
  return [kind, left = std::make_shared<int>(n)](const Happening& h) {
    return h.kind == kind && --*left == 0;
  };
}
inline ShellRig::Moment any() {
  return [](const Happening&) { return true; };
}

constexpr model::FnRef kVf0A{0, 1};
constexpr model::FnRef kVf0B{1, 1};

}  // namespace vfsim::bench
