#include "testbench/shell/stage.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testbench/report/account.hpp"
#include "testbench/runner/wave_options.hpp"

namespace vfsim::bench {

/// Fires at a time, behind all hardware timers of that time (those that they arm for it, too) and before the processes.
class StopTimer final : public model::Timer {
 public:
  StopTimer(model::Calendar& calendar, std::function<void(model::Ps)> fired) : calendar_(calendar), fired_(std::move(fired)) {}
  void arm(model::Ps t) {
    quiet_ = 0;
    calendar_.arm(*this, t);
  }
  void disarm() { calendar_.disarm(*this); }

 private:
  void fire() override {
    const std::uint64_t count = calendar_.fired();
    if (quiet_ != 0 && count == quiet_ + 1) {
      fired_(calendar_.now());
      return;
    }
    quiet_ = count;
    calendar_.arm(*this, calendar_.now());
  }
  model::Calendar& calendar_;
  std::function<void(model::Ps)> fired_;
  std::uint64_t quiet_ = 0;
};

Stage::Stage(Link link, std::uint64_t seed, driver::LogLevel log_level, volatile std::sig_atomic_t& interrupt)
    : link_(std::move(link)), seed_(seed), log_level_(log_level), interrupt_(interrupt) {}

Stage::~Stage() = default;

LogTaker Stage::log() {
  return [this](std::uint64_t t, driver::LogLevel level, const std::string& who, std::string_view text) {
    if (machine_ != nullptr) {
      machine_->log.push_back({t, level, who, std::string(text)});
      if (machine_->log.size() > Machine::kLogLines) {
        machine_->log.pop_front();
      }
    }
    if (level <= log_level_ && !mute_) {
      fmt::print(stderr, "[{} {}] {}: {}\n", "EWIDT"[static_cast<std::size_t>(level)], time_text(t), who, text);
    }
  };
}

void Stage::built(Simulation& simulation, Director& director, Result& result) {
  sim_ = &simulation;
  result_ = &result;
  const WorkloadParams& workload = simulation.scenario().workload;
  board_ = std::make_unique<waves::SignalBoard>(
      simulation.probes, waves::SignalSpace{workload.vfs() + 1, workload.guests}, model::Host::kNicRid);
  simulation.rules->on_violation(
      [this](const Violation& v) { board_->violated(sim_->calendar.now(), v.rule, v.who); });
  symbols_ = std::make_unique<Symbols>(simulation, *board_);
  watcher_ = std::make_unique<Watcher>(simulation.probes, *simulation.rules, model::Host::kNicRid, *this);
  machine_ = std::make_unique<Machine>(simulation, director, result, *watcher_, *board_, *symbols_, seed_);
  timer_ = std::make_unique<StopTimer>(simulation.calendar, [this](model::Ps t) { timer_fired(t); });
  reply({{"good", true}, {"position", position_}, {"pid", ::getpid()}});
  serve();
}

void Stage::ended() {
  machine_->ended = true;
  position_ = {watcher_->count(), sim_->calendar.now(), Position::Kind::end};
  stop("the run is over: " + result_->verdict + (result_->error.empty() ? "" : ", " + result_->error));
  while (true) {
    serve();
    stop("the run is over");
  }
}

// ---- time passes -------------------------------------------------------------------------------

void Stage::happened(const Happening& h, std::uint64_t count) {
  symbols_->set_event(&h, count);
  const bool last = h.kind != HappeningKind::violation;  // of this observation
  position_ = {count, sim_->calendar.now(), Position::Kind::event};
  if (scanning_) {
    found(h, last);
  } else if (use_breaks_ && break_hit_ == 0 && !breaks_.empty()) {
    break_hit_ = breaks_.stops(h, last, why_);
  }
  if (until_.count != 0 && until_.filter.matches(h)) {
    --until_.count;
    if (until_.count == 0) {
      until_.expression.reset();
      until_.position = position_;
      why_ = break_hit_ == 0 ? "" : why_;
    }
  }
  if (last) {
    observed();
  }
}

void Stage::observed() {
  // A copy that is woken looks for what it was told only from the next observation on.
  if (snapshots_ != 0 && position_.count % snapshots_ == 0 && fork_now("snapshot")) {
    return;
  }
  do_planned();
  std::string why;
  if (until_.position && reached(*until_.position)) {
    stop(why_);
  } else if (break_hit_ != 0) {
    stop(why_, break_hit_);
  } else if (done(why)) {
    stop(why);
  }
}

bool Stage::done(std::string& why) {
  if (interrupt_ != 0) {
    interrupt_ = 0;
    why = "interrupted";
    return true;
  }
  if (until_.expression && until_.expression->value() != 0) {
    why = until_.expression->text();
    return true;
  }
  return false;
}

void Stage::timer_fired(model::Ps t) {
  position_ = {watcher_->count(), t, Position::Kind::time};
  do_planned();
  std::string why;
  if (until_.position && reached(*until_.position)) {
    stop(why_);
  } else if (const int number = use_breaks_ ? breaks_.stops_at(t, why) : 0; number != 0) {
    stop(why, number);
  } else {
    arm();
  }
}

bool Stage::reached(const Position& p) const {
  switch (p.kind) {
    case Position::Kind::event:
      return position_.count >= p.count;
    case Position::Kind::time:
      return position_.t > p.t || (position_.kind == Position::Kind::time && position_.t == p.t);
    default:
      return machine_->ended;
  }
}

void Stage::do_planned() {
  while (!plan_.empty() && reached(plan_.front().at)) {
    const Words words = std::move(plan_.front().words);
    plan_.pop_front();
    (void)command(words);
  }
}

/// The timer stands for the next moment in time that somebody waits for.
void Stage::arm() {
  const model::Ps now = sim_->calendar.now();
  std::optional<model::Ps> next = use_breaks_ ? breaks_.next_time(now) : std::nullopt;
  const auto take = [&](const Position& p) {
    if (p.kind == Position::Kind::time && p.t > now && (!next || p.t < *next)) {
      next = p.t;
    }
  };
  if (until_.position) {
    take(*until_.position);
  }
  if (!plan_.empty()) {
    take(plan_.front().at);
  }
  if (next) {
    timer_->arm(*next);
  } else {
    timer_->disarm();
  }
}

void Stage::found(const Happening& h, bool last) {
  std::string ignored;
  const bool match = scan_breaks_ ? breaks_.stops(h, last, ignored) != 0 : scanned_.matches(h);
  const auto& to = *until_.position;
  const bool too_late = !inclusive_ && to.kind == Position::Kind::event && position_.count >= to.count;
  if (!match || too_late || (!matches_.empty() && matches_.back().count == position_.count)) {
    return;
  }
  matches_.push_back(position_);
  if (matches_.size() > keep_) {
    matches_.pop_front();
  }
}

// ---- time stands still -------------------------------------------------------------------------

Json Stage::report(const std::string& why, int number) {
  Json message = {{"good", true}, {"why", why}, {"break", number}, {"position", position_}, {"ended", machine_->ended}};
  if (scanning_) {
    message["found"] = matches_;
    return message;
  }
  const auto newest = watcher_->last(1, [](const Happening& h) { return h.kind != HappeningKind::violation; });
  message["event"] = newest.empty() || position_.kind != Position::Kind::event ? "" : text(newest.front());
  message["notices"] = std::exchange(machine_->notices, {});
  message["displays"] = displayed();
  return message;
}

void Stage::stop(const std::string& why, int number) {
  const Json message = report(why, number);
  scanning_ = false;
  until_ = {};
  break_hit_ = 0;
  why_.clear();
  if (!std::exchange(reported_, true)) {
    reply(message);
  }
  if (!machine_->ended) {
    serve();
  }
}

std::vector<std::string> Stage::displayed() {
  std::vector<std::string> lines;
  for (const auto& expression : displays_) {
    lines.push_back(fmt::format("{} = {}", expression->text(), value_text(expression->value())));
  }
  return lines;
}

void Stage::serve() {
  mute_ = true;
  while (true) {
    const auto message = link_.receive();
    if (!message) {
      ::_exit(0);  // the session is over: nothing may run on, no file is to be finished
    }
    interrupt_ = 0;
    try {
      if (handle(*message)) {
        breaks_.look();
        arm();
        return;
      }
    } catch (const std::exception& e) {
      wrong_reply(e.what());
    }
  }
}

/// True: time may pass.
bool Stage::handle(const Json& message) {
  const auto what = message.at("do").get<std::string>();
  std::string error;
  if (what == "go") {
    return go(message);
  }
  if (what == "scan") {
    return scan(message);
  }
  if (what == "fork") {
    return fork_now("good");
  }
  if (what == "breaks") {
    const bool good = breaks_.set(message.at("list"), *symbols_, error);
    reply({{"good", good}, {"text", error}});
  } else if (what == "displays") {
    std::vector<std::shared_ptr<Expression>> made;
    for (const Json& item : message.at("list")) {
      made.push_back(Expression::parse(item.get<std::string>(), *symbols_, error));
    }
    if (error.empty()) {
      displays_ = std::move(made);
    }
    reply({{"good", error.empty()}, {"text", error}});
  } else if (what == "verdict") {
    reply({{"good", true}, {"ended", machine_->ended}, {"verdict", result_->verdict},
           {"text", machine_->ended ? account(*result_) : ""}});
  } else if (what == "wave" || what == "wave_end") {
    const bool good = what == "wave" ? begin_wave(message, error) : end_wave(error);
    reply({{"good", good}, {"text", error}});
  } else if (what == "names") {
    reply({{"good", true}, {"text", symbols_->names(message.at("prefix").get<std::string>())}});
  } else {
    const Answer done = command(message.at("words").get<Words>());
    reply({{"good", done.good}, {"text", done.text}});
  }
  return false;
}

bool Stage::go(const Json& message) {
  std::string error;
  if (machine_->ended) {
    wrong_reply("the run is over; back, goto, restore and restart go on from earlier moments");
    return false;
  }
  if (!set_until(message.at("until"), error)) {
    wrong_reply(error);
    return false;
  }
  set_plan(message);
  use_breaks_ = message.value("breaks", false);
  snapshots_ = message.value("snapshots", std::uint64_t{0});
  mute_ = message.value("mute", false);
  return leave();
}

/// What is due here is done here. False: there is nowhere to go, and that is reported.
bool Stage::leave() {
  do_planned();
  reported_ = false;
  if (!until_.position || !reached(*until_.position)) {
    return true;
  }
  reply(report("", 0));
  reported_ = true;
  scanning_ = false;
  until_ = {};
  return false;
}

bool Stage::set_until(const Json& until, std::string& error) {
  until_ = {};
  if (until.contains("words")) {
    until_.count = until.at("count").get<std::uint64_t>();
    return until_.filter.parse(until.at("words").get<Words>(), 0, *symbols_, error);
  }
  if (until.contains("for")) {
    until_.position = Position::at_time(sim_->calendar.now() + until.at("for").get<model::Ps>());
  } else if (until.contains("position")) {
    until_.position = until.at("position").get<Position>();
  } else if (until.contains("expression")) {
    until_.expression = Expression::parse(until.at("expression").get<std::string>(), *symbols_, error);
    return until_.expression != nullptr;
  }
  return true;
}

void Stage::set_plan(const Json& message) {
  plan_.clear();
  for (const Json& act : message.value("plan", Json::array())) {
    plan_.push_back({act.at("position").get<Position>(), act.at("words").get<Words>()});
  }
}

bool Stage::scan(const Json& message) {
  if (machine_->ended) {
    wrong_reply("the run is over");
    return false;
  }
  scanned_ = {};
  std::string error;
  inclusive_ = message.value("inclusive", false);
  scan_breaks_ = message.value("breaks", false);
  if (!scan_breaks_ && !scanned_.parse(message.at("words").get<Words>(), 0, *symbols_, error)) {
    wrong_reply(error);
    return false;
  }
  scanning_ = true;
  use_breaks_ = false;
  snapshots_ = 0;
  mute_ = true;
  keep_ = message.value("keep", std::size_t{1});
  matches_.clear();
  until_ = {};
  until_.position = message.at("to").get<Position>();
  set_plan(message);
  return leave();
}

bool Stage::begin_wave(const Json& message, std::string& error) {
  waves::WaveScope scope;
  const auto groups = message.at("groups").get<std::string>();
  wave_file_ = message.at("file").get<std::string>();
  if (!groups.empty() && !parse_wave_groups(groups, scope.groups, error)) {
    return false;
  }
  wave_ = std::make_unique<waves::WaveRecorder>(*board_, wave_file_, scope, sim_->calendar.now());
  error = wave_->ok() ? "" : wave_file_ + ": cannot be written";
  return wave_->ok();
}

bool Stage::end_wave(std::string& error) {
  const bool good = wave_ != nullptr && wave_->finish(sim_->calendar.now());
  wave_.reset();
  error = good ? "" : wave_file_ + ": cannot be written";
  return good;
}

/// The copy stands at this moment until it is told to go on; this process goes on at once.
bool Stage::fork_now(const char* tag) {
  auto [mine, theirs] = Link::make_pair();
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    link_ = std::move(theirs);
    mine.close();
    reported_ = true;
    scanning_ = false;
    break_hit_ = 0;
    why_.clear();
    serve();
    return true;
  }
  theirs.close();
  Json message = {{tag, true}, {"pid", pid}, {"position", position_}};
  if (pid < 0) {
    message = {{"good", false}, {"text", "the operating system refuses another process"}};
  }
  if (!link_.send(message, pid < 0 ? nullptr : &mine)) {
    ::_exit(0);
  }
  return false;
}

void Stage::reply(const Json& message) {
  if (!link_.send(message)) {
    ::_exit(0);
  }
}

void Stage::fail(const std::string& error) { wrong_reply(error); }

// ---- commands ----------------------------------------------------------------------------------

Answer Stage::command(const Words& words) {
  std::string error;
  const CommandRow* row = find_command(words[0], error);
  if (row == nullptr || row->call == nullptr) {
    return wrong(row == nullptr ? error : fmt::format("{} is not for here", row->name));
  }
  return row->call(*machine_, words);
}

}  // namespace vfsim::bench
