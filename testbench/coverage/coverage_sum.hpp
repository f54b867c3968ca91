// Coverage over many runs, and how it is shown.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "testbench/coverage/coverage_model.hpp"
#include "testbench/report/result.hpp"

namespace vfsim::bench {

/// Sums the hits of results; the order of adding does not matter.
class CoverageSum {
 public:
  void add(const Result& result);

  [[nodiscard]] std::uint64_t runs() const { return runs_; }
  /// Share of the model's countable bins that were hit, 0 .. 1.
  [[nodiscard]] double share() const;
  /// Bins that were hit although the model leaves them out, or does not know them: "group: bin".
  /// The model is wrong if there is one.
  [[nodiscard]] std::vector<std::string> surprises() const;

  /// The countable bins that were hit: "group: bin".
  [[nodiscard]] std::set<std::string> hit_bins() const;
  struct Group {
    std::string_view name;
    std::uint64_t hit = 0;
    std::uint64_t bins = 0;  // countable
  };
  /// In the order of coverage.def.
  [[nodiscard]] std::vector<Group> groups() const;

  /// For a terminal: sum, holes, groups, rules by scenario.
  [[nodiscard]] std::string table() const;
  /// One object: {"runs","share","groups":[{"group","hit","bins","excluded"}],"holes":[...],
  /// "bins":[{"group","bin","count"}]}.
  [[nodiscard]] std::string json() const;

 private:
  struct Tally {
    std::uint64_t hit = 0;
    std::uint64_t bins = 0;
    std::uint64_t excluded = 0;
  };
  [[nodiscard]] std::uint64_t count(CoverGroup group, const std::string& bin) const;
  [[nodiscard]] Tally tally(CoverGroup group) const;
  [[nodiscard]] Tally total() const;
  [[nodiscard]] std::vector<const CoverBin*> holes() const;
  [[nodiscard]] std::string rules_by_scenario() const;

  std::uint64_t runs_ = 0;
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts_;  // (group, bin)
  std::map<std::string, std::set<std::string>> rules_;                   // evaluated, by scenario
};

}  // namespace vfsim::bench
