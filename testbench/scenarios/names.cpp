#include "testbench/scenarios/names.hpp"

#include <algorithm>
#include <vector>

namespace vfsim::bench {
namespace {

/// Calls visit(name) for each name of the list.
template <class Visit>
void each_name(std::string_view names, Visit visit) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find_first_of("| "), names.size());
    if (end != 0) {
      visit(names.substr(0, end));
    }
    names.remove_prefix(std::min(end + 1, names.size()));
  }
}

/// Insertions, deletions and replacements that turn a into b.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string lower_case(std::string_view word) {
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

/// How good a guess `name` is for `word`, capitals or not; the beginning of a name is as good as
/// one wrong letter.
std::size_t unlikeness(std::string_view written, std::string_view known) {
  constexpr std::size_t kStart = 3;
  const std::string word = lower_case(written);
  const std::string name = lower_case(known);
  return word.size() >= kStart && name.compare(0, word.size(), word) == 0 ? 1
                                                                          : distance(word, name);
}

}  // namespace

bool has_name(std::string_view names, std::string_view name) {
  bool found = false;
  each_name(names, [&](std::string_view other) { found = found || other == name; });
  return found;
}

std::string comma_list(std::string_view names) {
  std::string list;
  each_name(names,
            [&](std::string_view name) { list += (list.empty() ? "" : ", ") + std::string(name); });
  return list;
}

std::string did_you_mean(std::string_view word, std::string_view names) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(word.size() / 3, 2) + 1;
  each_name(names, [&](std::string_view name) {
    const std::size_t d = unlikeness(word, name);
    if (d < least && d < name.size()) {
      best = name;
      least = d;
    }
  });
  return best.empty() ? "" : " (did you mean '" + std::string(best) + "'?)";
}

}  // namespace vfsim::bench
