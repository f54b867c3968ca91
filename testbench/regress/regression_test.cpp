// Plans, shards, files, summaries and JUnit of regressions.
#include "testbench/regress/regression.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testbench/regress/plan.hpp"

namespace vfsim::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Plan, ShardsAreTheWhole) {
  Plan plan;
  plan.scenarios = {"a", "b", "c"};
  plan.first_seed = 10;
  plan.seeds = 7;
  const auto all = cases_of(plan);
  ASSERT_EQ(all.size(), 21U);
  EXPECT_EQ(total_cases(plan), 21U);
  EXPECT_EQ(all[0].label, "a seed 10");
  EXPECT_EQ(all[4].label, "b seed 11");
  EXPECT_EQ(all[20].run.seed, 16U);
  std::set<std::size_t> ids;
  plan.shards = 4;
  for (plan.shard = 1; plan.shard <= 4; ++plan.shard) {
    for (const Case& c : cases_of(plan)) {
      EXPECT_TRUE(ids.insert(c.id).second);
      EXPECT_EQ(c.label, all[c.id].label);
    }
  }
  EXPECT_EQ(ids.size(), 21U);
}

TEST(Plan, ScenariosAreNamesFilesAndFolders) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / "vfsim_plan_test";
  fs::remove_all(folder);
  fs::create_directories(folder / "none");
  std::ofstream(folder / "b.toml") << "[nic]\n";
  std::ofstream(folder / "a.toml") << "[nic]\n";
  std::ofstream(folder / "a.txt") << "no scenario";
  std::vector<std::string> found;
  std::string error;
  ASSERT_TRUE(find_scenarios({"p2p", folder.string(), "p2p"}, found, error)) << error;
  EXPECT_THAT(found,
              ElementsAre("p2p", (folder / "a.toml").string(), (folder / "b.toml").string()));
  found.clear();
  ASSERT_TRUE(find_scenarios({}, found, error)) << error;
  EXPECT_EQ(found.size(), shipped_scenarios().size());
  EXPECT_THAT(found, testing::Contains("random"));
  EXPECT_FALSE(find_scenarios({(folder / "none").string()}, found, error));
  EXPECT_THAT(error, HasSubstr("none: no scenario file"));
  EXPECT_FALSE(find_scenarios({"p2"}, found, error));
  EXPECT_THAT(error, HasSubstr("did you mean 'p2p'"));
  fs::remove_all(folder);
}

TEST(Plan, ReplayCommandIsForAShell) {
  EXPECT_EQ(replay_command({"random", {}, {}, 17}), "./vfsim run random --seed 17");
  EXPECT_EQ(
      replay_command({"a b.toml", {"channel.latency_us=1 ms", "nic.vfs=2"}, {"tx_duplicated"}, 1}),
      "./vfsim run 'a b.toml' --seed 1 --set 'channel.latency_us=1 ms' --set nic.vfs=2 --fault "
      "tx_duplicated");
  EXPECT_EQ(replay_command({"it's", {}, {}, 1}), "./vfsim run 'it'\\''s' --seed 1");
}

CaseResult of(std::size_t id, CaseOutcome outcome, int status) {
  CaseResult c;
  c.number = id;
  c.what.id = id;
  c.what.run = {"random", {"nic.vfs=2"}, {}, id + 1};
  c.what.label = "random seed " + std::to_string(id + 1);
  c.outcome = outcome;
  c.status = status;
  c.wall_s = 0.5 * static_cast<double>(id);
  c.result.scenario = "random";
  c.result.seed = id + 1;
  c.result.events_digest = "0123456789abcde" + std::to_string(id);
  return c;
}

Regression sample() {
  Regression r;
  r.total = 5;
  r.wall_s = 2;
  r.ended = "the time budget of 2 s was used up";
  r.cases = {of(0, CaseOutcome::finished, kHeld), of(1, CaseOutcome::finished, kViolated),
             of(2, CaseOutcome::timed_out, kViolated), of(3, CaseOutcome::killed, kInternal),
             of(4, CaseOutcome::not_run, kInternal)};
  r.cases[0].result.migrations.resize(2);
  r.cases[0].result.migrations[0].outcome = "completed";
  r.cases[0].result.migrations[1].outcome = "completed";
  r.cases[1].result.violations.push_back({"D1", 1'500'000, "A.vf0", "a < b", "nothing \x01"});
  r.cases[2].result.error = "not finished after 1 s";
  r.cases[3].result.error = "the worker was killed by signal 11 (Segmentation fault)";
  r.cases[3].signal = 11;
  r.cases[3].output = "last words & more";
  return r;
}

TEST(Regression, FileReadsBackWhatWasWritten) {
  const Regression r = sample();
  Regression back;
  std::string error;
  ASSERT_TRUE(from_lines(to_lines(r), back, error)) << error;
  EXPECT_EQ(to_lines(back), to_lines(r));
  EXPECT_EQ(summary(back), summary(r));
  EXPECT_EQ(junit(back), junit(r));
  EXPECT_EQ(back.cases[3].outcome, CaseOutcome::killed);
  EXPECT_EQ(back.cases[3].what.run.overrides.at(0), "nic.vfs=2");
}

TEST(Regression, FilesOfAnotherKindAreRefused) {
  Regression r;
  std::string error;
  const auto refused = [&](const std::string& text) {
    return from_lines(text, r, error) ? "taken" : error;
  };
  EXPECT_THAT(refused(""), HasSubstr("line 1: not of a regression"));
  EXPECT_THAT(refused("{}\n"), HasSubstr("line 1: not of a regression"));
  EXPECT_THAT(refused("{\"schema\":\"x\"}\n"), HasSubstr("allowed is schema vfsim.regress/1"));
  const std::string good = to_lines(sample());
  EXPECT_EQ(refused(good), "taken");
  EXPECT_THAT(refused(good.substr(0, good.size() - 20)), HasSubstr("line 6: "));
  std::string odd = good;
  odd.replace(odd.find("\"finished\""), 10, "\"vanished\"");
  EXPECT_THAT(refused(odd), HasSubstr("line 2: not of a regression: unknown outcome 'vanished'"));
}

TEST(Regression, ShardsMergeToTheWhole) {
  const Regression whole = sample();
  Regression odd = whole;
  Regression even = whole;
  const auto keep = [](Regression& r, std::size_t rest) {
    r.cases.erase(std::remove_if(r.cases.begin(), r.cases.end(),
                                 [&](const CaseResult& c) { return c.what.id % 2 != rest; }),
                  r.cases.end());
  };
  keep(odd, 1);
  keep(even, 0);
  Regression merged;
  std::string error;
  ASSERT_TRUE(merge(merged, odd, error)) << error;
  ASSERT_TRUE(merge(merged, even, error)) << error;
  EXPECT_EQ(to_lines(merged), to_lines(whole));
  EXPECT_EQ(digest_of_digests(merged), digest_of_digests(whole));
  EXPECT_FALSE(merge(merged, even, error));
  EXPECT_EQ(error, "case 0 (random seed 1) is there already");
  Regression other;
  other.total = 6;
  EXPECT_FALSE(merge(merged, other, error));
  EXPECT_THAT(error, HasSubstr("part of another regression"));
}

TEST(Regression, SummaryTellsFailuresFirst) {
  const std::string text = summary(sample());
  EXPECT_EQ(
      text.rfind("FAILED random seed 2: D1 at 1.500 ms, A.vf0: expected a < b; seen nothing", 0),
      0U)
      << text;
  EXPECT_THAT(text, HasSubstr("\n  replay: ./vfsim run random --seed 2 --set nic.vfs=2\n"));
  EXPECT_THAT(text, HasSubstr("FAILED random seed 3: not finished after 1 s\n"));
  EXPECT_THAT(text,
              HasSubstr("regression: 4 cases, 1 passed, 1 failed, 1 timed out, 1 crashed; 2.0 s, "
                        "2.0 cases/s\n"));
  EXPECT_THAT(text, HasSubstr("failures by cause: D1 1, killed 1, timed_out 1\n"));
  EXPECT_THAT(text, HasSubstr("not run here: 1 of 5: the time budget of 2 s was used up\n"));
  EXPECT_THAT(text, HasSubstr("migrations: completed 2\n"));
  EXPECT_THAT(text, HasSubstr("slowest: random seed 4 1.50 s, random seed 3 1.00 s"));
  EXPECT_THAT(text, HasSubstr("verdict: fail\n"));
  Regression good = sample();
  good.cases.resize(1);
  EXPECT_THAT(summary(good), HasSubstr("verdict: pass\n"));
}

TEST(Regression, DigestSeesEveryRun) {
  Regression r = sample();
  const std::string before = digest_of_digests(r);
  r.cases[2].result.events_digest = "timed out: does not count";
  EXPECT_EQ(digest_of_digests(r), before);
  r.cases[1].result.events_digest[0] = 'f';
  EXPECT_NE(digest_of_digests(r), before);
}

using Tree = boost::property_tree::ptree;

std::string attribute(const Tree& element, const std::string& name) {
  return element.get<std::string>("<xmlattr>." + name, "missing");
}

/// Whether the element's attributes and children are what JUnit's schema (as Jenkins and GitLab read it) allows, and
/// the children come in its order.
void check_element(const Tree& element, const std::set<std::string>& needed,
                   const std::vector<std::string>& children) {
  for (const std::string& name : needed) {
    EXPECT_NE(attribute(element, name), "missing") << name;
  }
  std::size_t place = 0;
  for (const auto& [name, child] : element) {
    if (name == "<xmlattr>") {
      continue;
    }
    const auto at = std::find(children.begin(), children.end(), name);
    ASSERT_NE(at, children.end()) << name;
    EXPECT_GE(static_cast<std::size_t>(at - children.begin()), place) << name << " is out of order";
    place = static_cast<std::size_t>(at - children.begin());
  }
}

struct JunitCounts {
  std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;

  void check(const Tree& element) const {
    EXPECT_EQ(attribute(element, "tests"), std::to_string(tests));
    EXPECT_EQ(attribute(element, "failures"), std::to_string(failures));
    EXPECT_EQ(attribute(element, "errors"), std::to_string(errors));
    EXPECT_EQ(attribute(element, "skipped"), std::to_string(skipped));
    EXPECT_GE(std::stod(attribute(element, "time")), 0);
  }
};

TEST(Regression, JunitFollowsItsSchema) {
  Regression r = sample();
  r.cases.push_back(of(5, CaseOutcome::finished, kHeld));
  r.cases.back().what.run.scenario = "my \"<odd>\" & name.toml";
  r.cases[3].output = "no UTF-8: \xff\xc0\xaf, a surrogate: \xed\xa0\x80, \x1b[31m red \xc3\xa4";
  std::istringstream text(junit(r));
  Tree tree;
  ASSERT_NO_THROW(boost::property_tree::read_xml(text, tree)) << text.str();
  const Tree& all = tree.get_child("testsuites");
  check_element(all, {"name", "tests", "failures", "errors", "time"}, {"testsuite"});
  JunitCounts sum;
  std::set<std::string> names;
  for (const auto& [tag, suite] : all) {
    if (tag != "testsuite") {
      continue;
    }
    check_element(suite, {"name", "tests", "failures", "errors", "skipped", "time"}, {"testcase"});
    JunitCounts here;
    for (const auto& [kind, test] : suite) {
      if (kind != "testcase") {
        continue;
      }
      check_element(test, {"name", "classname", "time"},
                    {"skipped", "error", "failure", "system-out", "system-err"});
      EXPECT_TRUE(names.insert(attribute(test, "classname") + " " + attribute(test, "name")).second);
      ++here.tests;
      here.failures += test.count("failure");
      here.errors += test.count("error");
      here.skipped += test.count("skipped");
      for (const char* bad : {"failure", "error"}) {
        if (test.count(bad) != 0) {
          check_element(test.get_child(bad), {"message", "type"}, {});
        }
      }
    }
    here.check(suite);
    sum = {sum.tests + here.tests, sum.failures + here.failures, sum.errors + here.errors,
           sum.skipped + here.skipped};
  }
  sum.check(all);
  EXPECT_EQ(sum.tests, r.cases.size());
  EXPECT_EQ(sum.failures, 1U);
}

TEST(Regression, JunitFailureHasEveryViolationAndTheReplayCommand) {
  Regression r = sample();
  r.cases[1].result.violations.push_back({"Q2", 2'000'000, "A.vf0", "no read outstanding", "7 reads"});
  r.cases[1].evidence = "failures/random_seed_2";
  EXPECT_THAT(junit(r),
              HasSubstr("seen nothing ?\">replay: ./vfsim run random --seed 2 --set nic.vfs=2\n"
                        "evidence: failures/random_seed_2\n"
                        "D1 at 1.500 ms, A.vf0: expected a &lt; b; seen nothing ?\n"
                        "Q2 at 2.000 ms, A.vf0: expected no read outstanding; seen 7 reads\n</failure>"));
}

TEST(Regression, JunitCountsAndEscapes) {
  const std::string text = junit(sample());
  EXPECT_THAT(
      text,
      HasSubstr(
          "<testsuite name=\"random\" tests=\"5\" failures=\"1\" errors=\"2\" skipped=\"1\""));
  EXPECT_THAT(text,
              HasSubstr("message=\"D1 at 1.500 ms, A.vf0: expected a &lt; b; seen nothing ?\""));
  EXPECT_THAT(text, HasSubstr("<system-err>last words &amp; more</system-err>"));
  EXPECT_THAT(text, HasSubstr("<testcase classname=\"random\" name=\"seed 1\" time=\"0.000\"/>"));
}

}  // namespace
}  // namespace vfsim::bench
