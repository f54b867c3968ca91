// [random]: what it takes, and that a seed fixes what it draws.
#include "testbench/scenarios/random.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"
#include "testbench/scenarios/params.hpp"
#include "testbench/scenarios/prepare.hpp"

namespace vfsim::bench {
namespace {

std::string file_of(const std::string& text) {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::string path = testing::TempDir() + "vfsim_random_" + test->name() + ".toml";
  std::ofstream(path) << text;
  return path;
}

struct Prepared {
  bool ok = false;
  Scenario scenario;
  std::string error;  // without the file's name

  [[nodiscard]] std::string drawn(const std::string& key) const {
    for (const Drawn& d : scenario.drawn) {
      if (d.key == key) {
        return d.value;
      }
    }
    return "";
  }
};

Prepared prepared(const std::string& text, std::uint64_t seed = 1,
                  std::vector<std::string> overrides = {}) {
  Prepared p;
  RunRequest request;
  request.scenario = file_of(text);
  request.seed = seed;
  request.overrides = std::move(overrides);
  p.ok = prepare(request, p.scenario, p.error);
  if (const std::size_t at = p.error.find(".toml:"); at != std::string::npos) {
    p.error.erase(0, at + 6);
  }
  return p;
}

std::string drawn_text(const Prepared& p) {
  std::string out;
  for (const Drawn& d : p.scenario.drawn) {
    out += d.key + " = " + d.value + "\n";
  }
  return out;
}

/// Every machine draws this: written down, and computed by another implementation.
TEST(Random, NumbersAreDefined) {
  RandomStream a(1, "0 nic.vfs");
  EXPECT_EQ(a.below(0), UINT64_C(7918951037853947868));
  EXPECT_EQ(a.below(1000), 610U);
  std::map<std::uint64_t, int> seen;
  RandomStream b(17, "x");
  for (int i = 0; i < 6000; ++i) {
    ++seen[b.below(6)];
    const double f = b.fraction();
    EXPECT_TRUE(f >= 0 && f < 1);
  }
  ASSERT_EQ(seen.size(), 6U);
  for (const auto& [value, count] : seen) {
    EXPECT_NEAR(count, 1000, 150) << value;
  }
  RandomStream c(18, "x");
  RandomStream d(17, "y");
  RandomStream e(17, "x");
  const std::uint64_t first = e.below(0);
  EXPECT_NE(c.below(0), first);
  EXPECT_NE(d.below(0), first);
}

TEST(Random, ASeedFixesEverything) {
  const std::string text =
      "[random.nic]\nvfs = { min = 1, max = 127 }\n[random.pcie]\nlatency_ns = { min = \"100 ns\", "
      "max = \"10 us\", scale = \"log\" }\n[[random.step]]\ndo = [\"migrate\", \"wait\"]\ntimes = "
      "{ min = 2, max = 5 }\nat = { min = \"1 us\", max = \"1 ms\" }\n";
  const Prepared a = prepared("[workload]\nguests = 1\n" + text, 7);
  const Prepared b = prepared("[workload]\nguests = 1\n" + text, 7);
  ASSERT_TRUE(a.ok) << a.error;
  EXPECT_EQ(drawn_text(a), drawn_text(b));
  std::set<std::string> unlike;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    unlike.insert(drawn_text(prepared("[workload]\nguests = 1\n" + text, seed)));
  }
  EXPECT_GE(unlike.size(), 19U);
  // A line more changes no other value.
  const Prepared more = prepared(
      "[workload]\nguests = 1\n" + text + "[random.wire]\nretry_us = { min = 1, max = 9 }\n", 7);
  EXPECT_EQ(more.drawn("nic.vfs"), a.drawn("nic.vfs"));
  EXPECT_EQ(more.drawn("pcie.latency_ns"), a.drawn("pcie.latency_ns"));
  EXPECT_EQ(more.drawn("step 1"), a.drawn("step 1"));
}

/// Values that many seeds draw for one parameter.
std::map<std::string, int> values(const std::string& text, const std::string& key,
                                  int seeds = 400) {
  std::map<std::string, int> seen;
  Prepared file;
  EXPECT_TRUE(load(file_of(text), file.scenario, file.error)) << file.error;
  for (int seed = 0; seed < seeds; ++seed) {
    Prepared p = file;
    EXPECT_TRUE(draw(p.scenario, static_cast<std::uint64_t>(seed), p.error)) << p.error;
    ++seen[p.drawn(key)];
  }
  return seen;
}

TEST(Random, DistributionsAreWhatTheySay) {
  auto seen =
      values("[random.vmm]\nmax_rounds = { min = 3, max = 9, step = 3 }\n", "vmm.max_rounds");
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_GT(std::min({seen["3"], seen["6"], seen["9"]}), 90);
  seen = values("[random.vmm]\nmax_rounds = { min = 3, below = 5 }\n", "vmm.max_rounds");
  EXPECT_EQ(seen.size(), 2U);
  seen = values("[random.vmm]\nmax_rounds = { min = 1, max = 255, scale = \"log\" }\n",
                "vmm.max_rounds");
  int small = 0;
  for (const auto& [value, count] : seen) {
    small += std::stoi(value) < 16 ? count : 0;
  }
  EXPECT_NEAR(small, 200, 50);
  seen =
      values("[random.pcie]\nlanes = { choose = [1, 4, 16], weights = [0, 1, 3] }\n", "pcie.lanes");
  EXPECT_EQ(seen.count("1"), 0U);
  EXPECT_NEAR(seen["4"], 100, 50);
  EXPECT_NEAR(seen["16"], 300, 50);
  seen = values("[random.vmm]\nprecopy = { probability = 0.25 }\n", "vmm.precopy");
  EXPECT_NEAR(seen["true"], 100, 50);
  seen = values("[random.vmm]\nflow = { choose = [\"6.1\"], probability = 0.5 }\n", "vmm.flow");
  EXPECT_NEAR(seen[""], 200, 50);
  seen = values("[random.workload]\ntime_scale = { min = 0.5, max = 1.0, step = 0.25 }\n",
                "workload.time_scale");
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_GT(seen["0.75"], 90);
}

TEST(Random, WhatCheckRefusesIsNotDrawn) {
  const std::string text =
      "[random.nic]\nvfs = { min = 1, max = 4 }\n[random.workload]\nguests = { min = 1, max = 4 }\n"
      "[[random.step]]\ndo = \"migrate\"\ntimes = 3\nguest = { min = 0, max = 3 }\nto = { choose = "
      "[\"A\", \"B\"] }\n";
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Prepared p = prepared(text, seed);
    ASSERT_TRUE(p.ok) << p.error;
    EXPECT_LE(p.scenario.workload.guests, p.scenario.nic.vfs);
    EXPECT_EQ(p.scenario.steps.size(), 3U);
  }
}

TEST(Random, RangesMayNameParameters) {
  const std::string text =
      "[random.workload]\nguests = { min = 1, max = \"nic.vfs\" }\n[random.nic]\nvfs = { min = 1, "
      "max "
      "= 6 }\n[[random.step]]\ndo = \"migrate\"\nguest = { min = 0, below = \"workload.guests\" "
      "}\n";
  std::set<std::uint64_t> guests;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Prepared p = prepared(text, seed);
    ASSERT_TRUE(p.ok) << p.error;
    guests.insert(p.scenario.steps.at(0).number("guest"));
  }
  EXPECT_GE(guests.size(), 5U);
}

TEST(Random, OverridesWin) {
  const std::string text =
      "[random.nic]\nvfs = { min = 3, max = 127 }\nmtu = { min = 1000, max = 1500 }\n";
  const Prepared free = prepared(text, 5);
  const Prepared set = prepared(text, 5, {"nic.vfs=2"});
  ASSERT_TRUE(set.ok) << set.error;
  EXPECT_EQ(set.scenario.nic.vfs, 2U);
  EXPECT_EQ(set.drawn("nic.vfs"), "");
  EXPECT_EQ(set.drawn("nic.mtu"), free.drawn("nic.mtu"));
  EXPECT_EQ(prepared(text, 5, {"nic.vfs=300"}).error,
            "--set nic.vfs=300: 300 is out of range; allowed is 1 .. 127");
}

TEST(Random, StepsStandWhereTheirTableStands) {
  const Prepared p = prepared(
      "[workload]\nguests = 1\n[[step]]\ndo = \"wait\"\nat = \"1 us\"\n"
      "[[random.step]]\ndo = [[\"mask_interrupts\", \"unmask_interrupts\"]]\ntimes = 2\nat = { min "
      "= "
      "\"10 us\", max = \"20 us\" }\nspacing = \"5 us\"\n"
      "[[step]]\ndo = \"migrate\"\n");
  ASSERT_TRUE(p.ok) << p.error;
  ASSERT_EQ(p.scenario.steps.size(), 6U);
  EXPECT_EQ(p.scenario.steps.front().verb, "wait");
  EXPECT_EQ(p.scenario.steps.back().verb, "migrate");
  std::uint64_t masks = 0;
  std::uint64_t unmasks = 0;
  for (std::size_t i = 1; i < 5; ++i) {
    const Step& step = p.scenario.steps[i];
    EXPECT_LE(p.scenario.steps[i - 1].number("at"), step.number("at"));
    (step.verb == "mask_interrupts" ? masks : unmasks) += step.number("at");
  }
  EXPECT_EQ(unmasks - masks, 2 * 5000U);
  EXPECT_EQ(p.drawn("step 2").rfind("mask_interrupts at=", 0), 0U);
}

TEST(Random, AFaultMayBeDrawn) {
  const std::string text =
      "[random]\nfault = { choose = [\"tx_duplicated\"], probability = 0.5 }\n";
  int with = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Prepared p = prepared(text, seed);
    EXPECT_EQ(p.scenario.faults != vf_fault_set{}, p.drawn("fault") == "tx_duplicated");
    with += p.scenario.faults != vf_fault_set{} ? 1 : 0;
  }
  EXPECT_NEAR(with, 50, 20);
}

/// The example of the how-to page is one that draws.
TEST(Random, DocumentedExampleDraws) {
  std::ifstream page(VF_SOURCE_DIR "/docs/howto/write_a_scenario.md");
  std::string text{std::istreambuf_iterator<char>(page), std::istreambuf_iterator<char>()};
  text.erase(0, text.find("[random.nic]"));
  text.erase(text.find("```"));
  std::set<std::string> unlike;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Prepared p = prepared(text, seed);
    ASSERT_TRUE(p.ok) << p.error;
    unlike.insert(drawn_text(p));
  }
  EXPECT_EQ(unlike.size(), 20U);
}

TEST(Random, MistakesAreNamedWithTheirPlace) {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case kCases[] = {
      {"random = 1\n", "1:10: random must be a table"},
      {"[random.nci]\n",
       "1:9: unknown group 'nci' in [random] (did you mean 'pcie'?); allowed are"},
      {"[random.nic]\nvf = 1\n",
       "2:1: unknown parameter 'vf' in [random.nic] (did you mean 'vfs'?)"},
      {"[random.nic]\nvfs = 1\n",
       "2:7: nic.vfs: a distribution is needed; allowed is { min, max }"},
      {"[random.nic]\nvfs = { min = 1, max = 200 }\n",
       "2:24: nic.vfs: 200 is out of range; allowed is 1 .. 127"},
      {"[random.nic]\nvfs = { min = 5, max = 4 }\n", "2:7: nic.vfs: min = 5 is above max = 4"},
      {"[random.nic]\nvfs = { min = 5, below = 5 }\n", "2:7: nic.vfs: min = 5 is above max = 5"},
      {"[random.nic]\nvfs = { min = 5 }\n",
       "2:7: nic.vfs: a range needs min and one of max and below"},
      {"[random.nic]\nvfs = { }\n", "2:7: nic.vfs: neither a range nor a choice"},
      {"[random.nic]\nvfs = { min = 1, max = 2, choose = [1] }\n",
       "2:7: nic.vfs: a range and a choice"},
      {"[random.nic]\nvfs = { min = 1, mean = 2 }\n", "2:18: nic.vfs: 'mean' is no part of its "},
      {"[random.nic]\nvfs = { min = 1, max = 2, step = 0 }\n",
       "2:34: nic.vfs: step must be a number "},
      {"[random.nic]\nvfs = { min = 1, max = 2, scale = \"lin\" }\n",
       "2:35: scale: allowed is \"log\""},
      {"[random.wire]\nlatency_ns = { min = 0, max = 2, scale = \"log\" }\n",
       "2:14: wire.latency_ns: a log scale takes no step and begins above 0"},
      {"[random.nic]\nvfs = { choose = [] }\n", "2:18: nic.vfs: choose needs a list of values"},
      {"[random.nic]\nvfs = { choose = [1, 2], weights = [1] }\n", "2:7: nic.vfs: as many weights"},
      {"[random.nic]\nvfs = { choose = [1, 2], weights = [0, 0] }\n", "2:36: weights: a list of "},
      {"[random.nic]\nvfs = { choose = [1, 2], weights = [1, -1] }\n",
       "2:40: weights: allowed are "},
      {"[random.nic]\nchunk_mode = { probability = 2 }\n", "2:30: probability: allowed is 0 .. 1"},
      {"[random.nic]\nchunk_mode = { min = 1 }\n",
       "2:16: nic.chunk_mode: 'min' is no part of its "},
      {"[random.nic]\ntx_arbiter = { choose = [\"fast\"] }\n",
       "2:26: nic.tx_arbiter: 'fast' is unknown"},
      {"[random.nic]\nvfs = { min = 1, max = \"nic.mtu\" }\n",
       "2:24: nic.vfs: nic.mtu has another unit"},
      {"[random.nic]\nvfs = { min = 1, max = \"nic.vfs\" }\n",
       "2:7: nic.vfs: its range depends on itself"},
      {"[[random.step]]\ntimes = 1\n", "1:1: a random step needs do = [\"...\"]"},
      {"[[random.step]]\ndo = \"migrat\"\n",
       "2:6: unknown step 'migrat' (did you mean 'migrate'?)"},
      {"[[random.step]]\ndo = \"wait\"\nguest = 1\n",
       "3:1: none of these steps has an option 'guest'"},
      {"[[random.step]]\ndo = \"wait\"\nat = { min = 1, max = 2 }\n", "3:23: at: '2' has no unit"},
      {"[[random.step]]\ndo = \"wait\"\ntimes = 1001\n",
       "3:9: times: '1001' is no number that fits"},
      {"[[random.step]]\ndo = [\"wait\"]\nweights = [1, 2]\n",
       "1:1: 2 weights for 1 entries of do"},
      {"[random]\nfault = { choose = [\"tx_dup\"] }\n", "2:21: fault: unknown fault 'tx_dup'"},
      {"[workload]\nguests = 9\n[random.nic]\nvfs = { min = 1, max = 8 }\n",
       "3:1: [random]: none of 1000 draws fits; the last one: "},
  };
  for (const Case& c : kCases) {
    const Prepared p = prepared(c.text);
    EXPECT_FALSE(p.ok) << c.text;
    EXPECT_EQ(p.error.substr(0, std::string(c.error).size()), c.error) << c.text;
    EXPECT_EQ(p.error.find('\n'), std::string::npos) << p.error;
  }
}

}  // namespace
}  // namespace vfsim::bench
