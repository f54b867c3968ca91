// Trends, and the index page.
#include "testbench/regress/trend.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testbench/regress/index_page.hpp"

namespace vfsim::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

CaseResult of(const std::string& scenario, std::uint64_t seed, bool passed, double wall_s = 1) {
  CaseResult c;
  c.what.run = {scenario, {}, {}, seed};
  c.what.label = scenario + " seed " + std::to_string(seed);
  c.outcome = CaseOutcome::finished;
  c.status = passed ? kHeld : kViolated;
  c.wall_s = wall_s;
  c.result.scenario = scenario;
  c.result.seed = seed;
  c.result.events_digest = "d" + std::to_string(seed);
  if (!passed) {
    c.result.violations.push_back({"Q2", 1'500'000, "A.vf0", "a drained <VF>", "7 reads"});
  }
  return c;
}

Regression regression(std::vector<CaseResult> cases) {
  Regression r;
  r.total = cases.size();
  r.wall_s = 2;
  r.cases = std::move(cases);
  for (std::size_t i = 0; i < r.cases.size(); ++i) {
    r.cases[i].what.id = i;
    r.cases[i].number = i;
  }
  return r;
}

std::vector<std::string> labels(const std::vector<const CaseResult*>& cases) {
  std::vector<std::string> out;
  for (const CaseResult* c : cases) {
    out.push_back(c->what.label);
  }
  return out;
}

TEST(Trend, TellsWhatChanged) {
  const Regression before = regression({of("a", 1, true), of("a", 2, false), of("a", 3, false),
                                        of("b", 1, true, 4), of("gone", 1, true)});
  Regression now = regression({of("a", 1, false), of("a", 2, true), of("a", 3, false),
                               of("b", 1, true, 6), of("new", 1, false), of("new", 2, true)});
  now.cases[3].result.events_digest = "other";
  now.cases.push_back(of("gone", 1, true));
  now.cases.back().outcome = CaseOutcome::not_run;
  const Trend t = trend(now, before);
  EXPECT_THAT(labels(t.newly_failing), testing::ElementsAre("a seed 1"));
  EXPECT_THAT(labels(t.fixed), testing::ElementsAre("a seed 2"));
  EXPECT_THAT(labels(t.still_failing), testing::ElementsAre("a seed 3"));
  EXPECT_THAT(labels(t.failing_new), testing::ElementsAre("new seed 1"));
  EXPECT_EQ(t.common, 4U);
  EXPECT_EQ(t.only_now, 2U);
  EXPECT_EQ(t.only_before, 1U);
  EXPECT_EQ(t.changed, 1U);
  const std::string text = trend_text(t);
  EXPECT_THAT(text, HasSubstr("newly failing 1: a seed 1\n"));
}

TEST(Trend, ScenariosAreMeasuredByThePaceOfTheOthers) {
  const Regression before = regression(
      {of("a", 1, true, 2), of("b", 1, true, 4), of("c", 1, true, 3), of("d", 1, true, 0.01)});
  const Regression now = regression(
      {of("a", 1, true, 4), of("b", 1, true, 12), of("c", 1, true, 6), of("d", 1, true, 0.2)});
  const Trend t = trend(now, before);
  EXPECT_DOUBLE_EQ(t.pace, 3);  // of 2, 2, 3, 20
  const Trend again = trend(now, now);
  EXPECT_DOUBLE_EQ(again.pace, 1);
  EXPECT_FALSE(again.paces[0].slower() || again.paces[0].faster());
  EXPECT_TRUE(t.paces[0].faster()) << "a: 4 s, 6 s were due";
  EXPECT_FALSE(t.paces[1].slower() || t.paces[1].faster()) << "b: as due";
  EXPECT_FALSE(t.paces[3].slower()) << "d: too short to say";
  EXPECT_THAT(trend_text(t), HasSubstr("faster than the others: a 4.00 s, before 2.00 s\n"));
}

TEST(Trend, OtherParametersAreAnotherCase) {
  Regression before = regression({of("a", 1, true)});
  before.cases[0].what.run.overrides = {"nic.vfs=2"};
  const Trend t = trend(regression({of("a", 1, false)}), before);
  EXPECT_EQ(t.common, 0U);
  EXPECT_TRUE(t.newly_failing.empty());
  EXPECT_EQ(t.failing_new.size(), 1U);
}

TEST(Trend, CoverageGainedAndLost) {
  const std::string bin = coverage_model().front().name;
  const std::string group(group_name(coverage_model().front().group));
  ASSERT_TRUE(coverage_model().front().why.empty());
  Regression covered = regression({of("a", 1, true)});
  covered.cases[0].result.coverage.push_back({group, bin, 3});
  const Regression bare = regression({of("a", 1, true)});
  EXPECT_THAT(trend(covered, bare).gained, testing::ElementsAre(group + ": " + bin));
  EXPECT_THAT(trend(bare, covered).lost, testing::ElementsAre(group + ": " + bin));
  EXPECT_GT(trend(covered, bare).share_now, trend(covered, bare).share_before);
}

TEST(IndexPage, ShowsFailuresWithTheirEvidence) {
  Regression r = regression({of("a", 1, true), of("a", 2, false), of("b", 1, false)});
  r.cases[1].evidence = "failures/a_seed_2";
  const std::string page = index_page(r, nullptr, "out/");
  EXPECT_THAT(page, HasSubstr("<span class=\"badge fail\">fail</span> 1 of 3 cases passed"));
  EXPECT_THAT(page, HasSubstr("href=\"out/failures/a_seed_2/report.html\">a seed 2</a>"));
  EXPECT_THAT(page, HasSubstr("href=\"out/failures/a_seed_2/waves.fst\">waves</a>"));
  EXPECT_THAT(page, HasSubstr("expected a drained &lt;VF&gt;; seen 7 reads"));
  EXPECT_THAT(page, HasSubstr("<code>./vfsim run a --seed 2</code>"));
  EXPECT_THAT(page, HasSubstr("href=\"#case2\"")) << "without evidence: to the text on the page";
  EXPECT_THAT(page, HasSubstr("<b>Q2</b>"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("Trend")));
  EXPECT_THAT(page, Not(HasSubstr("@TITLE@")));
}

TEST(IndexPage, ShowsTheTrend) {
  const Regression before = regression({of("a", 1, true), of("a", 2, false)});
  const Regression now = regression({of("a", 1, false), of("a", 2, true)});
  const Trend t = trend(now, before);
  const std::string page = index_page(now, &t, "");
  EXPECT_THAT(page, HasSubstr("newly failing (1)"));
  EXPECT_THAT(page, HasSubstr("fixed (1)"));
  EXPECT_THAT(page, HasSubstr("wall times: 1.00 of before"));
}

}  // namespace
}  // namespace vfsim::bench
