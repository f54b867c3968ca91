#include <set>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

TEST(RuleSet, TheTableIsTheContract) {
  std::set<std::string> ids;
  for (const RuleInfo& info : rule_table()) {
    EXPECT_TRUE(ids.insert(info.id).second) << info.id;
    EXPECT_STRNE(info.title, "");
    EXPECT_STRNE(info.trigger, "");
  }
  EXPECT_GE(ids.size(), 26U);  // the contract
}

TEST(RuleSet, RulesWithoutOccasionAreNeverHeld) {
  CheckerRig rig;
  rig.rules().oracle_result("X1", 5, 10, 0, "", "");
  rig.rules().oracle_result("D2", 5, 10, 2, "equal memory", "2 pages differ");
  for (const RuleResult& result : rig.rules().results()) {
    const std::string id = result.info->id;
    const char* expected = id == "X1"   ? "held"
                           : id == "D2" ? "violated"
                                        : "not exercised";
    EXPECT_STREQ(result.verdict(), expected) << id;
  }
}

TEST(RuleTable, EachRuleHasItsText) {
  std::vector<std::string> described;
#define RULE_TEXT(id, watches, looks) described.emplace_back(#id);
#include "testbench/checkers/contract.def"
#undef RULE_TEXT
  std::vector<std::string> ids;
  for (const RuleInfo& rule : rule_table()) {
    ids.emplace_back(rule.id);
  }
  EXPECT_EQ(described, ids);
}

}  // namespace
}  // namespace vfsim::bench
