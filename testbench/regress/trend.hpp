// A regression against an earlier one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "testbench/coverage/coverage_sum.hpp"
#include "testbench/regress/regression.hpp"

namespace vfsim::bench {

/// Wall time of a scenario's cases that finished in both.
struct Pace {
  std::string scenario;
  std::size_t cases = 0;
  double before_s = 0;  // sum
  double now_s = 0;
  double due_s = 0;  // before_s on the machine as fast as it is now: by the median of all scenarios
  /// Far enough from the pace of the others that a reader should look.
  [[nodiscard]] bool slower() const { return now_s > due_s * kFactor && now_s > due_s + kLeast; }
  [[nodiscard]] bool faster() const { return due_s > now_s * kFactor && due_s > now_s + kLeast; }

 private:
  static constexpr double kFactor = 1.25;
  static constexpr double kLeast = 0.2;
};

/// Cases are the same if scenario, seed, parameters and faults are. Pointers go into the
/// regressions that were compared.
struct Trend {
  std::vector<const CaseResult*> newly_failing;  // passed before
  std::vector<const CaseResult*> failing_new;    // fail, and did not run before
  std::vector<const CaseResult*> still_failing;
  std::vector<const CaseResult*> fixed;  // pass now, failed before
  std::size_t common = 0;                // ran in both
  std::size_t only_now = 0;
  std::size_t only_before = 0;
  std::size_t changed = 0;  // of the common: another events digest
  std::vector<Pace> paces;  // by scenario
  double pace = 1;          // median of now_s / before_s: how much slower the machine was
  double share_before = 0;  // of coverage bins, 0 .. 1
  double share_now = 0;
  std::vector<std::string> gained;  // coverage bins hit now only: "group: bin"
  std::vector<std::string> lost;    // hit before only
};

[[nodiscard]] Trend trend(const Regression& now, const Regression& before);
/// Coverage of the cases that finished.
[[nodiscard]] CoverageSum coverage_of(const Regression& regression);
/// For a terminal: a few lines.
[[nodiscard]] std::string trend_text(const Trend& trend);

}  // namespace vfsim::bench
