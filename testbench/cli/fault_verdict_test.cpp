// A fault run counts as caught only when its own rule was violated.
#include "testbench/cli/fault_verdict.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

CataloguedFault fault(std::string_view name = "broken", std::string_view rule = "Q2") {
  return {name, "nic", rule, "doc", "migrate", {"a.b=1"}};
}

CaseResult run(int status, const std::vector<std::string>& violated) {
  CaseResult r;
  r.outcome = CaseOutcome::finished;
  r.status = status;
  r.what.run.seed = 7;
  r.wall_s = 0.25;
  for (const char* id : {"Q1", "Q2", "Q3"}) {
    const bool broken = std::find(violated.begin(), violated.end(), id) != violated.end();
    r.result.rules.push_back({id, "", 3, broken ? 2U : 0U, "", ""});
    if (broken) {
      r.result.violations.push_back({id, 4500, std::string("who ") + id, "", ""});
    }
  }
  return r;
}

TEST(FaultVerdict, CaughtByItsRuleWhateverElseIsViolated) {
  const FaultVerdict v = judge(fault(), run(kViolated, {"Q1", "Q2"}));
  EXPECT_EQ(v.problem, "");
  EXPECT_EQ(v.caught_by, (std::vector<std::string>{"Q2", "Q1"}));
  ASSERT_TRUE(v.first);
  EXPECT_EQ(v.first->who, "who Q2");
  EXPECT_EQ(v.replay, "vfsim run migrate --set a.b=1 --fault broken --seed 7");
}

TEST(FaultVerdict, AnotherRuleIsNotEnough) {
  const FaultVerdict v = judge(fault(), run(kViolated, {"Q3"}));
  EXPECT_EQ(v.problem, "expected Q2, caught only by Q3");
  EXPECT_EQ(v.first->who, "who Q3");
}

TEST(FaultVerdict, GreenRunEscapes) {
  EXPECT_EQ(judge(fault(), run(kHeld, {})).problem, "escaped");
}

TEST(FaultVerdict, MissedGoalAloneIsNoCatch) {
  CaseResult r = run(kViolated, {});
  r.result.error = "traffic has not ended";
  EXPECT_EQ(judge(fault(), r).problem, "no rule was violated: traffic has not ended");
}

TEST(FaultVerdict, HangCrashAndBadInputFail) {
  CaseResult hang = run(kViolated, {});
  hang.outcome = CaseOutcome::timed_out;
  hang.result.error = "not finished after 60 s";
  EXPECT_EQ(judge(fault(), hang).problem, "timed_out: not finished after 60 s");
  CaseResult bad = run(kBadInput, {"Q2"});
  bad.result.error = "no such scenario";
  EXPECT_EQ(judge(fault(), bad).problem, "exit status 2: no such scenario");
}

TEST(FaultVerdict, WholeCatalogueNeedsTwoFaultsPerRule) {
  std::vector<FaultVerdict> verdicts;
#define RULE(id, judge_, title, trigger)                                        \
  for (int n = 0; n < 2; ++n) {                                                 \
    verdicts.push_back({fault("f", #id), "", {#id}, std::nullopt, 0.0, "cmd"}); \
  }
#include "testbench/checkers/rules.def"
#undef RULE
  EXPECT_TRUE(all_caught(verdicts, true));
  EXPECT_EQ(fault_table(verdicts, true).find("rules with fewer"), std::string::npos);
  verdicts.pop_back();  // the last rule has one left
  EXPECT_FALSE(all_caught(verdicts, true));
  EXPECT_TRUE(all_caught(verdicts, false));
  EXPECT_NE(fault_table(verdicts, true).find("rules with fewer than 2 faults: A1\n"),
            std::string::npos);
  verdicts.front().problem = "escaped";
  EXPECT_FALSE(all_caught(verdicts, false));
}

TEST(FaultVerdict, TableAndJsonSayTheSame) {
  const std::vector<FaultVerdict> verdicts{judge(fault("good"), run(kViolated, {"Q2"})),
                                           judge(fault("bad"), run(kHeld, {}))};
  const std::string table = fault_table(verdicts, false);
  EXPECT_NE(table.find("good   nic       Q2    Q2         4.500 us who Q2   0.25 s\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("bad: escaped\n  vfsim run migrate --set a.b=1 --fault bad --seed 7\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("1 of 2 faults caught by their rule\n"), std::string::npos);
  const auto json = nlohmann::json::parse(fault_json(verdicts, 7, false));
  EXPECT_EQ(json["verdict"], "fail");
  EXPECT_EQ(json["faults"][0]["caught"], true);
  EXPECT_EQ(json["faults"][0]["first"]["time_ns"], 4500);
  EXPECT_EQ(json["faults"][1]["problem"], "escaped");
  EXPECT_TRUE(json["faults"][1]["first"].is_null());
  EXPECT_EQ(json["rules"][1]["rule"], "Q2");
  EXPECT_EQ(json["rules"][1]["faults"], 2);
}

}  // namespace
}  // namespace vfsim::bench
