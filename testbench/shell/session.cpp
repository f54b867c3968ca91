#include "testbench/shell/session.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "testbench/runner/runner.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/shell/event_filter.hpp"
#include "testbench/shell/machine.hpp"
#include "testbench/shell/stage.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint64_t kSnapshotEvery = 100'000;  // observations; some 50 ms of wall time
constexpr std::size_t kMostSnapshots = 48;

volatile std::sig_atomic_t interrupted = 0;
void ask_to_stop(int) { interrupted = 1; }

/// The process of a run: never returns.
[[noreturn]] void run_child(Link link, Scenario& scenario, std::uint64_t seed, driver::LogLevel log_level) {
  // Descriptors of other processes' links would keep those alive behind the end of the session.
  const int kept = ::dup2(link.fd(), STDERR_FILENO + 1);
  link.release();
  ::close_range(STDERR_FILENO + 2, ~0U, 0);
  ::setpgid(0, 0);  // Ctrl-C of a terminal is for the session; it passes it on
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGCHLD, SIG_IGN);
  Result result;
  Stage stage(Link(kept), seed, log_level, interrupted);
  RunOptions options;
  options.seed = seed;
  options.companion = &stage;
  options.log = stage.log();
  (void)run_scenario(scenario, options, result);
  stage.fail(result.error.empty() ? "the run ended unexpectedly" : result.error);
  std::fflush(nullptr);
  ::_exit(kInternal);
}

}  // namespace

Session::Session(RunRequest request, driver::LogLevel log_level, std::function<void(const std::string&)> print)
    : request_(std::move(request)), log_level_(log_level), print_(std::move(print)) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // copies of copies end as this process's children,
  std::signal(SIGCHLD, SIG_IGN);       // and nobody waits for them
}

Session::~Session() = default;

void Session::interrupt() const {
  if (live_.pid > 0) {
    ::kill(live_.pid, SIGINT);
  }
}

// ---- processes ---------------------------------------------------------------------------------

bool Session::spawn(const RunRequest& request, Moment& moment, std::string& error) {
  Scenario scenario;
  if (!prepare(request, scenario, error)) {
    return false;
  }
  auto [mine, theirs] = Link::make_pair();
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    run_child(std::move(theirs), scenario, request.seed, log_level_);
  }
  if (pid < 0) {
    error = "the operating system refuses another process";
    return false;
  }
  theirs.close();
  moment = {{}, std::move(mine), pid};
  const auto hello = moment.link.receive();
  if (!hello || !hello->value("good", false)) {
    error = hello ? hello->value("text", "") : "the run ended unexpectedly";
    return false;
  }
  return true;
}

bool Session::begin(const RunRequest& request, std::string& error) {
  Moment live;
  Moment first;
  if (!spawn(request, live, error) || !copy(live, first, error)) {
    return false;
  }
  request_ = request;
  live_ = std::move(live);
  snapshots_.clear();
  snapshots_.push_back(std::move(first));
  checkpoints_.clear();
  journal_.clear();
  ended_ = false;
  run_failed_ = false;
  if (std::string misfit; !adopt(live_, misfit)) {
    print_(fmt::format("breaks and displays are gone, they do not fit this run: {}\n", misfit));
    breaks_.clear();
    displays_.clear();
  }
  return true;
}

bool Session::start(std::string& error) { return begin(request_, error); }

Json Session::ask(Moment& moment, const Json& message) {
  if (moment.link.open() && moment.link.send(message)) {
    Link came;
    while (auto answer = moment.link.receive(&came)) {
      if (!answer->contains("snapshot")) {
        if (came.open()) {
          (*answer)["fd"] = came.release();
        }
        return *answer;
      }
      keep_snapshot({answer->at("position").get<Position>(), std::move(came), answer->at("pid").get<pid_t>()});
    }
  }
  moment.link.close();
  return {{"good", false}, {"text", "the process of the run is gone; goto, restore and restart go on from earlier moments"}};
}

bool Session::copy(Moment& from, Moment& made, std::string& error) {
  const Json answer = ask(from, {{"do", "fork"}});
  if (!answer.value("good", false)) {
    error = answer.value("text", "");
    return false;
  }
  made = {answer.at("position").get<Position>(), Link(answer.at("fd").get<int>()), answer.at("pid").get<pid_t>()};
  return true;
}

/// An older copy learns what the user has asked for since.
bool Session::adopt(Moment& moment, std::string& error) {
  for (const Json& message : {Json{{"do", "breaks"}, {"list", break_list()}}, Json{{"do", "displays"}, {"list", displays_}}}) {
    const Json answer = ask(moment, message);
    if (!answer.value("good", false)) {
      error = answer.value("text", "");
      return false;
    }
  }
  return true;
}

void Session::keep_snapshot(Moment moment) {
  const auto place = std::find_if(snapshots_.begin(), snapshots_.end(),
                                  [&](const Moment& m) { return !m.at.before(moment.at); });
  if (place != snapshots_.end() && !moment.at.before(place->at)) {
    return;  // it is there already
  }
  snapshots_.insert(place, std::move(moment));
  if (snapshots_.size() <= kMostSnapshots) {
    return;
  }
  // The newest stay dense; of the others the one goes that leaves the smallest hole.
  std::size_t gone = 1;
  const auto hole = [&](std::size_t i) { return snapshots_[i + 1].at.count - snapshots_[i - 1].at.count; };
  for (std::size_t i = 1; i + kMostSnapshots / 4 < snapshots_.size(); ++i) {
    gone = hole(i) < hole(gone) ? i : gone;
  }
  snapshots_.erase(snapshots_.begin() + static_cast<std::ptrdiff_t>(gone));
}

/// What lies behind the present moment did not happen.
void Session::forget_future() {
  snapshots_.erase(std::remove_if(snapshots_.begin() + 1, snapshots_.end(),
                                  [&](const Moment& m) { return live_.at.before(m.at); }),
                   snapshots_.end());
  journal_.erase(std::remove_if(journal_.begin(), journal_.end(), [&](const Act& a) { return !a.at.before(live_.at); }),
                 journal_.end());
}

// ---- time --------------------------------------------------------------------------------------

Outcome Session::let_go(const Json& until, bool breaks) {
  const Json answer =
      ask(live_, {{"do", "go"}, {"until", until}, {"breaks", breaks}, {"snapshots", kSnapshotEvery}});
  if (!answer.value("good", false)) {
    return wrong(answer.value("text", ""));
  }
  report(answer);
  return Outcome::good;
}

void Session::report(const Json& stop) {
  live_.at = stop.at("position").get<Position>();
  ended_ = stop.value("ended", false);
  std::string why = stop.value("why", "");
  if (const int number = stop.value("break", 0); number != 0) {
    const auto b = std::find_if(breaks_.begin(), breaks_.end(), [&](const BreakItem& x) { return x.number == number; });
    why = fmt::format("break {}: {}", number, why);
    if (b != breaks_.end() && ++b->hits != 0 && b->words[0] == "tbreak") {
      breaks_.erase(b);
      (void)ask(live_, {{"do", "breaks"}, {"list", break_list()}});
    }
  }
  print_(fmt::format("{}, event {}{}{}\n", time_text(live_.at.t), live_.at.count, why.empty() ? "" : ": ", why));
  if (const auto event = stop.value("event", ""); !event.empty()) {
    print_("  " + event + "\n");
  }
  for (const char* lines : {"notices", "displays"}) {
    for (const Json& line : stop.value(lines, Json::array())) {
      print_("  " + line.get<std::string>() + "\n");
    }
  }
  if (ended_) {
    const Json verdict = ask(live_, {{"do", "verdict"}});
    run_failed_ = verdict.value("verdict", "") != "pass";
    print_(verdict.value("text", ""));
  }
}

std::size_t Session::snapshot_before(const Position& target) const {
  std::size_t best = 0;
  for (std::size_t i = 1; i < snapshots_.size(); ++i) {
    best = target.count == Position::kUnknown ? (snapshots_[i].at.before(target) ? i : best)
                                              : (target.before(snapshots_[i].at) ? best : i);
  }
  return best;
}

Json Session::plan(const Position& from, const Position& to) const {
  Json acts = Json::array();
  for (const Act& act : journal_) {
    if (!act.at.before(from) && act.at.before(to)) {
      acts.push_back({{"position", act.at}, {"words", act.words}});
    }
  }
  return acts;
}

/// The live process stands at `target` afterwards. False: it stands where it stood.
bool Session::travel(const Position& target, std::string& error) {
  Moment& from = snapshots_[snapshot_before(target)];
  Moment made;
  if (!copy(from, made, error) || !adopt(made, error)) {
    return false;
  }
  const Json answer = ask(made, {{"do", "go"}, {"until", {{"position", target}}}, {"plan", plan(from.at, target)},
                                 {"mute", true}, {"snapshots", kSnapshotEvery}});
  if (!answer.value("good", false)) {
    error = answer.value("text", "");
    return false;
  }
  live_ = std::move(made);
  live_.at = answer.at("position").get<Position>();
  forget_future();
  report(answer);
  return true;
}

Outcome Session::land(const Position& target) {
  std::string error;
  return travel(target, error) ? Outcome::good : wrong(error);
}

bool Session::write_wave(const std::string& file, const std::string& groups, const Position& from, const Position& to,
                         std::string& error) {
  Moment& begin = snapshots_[from.t == 0 ? 0 : snapshot_before(from)];
  Moment made;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), ignored);
  if (!copy(begin, made, error)) {
    return false;
  }
  const auto go = [&](const Position& there, const Position& here) -> Json {
    return {{"do", "go"}, {"until", {{"position", there}}}, {"plan", plan(here, there)}, {"mute", true}};
  };
  std::vector<Json> messages;
  if (from.t != 0) {
    messages.push_back(go(from, begin.at));
  }
  messages.push_back({{"do", "wave"}, {"file", file}, {"groups", groups}});
  messages.push_back(go(to, from.t == 0 ? begin.at : from));
  messages.push_back({{"do", "wave_end"}});
  for (const Json& message : messages) {
    const Json answer = ask(made, message);
    if (!answer.value("good", false)) {
      error = answer.value("text", "");
      return false;
    }
  }
  return true;
}

/// The N-th last moment before the present one that meets the criterion of a scan; nothing if there are fewer.
bool Session::last_match(const Json& criterion, std::size_t n, std::optional<Position>& found, std::string& error) {
  Position to = live_.at;
  std::size_t missing = n;
  for (std::size_t i = snapshots_.size(); i-- != 0;) {
    if (!snapshots_[i].at.before(to)) {
      continue;
    }
    Moment made;
    if (!copy(snapshots_[i], made, error) || !adopt(made, error)) {
      return false;
    }
    Json message = criterion;
    message.update({{"do", "scan"}, {"to", to}, {"inclusive", to.count != live_.at.count}, {"keep", missing},
                    {"plan", plan(snapshots_[i].at, to)}});
    const Json answer = ask(made, message);
    if (!answer.value("good", false)) {
      error = answer.value("text", "");
      return false;
    }
    const auto positions = answer.at("found").get<std::vector<Position>>();
    if (positions.size() >= missing) {
      found = positions[positions.size() - missing];
      return true;
    }
    missing -= positions.size();
    to = snapshots_[i].at;
  }
  return true;
}

// ---- commands ----------------------------------------------------------------------------------

std::string Session::prompt() const { return fmt::format("(vfsim {}) ", time_text(live_.at.t)); }

Outcome Session::wrong(const std::string& error) {
  print_(error + "\n");
  return Outcome::wrong;
}

Outcome Session::usage(const char* command) {
  std::string error;
  return wrong(usage_of(*find_command(command, error)));
}

Outcome Session::execute(const std::string& line) {
  Words words;
  std::string error;
  if (!split_words(line, words, error)) {
    return wrong(error);
  }
  return words.empty() ? Outcome::good : dispatch(words);
}

Outcome Session::dispatch(const Words& words) {
  std::string error;
  const CommandRow* row = find_command(words[0], error);
  if (row == nullptr) {
    return wrong(error);
  }
#define SHELL_RUN(function, text) \
  if (row->name == text) {        \
    return do_##function(words);  \
  }
#define SHELL_SESSION(function, text) SHELL_RUN(function, text)
#define SHELL_LOOK(function, text)
#define SHELL_ACT(function, text)
#define COMMAND(function, name, kind, usage, example, doc) SHELL_##kind(function, name)
#include "testbench/shell/commands.def"
#undef COMMAND
#undef SHELL_RUN
#undef SHELL_SESSION
#undef SHELL_LOOK
#undef SHELL_ACT
  Words full = words;
  full[0] = row->name;
  const Json answer = ask(live_, {{"do", "command"}, {"words", full}});
  const std::string text = answer.value("text", "");
  if (!answer.value("good", false)) {
    (void)wrong(text);
    return row->name == "expect" ? Outcome::failed : Outcome::wrong;
  }
  print_(text);
  if (row->kind == ShellKind::ACT) {
    journal_.push_back({live_.at, full});
  }
  return Outcome::good;
}

}  // namespace vfsim::bench
