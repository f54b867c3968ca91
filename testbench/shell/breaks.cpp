#include "testbench/shell/breaks.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace vfsim::bench {

bool Breaks::make(const Json& item, const NameTable& names, Break& made, std::string& error) {
  made.number = item.at("n").get<int>();
  const auto words = item.at("words").get<Words>();
  const std::size_t what = words[0] == "watch" ? 1 : 2;
  made.text = joined(words, 0);
  if (words[0] == "watch" || words[what] == "signal") {
    made.watched = Expression::parse(joined(words, words[0] == "watch" ? 1 : what + 1), names, error);
    return made.watched != nullptr;
  }
  if (words[what] == "time") {
    made.time = time_of(joined(words, what + 1));
    error = made.time ? "" : fmt::format("'{}' is no time; allowed is a number with ps, ns, us, ms or s", joined(words, what + 1));
    return made.time.has_value();
  }
  made.filter.emplace();
  return made.filter->parse(words, what, names, error);
}

bool Breaks::set(const Json& list, const NameTable& names, std::string& error) {
  std::vector<Break> made;
  for (const Json& item : list) {
    if (!make(item, names, made.emplace_back(), error)) {
      return false;
    }
  }
  list_ = std::move(made);
  look();
  return true;
}

std::optional<model::Ps> Breaks::next_time(model::Ps now) const {
  std::optional<model::Ps> next;
  for (const Break& b : list_) {
    if (b.time && *b.time > now && (!next || *b.time < *next)) {
      next = b.time;
    }
  }
  return next;
}

void Breaks::look() {
  for (Break& b : list_) {
    b.value = b.watched ? b.watched->value() : 0;
  }
}

int Breaks::stops(const Happening& h, bool last, std::string& why) {
  int found = 0;
  for (Break& b : list_) {
    const double before = b.value;
    b.value = b.watched && last ? b.watched->value() : before;
    if (found != 0 || (!(b.filter && b.filter->matches(h)) && b.value == before)) {
      continue;
    }
    found = b.number;
    why = b.value == before ? b.text
                            : fmt::format("{}: {} -> {}", b.text, value_text(before), value_text(b.value));
  }
  return found;
}

int Breaks::stops_at(model::Ps t, std::string& why) const {
  const auto found = std::find_if(list_.begin(), list_.end(), [&](const Break& b) { return b.time == t; });
  why = found == list_.end() ? "" : found->text;
  return found == list_.end() ? 0 : found->number;
}

}  // namespace vfsim::bench
