#include "testbench/cli/fault_verdict.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace vfsim::bench {
namespace {

std::string joined(const std::vector<std::string>& words) {
  return words.empty() ? "-" : fmt::format("{}", fmt::join(words, " "));
}

std::string first_text(const FaultVerdict& v) {
  return v.first ? fmt::format("{:.3f} us {}", static_cast<double>(v.first->time_ns) / 1e3,
                               v.first->who)
                 : "-";
}

std::vector<std::string> violated_rules(const Result& result, std::string_view expected) {
  std::vector<std::string> rules;
  for (const RuleCount& rule : result.rules) {
    if (rule.violations != 0) {
      rules.push_back(rule.id);
    }
  }
  std::stable_partition(rules.begin(), rules.end(),
                        [&](const std::string& id) { return id == expected; });
  return rules;
}

std::optional<ViolationResult> first_violation(const Result& result, std::string_view expected) {
  const auto& all = result.violations;
  auto found = std::find_if(all.begin(), all.end(),
                            [&](const ViolationResult& v) { return v.rule == expected; });
  found = found == all.end() ? all.begin() : found;
  return found == all.end() ? std::nullopt : std::optional<ViolationResult>(*found);
}

std::string problem_of(const FaultVerdict& v, const CaseResult& run) {
  if (run.outcome != CaseOutcome::finished) {
    return fmt::format("{}: {}", to_string(run.outcome), run.result.error);
  }
  if (run.status != kViolated && run.status != kHeld) {
    return fmt::format("exit status {}: {}", run.status, run.result.error);
  }
  if (v.caught_by.empty()) {
    return run.result.error.empty() ? "escaped" : "no rule was violated: " + run.result.error;
  }
  return v.caught_by.front() == v.fault.rule
             ? ""
             : fmt::format("expected {}, caught only by {}", v.fault.rule, joined(v.caught_by));
}

/// Width of the first column and the others, from the widest text in each.
struct Widths {
  explicit Widths(const std::vector<FaultVerdict>& verdicts) {
    for (const FaultVerdict& v : verdicts) {
      name = std::max(name, v.fault.name.size());
      caught_by = std::max(caught_by, joined(v.caught_by).size());
      first = std::max(first, first_text(v).size());
    }
  }
  std::size_t name = 5, caught_by = 9, first = 15;
};

std::string rule_lines(const std::vector<RuleTally>& rules) {
  std::string line = "faults per rule (caught/all):";
  std::string few;
  for (const RuleTally& rule : rules) {
    line += fmt::format(" {} {}/{}", rule.rule, rule.caught, rule.faults);
    few += rule.enough() ? "" : (few.empty() ? "" : " ") + rule.rule;
  }
  return line + "\n" +
         (few.empty() ? ""
                      : fmt::format("rules with fewer than {} faults: {}\n", kFaultsPerRule, few));
}

}  // namespace

FaultVerdict judge(const CataloguedFault& fault, const CaseResult& run) {
  FaultVerdict v;
  v.fault = fault;
  v.caught_by = violated_rules(run.result, fault.rule);
  v.first = first_violation(run.result, fault.rule);
  v.wall_s = run.wall_s;
  v.replay = fmt::format("vfsim run {} --fault {} --seed {}", occasion(fault), fault.name,
                         run.what.run.seed);
  v.problem = problem_of(v, run);
  return v;
}

std::vector<RuleTally> tally(const std::vector<FaultVerdict>& verdicts) {
  std::vector<RuleTally> rules{
#define RULE(id, judge, title, trigger) {#id, 0, 0},
#include "testbench/checkers/rules.def"
#undef RULE
  };
  for (RuleTally& rule : rules) {
    for (const FaultVerdict& v : verdicts) {
      rule.faults += v.fault.rule == rule.rule ? 1 : 0;
      rule.caught += v.fault.rule == rule.rule && v.problem.empty() ? 1 : 0;
    }
  }
  return rules;
}

bool all_caught(const std::vector<FaultVerdict>& verdicts, bool whole) {
  const auto rules = tally(verdicts);
  return std::all_of(verdicts.begin(), verdicts.end(),
                     [](const FaultVerdict& v) { return v.problem.empty(); }) &&
         (!whole || std::all_of(rules.begin(), rules.end(),
                                [](const RuleTally& rule) { return rule.enough(); }));
}

std::string fault_table(const std::vector<FaultVerdict>& verdicts, bool whole) {
  const Widths w(verdicts);
  std::string out =
      fmt::format("{:<{}}  {:<8}  {:<4}  {:<{}}  {:<{}}  {:>7}\n", "fault", w.name, "layer", "rule",
                  "caught by", w.caught_by, "first violation", w.first, "wall");
  std::string problems;
  std::size_t caught = 0;
  for (const FaultVerdict& v : verdicts) {
    out += fmt::format("{:<{}}  {:<8}  {:<4}  {:<{}}  {:<{}}  {:>5.2f} s{}\n", v.fault.name, w.name,
                       v.fault.layer, v.fault.rule, joined(v.caught_by), w.caught_by, first_text(v),
                       w.first, v.wall_s, v.problem.empty() ? "" : "  FAILED");
    caught += v.problem.empty() ? 1 : 0;
    if (!v.problem.empty()) {
      problems += fmt::format("{}: {}\n  {}\n", v.fault.name, v.problem, v.replay);
    }
  }
  return out + "\n" + problems + (whole ? rule_lines(tally(verdicts)) : "") +
         fmt::format("{} of {} faults caught by their rule\n", caught, verdicts.size());
}

std::string fault_json(const std::vector<FaultVerdict>& verdicts, std::uint64_t seed, bool whole) {
  using nlohmann::ordered_json;
  ordered_json faults = ordered_json::array();
  for (const FaultVerdict& v : verdicts) {
    ordered_json first;
    if (v.first) {
      first = {{"rule", v.first->rule},
               {"time_ns", v.first->time_ns},
               {"who", v.first->who},
               {"expected", v.first->expected},
               {"seen", v.first->seen}};
    }
    faults.push_back({{"fault", v.fault.name},
                      {"layer", v.fault.layer},
                      {"rule", v.fault.rule},
                      {"caught", v.problem.empty()},
                      {"problem", v.problem},
                      {"caught_by", v.caught_by},
                      {"first", first},
                      {"wall_s", v.wall_s},
                      {"replay", v.replay}});
  }
  ordered_json rules = ordered_json::array();
  for (const RuleTally& rule : tally(verdicts)) {
    rules.push_back({{"rule", rule.rule}, {"faults", rule.faults}, {"caught", rule.caught}});
  }
  const ordered_json all = {{"schema", "vfsim.faults/1"},
                            {"seed", seed},
                            {"verdict", all_caught(verdicts, whole) ? "pass" : "fail"},
                            {"faults", faults},
                            {"rules", rules}};
  return all.dump(2) + "\n";
}

}  // namespace vfsim::bench
