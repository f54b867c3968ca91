#include "testbench/coverage/coverage_sum.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "testbench/checkers/rule_set.hpp"

namespace vfsim::bench {
namespace {

constexpr auto kGroupCount = static_cast<std::size_t>(CoverGroup::count_);

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void CoverageSum::add(const Result& result) {
  ++runs_;
  for (const CoverageHit& hit : result.coverage) {
    counts_[{hit.group, hit.bin}] += hit.count;
    if (hit.group == group_name(CoverGroup::rules)) {
      rules_[result.scenario].insert(hit.bin);
    }
  }
  (void)rules_[result.scenario];
}

std::uint64_t CoverageSum::count(CoverGroup group, const std::string& bin) const {
  const auto found = counts_.find({std::string(group_name(group)), bin});
  return found == counts_.end() ? 0 : found->second;
}

CoverageSum::Tally CoverageSum::tally(CoverGroup group) const {
  Tally sum;
  for (const CoverBin& bin : coverage_model()) {
    if (bin.group != group) {
      continue;
    }
    if (!bin.why.empty()) {
      ++sum.excluded;
    } else {
      ++sum.bins;
      sum.hit += count(group, bin.name) != 0 ? 1 : 0;
    }
  }
  return sum;
}

CoverageSum::Tally CoverageSum::total() const {
  Tally sum;
  for (std::size_t g = 0; g < kGroupCount; ++g) {
    const Tally one = tally(static_cast<CoverGroup>(g));
    sum.hit += one.hit;
    sum.bins += one.bins;
    sum.excluded += one.excluded;
  }
  return sum;
}

double CoverageSum::share() const {
  const Tally sum = total();
  return ratio(sum.hit, sum.bins);
}

std::vector<std::string> CoverageSum::surprises() const {
  std::set<std::pair<std::string, std::string>> countable;
  for (const CoverBin& bin : coverage_model()) {
    if (bin.why.empty()) {
      countable.emplace(group_name(bin.group), bin.name);
    }
  }
  std::vector<std::string> found;
  for (const auto& [key, hits] : counts_) {
    if (hits != 0 && countable.count(key) == 0) {
      found.push_back(key.first + ": " + key.second);
    }
  }
  return found;
}

std::set<std::string> CoverageSum::hit_bins() const {
  std::set<std::string> hit;
  for (const CoverBin& bin : coverage_model()) {
    if (bin.why.empty() && count(bin.group, bin.name) != 0) {
      hit.insert(fmt::format("{}: {}", group_name(bin.group), bin.name));
    }
  }
  return hit;
}

std::vector<CoverageSum::Group> CoverageSum::groups() const {
  std::vector<Group> out;
  for (std::size_t g = 0; g < kGroupCount; ++g) {
    const auto group = static_cast<CoverGroup>(g);
    const Tally one = tally(group);
    out.push_back({group_name(group), one.hit, one.bins});
  }
  return out;
}

std::vector<const CoverBin*> CoverageSum::holes() const {
  std::vector<const CoverBin*> found;
  for (const CoverBin& bin : coverage_model()) {
    if (bin.why.empty() && count(bin.group, bin.name) == 0) {
      found.push_back(&bin);
    }
  }
  return found;
}

std::string CoverageSum::rules_by_scenario() const {
  std::string head = fmt::format("{:<18}", "rules evaluated");
  for (const RuleInfo& rule : rule_table()) {
    head += fmt::format(" {:>2}", rule.id);
  }
  std::string out = head + "\n";
  for (const auto& [scenario, rules] : rules_) {
    out += fmt::format("{:<18}", scenario);
    for (const RuleInfo& rule : rule_table()) {
      out += fmt::format(" {:>2}", rules.count(rule.id) != 0 ? "x" : ".");
    }
    out += "\n";
  }
  return out;
}

std::string CoverageSum::table() const {
  const Tally sum = total();
  std::string out = fmt::format("coverage of {} runs of {} scenarios: {} of {} bins, {:.1f} %\n",
                                runs_, rules_.size(), sum.hit, sum.bins, 100 * share());
  for (const std::string& bin : surprises()) {
    out += fmt::format("! hit although the model leaves it out  {}\n", bin);
  }
  const auto missing = holes();
  out += missing.empty() ? "no holes\n" : fmt::format("holes ({})\n", missing.size());
  for (const CoverBin* bin : missing) {
    out += fmt::format("  {:<12} {}\n", group_name(bin->group), bin->name);
  }
  out += fmt::format("{:<12} {:>5} {:>5} {:>7} {:>9}\n", "group", "hit", "bins", "", "left out");
  for (std::size_t g = 0; g < kGroupCount; ++g) {
    const auto group = static_cast<CoverGroup>(g);
    const Tally one = tally(group);
    out += fmt::format("{:<12} {:>5} {:>5} {:>5.1f} % {:>9}  {}\n", group_name(group), one.hit,
                       one.bins, 100 * ratio(one.hit, one.bins), one.excluded, group_doc(group));
  }
  return out + rules_by_scenario();
}

std::string CoverageSum::json() const {
  using Json = nlohmann::ordered_json;
  Json out = {{"runs", runs_}, {"share", share()}, {"groups", Json::array()}};
  for (std::size_t g = 0; g < kGroupCount; ++g) {
    const auto group = static_cast<CoverGroup>(g);
    const Tally one = tally(group);
    out["groups"].push_back({{"group", group_name(group)},
                             {"hit", one.hit},
                             {"bins", one.bins},
                             {"excluded", one.excluded}});
  }
  out["holes"] = Json::array();
  for (const CoverBin* bin : holes()) {
    out["holes"].push_back({{"group", group_name(bin->group)}, {"bin", bin->name}});
  }
  out["bins"] = Json::array();
  for (const auto& [key, hits] : counts_) {
    out["bins"].push_back({{"group", key.first}, {"bin", key.second}, {"count", hits}});
  }
  return out.dump(2) + "\n";
}

}  // namespace vfsim::bench
