// The pool of worker processes: whatever a worker does, its case has a result.
#include "testbench/regress/pool.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <unistd.h>

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

/// Does what the label says.
int obey(const Case& what, Result& result) {
  result.verdict = "pass";
  if (what.label == "crash") {
    std::fprintf(stderr, "about to crash\n");
    std::signal(SIGSEGV, SIG_DFL);
    std::raise(SIGSEGV);
  } else if (what.label == "hang" || what.label == "deaf") {
    for (std::signal(SIGTERM, SIG_IGN);;) {
      if (what.label == "deaf") {  // closes everything, and hangs
        for (int fd = 0; fd < 64; ++fd) {
          ::close(fd);
        }
      }
      ::pause();
    }
  } else if (what.label == "silent") {
    ::_exit(0);
  } else if (what.label == "throw") {
    throw std::runtime_error("thrown");
  } else if (what.label == "slow") {
    ::usleep(100'000);
  } else if (what.label == "loud") {
    for (int i = 0; i < 100'000; ++i) {
      std::fprintf(stderr, "line %d\n", i);
    }
  } else if (what.label == "large") {
    result.error = std::string(std::size_t{4} << 20, 'x');
  } else if (what.label == "fail") {
    result.verdict = "fail";
    return kViolated;
  }
  return kHeld;
}

std::vector<Case> cases_of(const std::vector<std::string>& labels, double limit_s = 60) {
  std::vector<Case> cases;
  for (const std::string& label : labels) {
    Case c;
    c.label = label;
    c.run.scenario = "s";
    c.run.seed = 100 + cases.size();
    c.limit_s = limit_s;
    cases.push_back(c);
  }
  return cases;
}

PoolOptions with(unsigned jobs) {
  PoolOptions options;
  options.jobs = jobs;
  options.work = obey;
  return options;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

TEST(Pool, EveryEndOfAWorkerIsAResult) {
  const std::vector<std::string> labels = {"crash", "pass", "silent", "throw",
                                           "fail",  "loud", "large"};
  const auto results = run_cases(cases_of(labels), with(3));
  ASSERT_EQ(results.size(), labels.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].number, i);
    EXPECT_EQ(results[i].what.label, labels[i]);
    EXPECT_EQ(results[i].result.seed, 100 + i) << labels[i];
    EXPECT_EQ(results[i].passed(), labels[i] == "pass" || labels[i] == "loud" || i == 6) << i;
  }
  EXPECT_EQ(results[0].outcome, CaseOutcome::killed);
  EXPECT_EQ(results[0].signal, SIGSEGV);
  EXPECT_EQ(results[0].status, kInternal);
  EXPECT_NE(results[0].result.error.find("signal 11"), std::string::npos);
  EXPECT_EQ(results[0].output, "about to crash\n");
  EXPECT_EQ(results[2].outcome, CaseOutcome::broken);
  EXPECT_EQ(results[3].outcome, CaseOutcome::finished);
  EXPECT_EQ(results[3].status, kInternal);
  EXPECT_EQ(results[3].result.error, "thrown");
  EXPECT_EQ(results[4].status, kViolated);
  EXPECT_EQ(results[4].result.verdict, "fail");
  const std::string& tail = results[5].output;
  EXPECT_LE(tail.size(), 4096U);
  EXPECT_EQ(tail.substr(tail.size() - 11), "line 99999\n");
  EXPECT_EQ(results[6].result.error.size(), std::size_t{4} << 20);
}

TEST(Pool, AHangingWorkerIsATimeOut) {
  const auto begin = std::chrono::steady_clock::now();
  const auto results = run_cases(cases_of({"hang", "deaf", "pass", "hang"}, 0.3), with(2));
  EXPECT_LT(seconds_since(begin), 20);
  EXPECT_EQ(results[2].outcome, CaseOutcome::finished);
  for (const std::size_t i : {0U, 1U, 3U}) {
    EXPECT_EQ(results[i].outcome, CaseOutcome::timed_out) << i;
    EXPECT_EQ(results[i].status, kViolated);
    EXPECT_GE(results[i].wall_s, 0.3);
    EXPECT_EQ(results[i].result.error, "not finished after 0.3 s");
  }
}

TEST(Pool, ResultsKeepTheOrderOfTheCases) {
  std::vector<std::size_t> ended;
  PoolOptions options = with(2);
  options.done = [&](const CaseResult& r) { ended.push_back(r.number); };
  const auto results = run_cases(cases_of({"slow", "pass", "pass", "pass"}), options);
  ASSERT_EQ(ended.size(), 4U);
  EXPECT_EQ(ended.front(), 1U);
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].result.seed, 100 + i);
  }
}

TEST(Pool, NoMoreThanAskedForRunAtATime) {
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<std::string> labels(6, "slow");
  const auto results = run_cases(cases_of(labels), with(2));
  EXPECT_GE(seconds_since(begin), 0.3);
  EXPECT_TRUE(
      std::all_of(results.begin(), results.end(), [](const CaseResult& r) { return r.passed(); }));
}

TEST(Pool, StopsWithWhatIsKnown) {
  static volatile std::sig_atomic_t stop = 0;
  PoolOptions options = with(2);
  options.stop = &stop;
  options.done = [&](const CaseResult&) { stop = 1; };
  const auto begin = std::chrono::steady_clock::now();
  const auto results = run_cases(cases_of({"hang", "pass", "pass"}), options);
  EXPECT_LT(seconds_since(begin), 20);
  EXPECT_EQ(results[0].outcome, CaseOutcome::stopped);
  EXPECT_TRUE(results[1].passed());
  EXPECT_EQ(results[2].outcome, CaseOutcome::not_run);
  EXPECT_FALSE(results[2].ran());
}

TEST(Pool, StartsNoFurtherCaseWhenThereIsNoMoreTime) {
  int left = 2;
  PoolOptions options = with(1);
  options.more = [&] { return left-- > 0; };
  const auto results = run_cases(cases_of({"pass", "pass", "pass"}), options);
  EXPECT_TRUE(results[1].passed());
  EXPECT_EQ(results[2].outcome, CaseOutcome::not_run);
}

TEST(Pool, BadInputOfAScenarioIsItsResult) {
  Case c;
  c.run.scenario = "no_such_scenario";
  const auto results = run_cases({c}, {});
  EXPECT_EQ(results[0].outcome, CaseOutcome::finished);
  EXPECT_EQ(results[0].status, kBadInput);
  EXPECT_NE(results[0].result.error.find("no_such_scenario"), std::string::npos);
}

/// The digest of a run depends neither on the number of workers nor on the runs beside it.
TEST(Pool, DigestsDoNotDependOnJobs) {
  std::vector<Case> cases;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Case c;
    c.run.scenario = "stop_copy";
    c.run.seed = seed;
    c.run.overrides = {"workload.replay_guests=0", "workload.packets=50"};
    cases.push_back(c);
  }
  PoolOptions two;
  two.jobs = 2;
  const auto alone = run_cases(cases, {});
  const auto beside = run_cases(cases, two);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_TRUE(alone[i].passed()) << alone[i].result.error;
    EXPECT_EQ(alone[i].result.events_digest.size(), 16U);
    EXPECT_EQ(alone[i].result.events_digest, beside[i].result.events_digest);
    EXPECT_TRUE(i == 0 || alone[i].result.events_digest != alone[0].result.events_digest);
  }
}

}  // namespace
}  // namespace vfsim::bench
