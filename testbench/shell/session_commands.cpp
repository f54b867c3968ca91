// The commands of the session itself: time, breaks, checkpoints.
#include <algorithm>
#include <fmt/format.h>
#include <fstream>

#include "testbench/scenarios/names.hpp"
#include "testbench/shell/event_filter.hpp"
#include "testbench/shell/machine.hpp"
#include "testbench/shell/session.hpp"
#include "testbench/shell/symbols.hpp"

namespace vfsim::bench {
namespace {

constexpr int kMostDepth = 16;  // files that take commands from files

/// "3 tlp vf0" or "tlp vf0": how often, and what.
struct Counted {
  std::uint64_t n = 1;
  Words what;
};
Counted counted(const Words& words) {
  Counted c;
  const auto n = words.size() > 1 ? number_of(words[1]) : std::nullopt;
  c.n = n.value_or(1);
  c.what.assign(words.begin() + (n ? 2 : 1), words.end());
  return c;
}

}  // namespace

// ---- time --------------------------------------------------------------------------------------

Outcome Session::do_run(const Words& words) {
  if (words.size() == 1) {
    return let_go({{"free", true}}, true);
  }
  const auto t = time_of(joined(words, 1));
  return t && *t != 0 ? let_go({{"for", *t}}, true) : usage("run");
}

Outcome Session::do_continue(const Words& words) { return words.size() == 1 ? do_run(words) : usage("continue"); }

Outcome Session::do_finish(const Words& words) {
  return words.size() == 1 ? let_go({{"free", true}}, false) : usage("finish");
}

Outcome Session::do_step(const Words& words) {
  if (const auto t = time_of(joined(words, 1)); t && *t != 0) {
    return let_go({{"for", *t}}, true);
  }
  const Counted c = counted(words);
  return c.n == 0 ? usage("step") : let_go({{"count", c.n}, {"words", c.what}}, true);
}

Outcome Session::do_until(const Words& words) {
  return words.size() == 1 ? usage("until") : let_go({{"expression", joined(words, 1)}}, true);
}

Outcome Session::do_back(const Words& words) {
  if (const auto t = time_of(joined(words, 1)); t && *t != 0) {
    return *t > live_.at.t ? wrong(fmt::format("back {}: the run began {} ago", joined(words, 1), time_text(live_.at.t)))
                           : land(Position::at_time(live_.at.t - *t));
  }
  const Counted c = counted(words);
  std::optional<Position> found;
  std::string error;
  if (c.n == 0) {
    return usage("back");
  }
  if (!last_match({{"words", c.what}}, c.n, found, error)) {
    return wrong(error);
  }
  return found ? land(*found) : wrong(fmt::format("back: there are fewer than {} such events before this one", c.n));
}

Outcome Session::do_reverse(const Words& words) {
  std::optional<Position> found;
  std::string error;
  if (words.size() != 1) {
    return usage("reverse-continue");
  }
  if (!last_match({{"breaks", true}}, 1, found, error)) {
    return wrong(error);
  }
  if (!found) {
    print_("no break was passed: this is the begin\n");
  }
  return land(found.value_or(Position{}));
}

Outcome Session::do_goto(const Words& words) {
  const std::string where = joined(words, 1);
  std::optional<Position> target;
  if (const auto t = time_of(where)) {
    target = Position::at_time(*t);
  } else if (const auto n = number_of(where.substr(0, 1) == "#" ? where.substr(1) : ""); n && *n != 0) {
    target = Position{*n, 0, Position::Kind::event};
  }
  if (!target) {
    return usage("goto");
  }
  if (live_.at.before(*target) && !ended_) {
    return let_go({{"position", *target}}, false);
  }
  return land(target->t == 0 && target->kind == Position::Kind::time ? Position{} : *target);
}

// ---- moments -----------------------------------------------------------------------------------

Outcome Session::do_checkpoint(const Words& words) {
  Checkpoint made;
  std::string error;
  if (!copy(live_, made.moment, error)) {
    return wrong(error);
  }
  made.note = joined(words, 1);
  made.journal = journal_;
  checkpoints_.push_back(std::move(made));
  print_(fmt::format("checkpoint {}: {}, event {}\n", checkpoints_.size(), time_text(live_.at.t), live_.at.count));
  return Outcome::good;
}

Outcome Session::do_checkpoints(const Words& words) {
  if (words.size() != 1) {
    return usage("checkpoints");
  }
  for (std::size_t i = 0; i < checkpoints_.size(); ++i) {
    const Checkpoint& c = checkpoints_[i];
    print_(fmt::format("{:>3}  {:>17}, event {}  {}\n", i + 1, time_text(c.moment.at.t), c.moment.at.count, c.note));
  }
  if (checkpoints_.empty()) {
    print_("no checkpoints\n");
  }
  return Outcome::good;
}

Outcome Session::do_restore(const Words& words) {
  const auto n = words.size() == 2 ? number_of(words[1]) : std::nullopt;
  if (!n || *n == 0 || *n > checkpoints_.size()) {
    return n ? wrong(fmt::format("there is no checkpoint {}; checkpoints lists them", *n)) : usage("restore");
  }
  Checkpoint& c = checkpoints_[*n - 1];
  Moment made;
  std::string error;
  if (!copy(c.moment, made, error) || !adopt(made, error)) {
    return wrong(error);
  }
  live_ = std::move(made);
  journal_ = c.journal;
  ended_ = live_.at.kind == Position::Kind::end;
  // Snapshots of another history are of no use; those of this one are made again on the way.
  snapshots_.erase(snapshots_.begin() + 1, snapshots_.end());
  print_(fmt::format("{}, event {}: checkpoint {}{}{}\n", time_text(live_.at.t), live_.at.count, *n,
                     c.note.empty() ? "" : ", ", c.note));
  return Outcome::good;
}

Outcome Session::do_restart(const Words& words) {
  RunRequest request = request_;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "fault" && i + 1 < words.size()) {
      request.faults.push_back(words[++i]);
    } else {
      request.overrides.push_back(words[i]);
    }
  }
  std::string error;
  if (!begin(request, error)) {
    return wrong(error);
  }
  print_(fmt::format("{}: {}, seed {}\n", time_text(0), request_.scenario, request_.seed));
  return Outcome::good;
}

Outcome Session::do_set(const Words& words) {
  if (words.size() == 4 && words[1] == "state") {
    return dispatch({"set-state", words[2], words[3]});
  }
  if (words.size() != 2) {
    return usage("set");
  }
  RunRequest request = request_;
  request.overrides.push_back(words[1]);
  std::string error;
  const Position now = Position::at_time(live_.at.t);
  std::vector<Act> acts = journal_;
  if (!begin(request, error)) {
    return wrong(error);
  }
  for (Act& act : acts) {
    act.at = Position::at_time(act.at.t);  // events are others now
  }
  journal_ = std::move(acts);
  print_(fmt::format("the run is repeated with {}\n", words[1]));
  return now.t == 0 ? Outcome::good : land(now);
}

// ---- breaks ------------------------------------------------------------------------------------

Json Session::break_list() const {
  Json list = Json::array();
  for (const BreakItem& b : breaks_) {
    list.push_back({{"n", b.number}, {"words", b.words}});
  }
  return list;
}

Outcome Session::add_break(const Words& words) {
  breaks_.push_back({next_break_, words});
  const Json answer = ask(live_, {{"do", "breaks"}, {"list", break_list()}});
  if (!answer.value("good", false)) {
    breaks_.pop_back();
    return wrong(answer.value("text", ""));
  }
  print_(fmt::format("{} {}: {}\n", words[0] == "watch" ? "watch" : "break", next_break_++, joined(words, 0)));
  return Outcome::good;
}

Outcome Session::do_break(const Words& words) {
  return words.size() > 2 && words[1] == "on" ? add_break(words) : usage("break");
}

Outcome Session::do_tbreak(const Words& words) {
  return words.size() > 2 && words[1] == "on" ? add_break(words) : usage("tbreak");
}

Outcome Session::do_watch(const Words& words) { return words.size() > 1 ? add_break(words) : usage("watch"); }

Outcome Session::do_breaks(const Words& words) {
  if (words.size() != 1) {
    return usage("breaks");
  }
  for (const BreakItem& b : breaks_) {
    print_(fmt::format("{:>3}  {}  ({} hits)\n", b.number, joined(b.words, 0), b.hits));
  }
  if (breaks_.empty()) {
    print_("no breaks\n");
  }
  return Outcome::good;
}

Outcome Session::do_delete(const Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto n = number_of(words[i]);
    const auto b = std::find_if(breaks_.begin(), breaks_.end(),
                                [&](const BreakItem& x) { return n && static_cast<std::uint64_t>(x.number) == *n; });
    if (b == breaks_.end()) {
      return wrong(fmt::format("there is no break '{}'; breaks lists them", words[i]));
    }
    breaks_.erase(b);
  }
  if (words.size() == 1) {
    breaks_.clear();
  }
  std::string error;
  return adopt(live_, error) ? Outcome::good : wrong(error);
}

Outcome Session::do_display(const Words& words) {
  std::vector<std::string> before = displays_;
  if (words.size() == 1) {
    displays_.clear();
  } else {
    displays_.push_back(joined(words, 1));
  }
  const Json answer = ask(live_, {{"do", "displays"}, {"list", displays_}});
  if (!answer.value("good", false)) {
    displays_ = std::move(before);
    return wrong(answer.value("text", ""));
  }
  return words.size() == 1 ? Outcome::good : dispatch({"print", joined(words, 1)});
}

// ---- the rest ----------------------------------------------------------------------------------

Outcome Session::do_source(const Words& words) {
  std::ifstream file(words.size() == 2 ? words[1] : "");
  if (words.size() != 2) {
    return usage("source");
  }
  if (!file || depth_ == kMostDepth) {
    return wrong(!file ? fmt::format("{}: cannot be read", words[1]) : fmt::format("{}: files within files, too deep", words[1]));
  }
  ++depth_;
  Outcome worst = Outcome::good;
  for (std::string line; std::getline(file, line) && worst != Outcome::quit;) {
    print_(prompt() + line + "\n");
    const Outcome outcome = execute(line);
    worst = outcome == Outcome::quit ? outcome : std::max(worst, outcome);
  }
  --depth_;
  return worst;
}

Outcome Session::do_help(const Words& words) {
  if (words.size() > 1 && words[1] == "events") {
    print_(events_help());
    return Outcome::good;
  }
  if (words.size() > 1 && words[1] == "expressions") {
    print_(expressions_help());
    return Outcome::good;
  }
  if (words.size() > 1) {
    std::string error;
    const CommandRow* row = find_command(words[1], error);
    if (row == nullptr) {
      return wrong(error);
    }
    print_(fmt::format("{}\n{}\n", row->doc, usage_of(*row)));
    return Outcome::good;
  }
  static constexpr const char* kTitles[] = {"time", "session", "look", "act"};
  for (std::size_t kind = 0; kind < std::size(kTitles); ++kind) {
    print_(fmt::format("{}{}\n", kind == 0 ? "" : "\n", kTitles[kind]));
    for (const CommandRow& row : command_table()) {
      if (row.kind == static_cast<ShellKind>(kind)) {
        print_(fmt::format("  {:<16}  {}\n", row.name, row.doc));
      }
    }
  }
  print_("\nA name may be cut short where it stays clear; help COMMAND tells more, help events and help expressions, too.\n");
  return Outcome::good;
}

Outcome Session::do_quit(const Words& words) { return words.size() == 1 ? Outcome::quit : usage("quit"); }

Outcome Session::do_wave(const Words& words) {
  Position from;
  Position to = live_.at;
  std::string groups;
  for (std::size_t i = 2; i + 1 < words.size(); i += 2) {
    const std::string& what = words[i];
    const auto t = time_of(words[i + 1]);
    if (what == "groups") {
      groups = words[i + 1];
    } else if (!t || (what != "last" && what != "from" && what != "to")) {
      return usage("wave");
    } else if (what == "to") {
      to = Position::at_time(*t);
    } else {
      from = Position::at_time(what == "from" ? *t : live_.at.t - std::min(*t, live_.at.t));
    }
  }
  if (words.size() < 2 || words.size() % 2 != 0) {
    return usage("wave");
  }
  if (!from.before(to) || live_.at.before(to)) {
    return wrong(fmt::format("wave: from {} to {} is no part of the past, which ends at {}", time_text(from.t),
                             time_text(to.t), time_text(live_.at.t)));
  }
  std::string error;
  if (!write_wave(words[1], groups, from, to, error)) {
    return wrong(error);
  }
  print_(fmt::format("{}: {} to {}; vfsim view {} shows it\n", words[1], time_text(from.t), time_text(to.t), words[1]));
  return Outcome::good;
}

std::string Session::completions(const std::string& line) {
  Words words;
  std::string error;
  if (!split_words(line, words, error)) {
    return "";
  }
  const bool fresh = line.empty() || line.back() == ' ';
  const std::size_t index = words.size() - (fresh || words.empty() ? 0 : 1);
  if (index == 0) {
    return command_names();
  }
  const Json names = ask(live_, {{"do", "names"}, {"prefix", fresh ? "" : words.back()}});
  return (names.value("good", false) ? names.value("text", "") : "") + " event cmd arc read write " + group_names_of_happenings() + " " + std::string(kTlpNames);
}

}  // namespace vfsim::bench
