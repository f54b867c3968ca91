// What a regression found out, as a whole: kept in a file, merged, told.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "testbench/regress/case.hpp"

namespace vfsim::bench {

struct Regression {
  std::size_t total = 0;          // cases of the whole, all shards
  std::vector<CaseResult> cases;  // of this part, by ascending Case::id; those not run, too
  double wall_s = 0;
  std::string ended;  // why cases were not run, one line; "" if all were

  /// Every case that ran passed, and nobody stopped it.
  [[nodiscard]] bool passed() const;
};

/// File format vfsim.regress/1, a JSON object per line. First line:
///   {"schema":"vfsim.regress/1","total":N,"wall_s":S,"ended":""}
/// and one line per case, by ascending id:
///   {"id":N,"scenario":"random","seed":17,"overrides":[],"faults":[],"limit_s":S,
///    "outcome":"finished","status":0,"signal":0,"wall_s":S,"output":"",
///    "evidence":"","result":{...}}
/// `result` is an object of schema vfsim.result/1. A case that was not run has no outcome but
/// "not_run" and an empty result.
[[nodiscard]] std::string to_lines(const Regression& regression);
/// False: `error` is one line, "line N: what is wrong".
[[nodiscard]] bool from_lines(const std::string& text, Regression& regression, std::string& error);

/// Adds a part of the same regression. False: it is part of another, or has a case that is there
/// already; `error` is one line.
[[nodiscard]] bool merge(Regression& into, Regression part, std::string& error);

/// For a terminal: failures with the command that repeats each, then the figures.
[[nodiscard]] std::string summary(const Regression& regression);
/// Why a case did not pass, in one line: violation, error or how its worker ended.
[[nodiscard]] std::string reason(const CaseResult& result);
/// What failures have in common, with their numbers: "Q2 9, timed_out 1"; "" without failures.
[[nodiscard]] std::string causes_text(const Regression& regression);
/// A hash over the event digests of all cases that finished, 16 hex digits: equal for any number of
/// jobs and shards, and for any build that behaves the same.
[[nodiscard]] std::string digest_of_digests(const Regression& regression);
/// JUnit XML: a test suite per scenario, a test case per seed.
[[nodiscard]] std::string junit(const Regression& regression);

}  // namespace vfsim::bench
