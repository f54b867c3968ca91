// Whether a fault run was caught by its rule, and the table over all of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "testbench/faults/catalogue.hpp"
#include "testbench/regress/case.hpp"

namespace vfsim::bench {

inline constexpr std::size_t kFaultsPerRule = 2;  // the least that shows that a rule can fail

struct FaultVerdict {
  CataloguedFault fault;
  std::string problem;                   // why it does not count as caught; empty: caught
  std::vector<std::string> caught_by;    // all violated rules, the expected one first
  std::optional<ViolationResult> first;  // first violation of the expected rule, else of any
  double wall_s = 0;
  std::string replay;  // command that repeats the run
};

/// Caught: the worker finished with kViolated and the rule of the row was violated.
[[nodiscard]] FaultVerdict judge(const CataloguedFault& fault, const CaseResult& run);

/// Of one rule of the contract.
struct RuleTally {
  std::string rule;
  std::size_t faults = 0;
  std::size_t caught = 0;
  [[nodiscard]] bool enough() const { return faults >= kFaultsPerRule; }
};

/// One per rule, in the order of the contract.
[[nodiscard]] std::vector<RuleTally> tally(const std::vector<FaultVerdict>& verdicts);

/// Everything was caught by its rule; with `whole` also: each rule has its faults.
[[nodiscard]] bool all_caught(const std::vector<FaultVerdict>& verdicts, bool whole);

/// Lines for people: a row per fault, what is wrong with those that were not caught and how to
/// repeat them; with `whole` also the faults per rule. Last line: how many were caught.
[[nodiscard]] std::string fault_table(const std::vector<FaultVerdict>& verdicts, bool whole);

/// Schema vfsim.faults/1.
[[nodiscard]] std::string fault_json(const std::vector<FaultVerdict>& verdicts, std::uint64_t seed,
                                     bool whole);

}  // namespace vfsim::bench
