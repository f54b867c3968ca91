// print, expect, events: what expressions and filters are about.
#include <algorithm>
#include <fmt/format.h>

#include "testbench/shell/event_filter.hpp"
#include "testbench/shell/machine.hpp"

namespace vfsim::bench {

Answer shell_print(Machine& machine, const Words& words) {
  const std::string text = joined(words, 1);
  if (text.empty()) {
    return wrong_usage("print");
  }
  std::string error;
  const auto expression = Expression::parse(text, machine.names, error);
  if (!expression) {
    return wrong(error);
  }
  const double value = expression->value();
  const std::string meaning = machine.names.meaning(text, value);
  return answer(fmt::format("{} = {}{}\n", text, value_text(value), meaning.empty() ? "" : " (" + meaning + ")"));
}

Answer shell_expect(Machine& machine, const Words& words) {
  const std::string text = joined(words, 1);
  if (text.empty()) {
    return wrong_usage("expect");
  }
  std::string error;
  const auto expression = Expression::parse(text, machine.names, error);
  if (!expression) {
    return wrong(error);
  }
  return expression->value() != 0 ? answer("") : wrong("expected " + text);
}

Answer shell_signals(Machine& machine, const Words& words) {
  const waves::SignalSpace& space = machine.board.space();
  const std::string prefix = words.size() > 1 ? words[1] : "";
  std::string out;
  for (waves::SignalId id = 0; id < space.units() * waves::kSignalCount; ++id) {
    if (space.holds(id) && space.name(id).rfind(prefix, 0) == 0) {
      out += fmt::format("{:<28} {}\n", space.name(id), machine.board.shown(id, machine.sim.calendar.now()));
    }
  }
  return out.empty() ? wrong(fmt::format("no signal begins with '{}'; they are A.pf.* A.vfN.* B.pf.* B.vfN.* guestN.*", prefix))
                     : answer(out);
}

Answer shell_events(Machine& machine, const Words& words) {
  const bool counted = words.size() > 1 && words[1] == "last";
  const auto most = counted ? number_of(words.size() > 2 ? words[2] : "") : 20;
  if (!most) {
    return wrong_usage("events");
  }
  EventFilter filter;
  std::string error;
  if (!filter.parse(words, counted ? 3 : 1, machine.names, error)) {
    return wrong(error);
  }
  const auto found = machine.watcher.last(*most, [&](const Happening& h) { return filter.matches(h); });
  std::string out;
  for (const Happening& h : found) {
    out += fmt::format("{:>17}  {}\n", time_text(h.t), text(h));
  }
  return answer(found.empty() ? fmt::format("none of the newest {} events matches\n",
                                            std::min<std::uint64_t>(machine.watcher.count(), Watcher::kKept))
                              : out);
}

}  // namespace vfsim::bench
