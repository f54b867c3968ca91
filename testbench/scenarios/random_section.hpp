// What [random] of a scenario file says, checked, with nothing drawn yet.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vfsim::bench {

/// How one value is drawn. Values are texts, as set_param() and set_option() take them.
struct Distribution {
  std::string place;  // "file:line:column"
  /// Of the value being drawn at all; otherwise it stays as it is. A boolean without `values` is
  /// true with it.
  double probability = 1;
  /// One of these, by weight; empty: a range.
  std::vector<std::string> values;
  std::vector<std::uint64_t> weights;  // as many, not all 0
  /// The range: values, or names of number parameters ("nic.vfs") that are taken as drawn.
  std::string min, max;
  bool below = false;  // `max` itself is out
  std::string step;    // values are min + k * step; "": every value
  bool log = false;    // every doubling of `min` is as likely as the next

  [[nodiscard]] bool is_range() const { return !min.empty(); }
};

struct RandomParam {
  std::string key;  // "nic.vfs"
  Distribution value;
};

/// One [[random.step]]: sequences of steps that share their options, drawn `times` times, all in
/// the order of their `at`.
struct RandomSteps {
  std::string place;
  std::uint32_t line = 0;
  std::vector<std::vector<std::string>> sequences;  // of verbs
  std::vector<std::uint64_t> weights;               // as many
  Distribution times;
  Distribution spacing;  // time between the steps of one sequence
  std::vector<std::pair<std::string, Distribution>> options;
};

struct RandomSection {
  std::string place;
  std::vector<RandomParam> params;  // each behind those that its range names
  std::vector<RandomSteps> steps;
  Distribution fault;  // one of `values`, or none

  [[nodiscard]] bool empty() const {
    return params.empty() && steps.empty() && fault.values.empty();
  }
};

/// What was drawn: "nic.vfs" -> "5", "step 2" -> "migrate guest=1 at=150000 ns".
struct Drawn {
  std::string key, value;
};

}  // namespace vfsim::bench
