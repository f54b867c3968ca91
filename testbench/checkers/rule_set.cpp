#include "testbench/checkers/rule_set.hpp"

#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

/// Holds the figures of a rule that is judged elsewhere.
class OracleRule final : public Rule {
 public:
  void subscribe(model::ProbeBus& bus) override { (void)bus; }
  void record(model::Ps t, std::uint64_t evaluations, std::uint64_t violations,
              const std::string& expected, const std::string& seen) {
    evaluated(evaluations);
    violate_in_all(t, violations, expected, seen);
  }
  void show(model::Ps t, model::FnRef who, const std::string& seen, const std::string& blame) {
    sight(t, who, info().title, seen, blame);
  }
};

using Factory = std::unique_ptr<Rule> (*)(const RuleInputs&);

std::unique_ptr<Rule> make_oracle_rule(const RuleInputs&) {
  return std::make_unique<OracleRule>();
}

#define VF_FACTORY_checker(id) &make_rule_##id
#define VF_FACTORY_oracle(id) &make_oracle_rule
#define VF_FACTORY_assertion(id) &make_rule_##id
#define RULE(id, judge, title, trigger) VF_FACTORY_##judge(id),
constexpr Factory kFactories[] = {
#include "testbench/checkers/rules.def"
};
#undef RULE

}  // namespace

const std::vector<RuleInfo>& rule_table() {
  static const std::vector<RuleInfo> table = {
#define RULE(id, judge, title, trigger) {#id, Judge::judge, title, trigger},
#include "testbench/checkers/rules.def"
#undef RULE
  };
  return table;
}

const char* RuleResult::verdict() const {
  if (violations != 0) {
    return "violated";
  }
  return evaluations != 0 ? "held" : "not exercised";
}

RuleSet::RuleSet(const CheckContext& context, model::ProbeBus& bus) : context_(context) {
  monitor_ = std::make_unique<CommandMonitor>(context_, bus);
  view_ = std::make_unique<FunctionView>(context_, bus, *monitor_);
  const RuleInputs inputs{context_, *monitor_, *view_};
  for (std::size_t row = 0; row < rule_table().size(); ++row) {
    std::unique_ptr<Rule> rule = kFactories[row](inputs);
    rule->info_ = &rule_table()[row];
    rule->log_ = &log_;
    view_->add_listener(*rule);
    rule->subscribe(bus);
    rules_.push_back(std::move(rule));
  }
}

RuleSet::~RuleSet() = default;

void RuleSet::add_identity(model::Ps t, model::FnRef who, const std::vector<std::uint8_t>& first,
                           const std::vector<std::uint8_t>& second) {
  const ImageView a{first.data(), first.size(), false, false};
  const ImageView b{second.data(), second.size(), false, false};
  for (const auto& rule : rules_) {
    rule->image_pair(t, who, a, b);
  }
}

void RuleSet::oracle_result(std::string_view id, model::Ps t, std::uint64_t evaluations,
                            std::uint64_t violations, const std::string& expected,
                            const std::string& seen) {
  if (auto* rule = dynamic_cast<OracleRule*>(find_mutable(id))) {
    rule->record(t, evaluations, violations, expected, seen);
  }
}

void RuleSet::oracle_sighting(std::string_view id, model::Ps t, model::FnRef who,
                              const std::string& seen, const std::string& blame) {
  if (auto* rule = dynamic_cast<OracleRule*>(find_mutable(id))) {
    rule->show(t, who, seen, blame);
  }
}

void RuleSet::finish(model::Ps end) {
  for (const auto& rule : rules_) {
    rule->finish(end);
  }
}

std::vector<RuleResult> RuleSet::results() const {
  std::vector<RuleResult> results;
  for (const auto& rule : rules_) {
    results.push_back({&rule->info(), rule->evaluations(), rule->violations(), rule->remarks(),
                       rule->note()});
  }
  return results;
}

const Rule* RuleSet::find(std::string_view id) const {
  return find_mutable(id);
}

Rule* RuleSet::find_mutable(std::string_view id) const {
  for (const auto& rule : rules_) {
    if (id == rule->info().id) {
      return rule.get();
    }
  }
  return nullptr;
}

}  // namespace vfsim::bench
