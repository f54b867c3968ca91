// Scenario files: what is taken, and what a mistake is answered with.
#include "testbench/scenarios/scenario.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "firmware/interface/layout.h"
#include "testbench/scenarios/params.hpp"
#include "testbench/scenarios/steps.hpp"

namespace vfsim::bench {
namespace {

struct Loaded {
  bool ok = false;
  Scenario scenario;
  std::string error;
};

Loaded load_text(const std::string& text) {
  const std::string path = testing::TempDir() + "vf_" +
                           testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml";
  std::ofstream(path) << text;
  Loaded out;
  out.ok = load(path, out.scenario, out.error);
  std::filesystem::remove(path);
  const std::size_t at = out.error.find(".toml:");
  out.error.erase(0, at == std::string::npos ? 0 : at + 6);
  return out;
}

TEST(Scenario, ValuesAndUnits) {
  const Loaded l = load_text(R"([scenario]
name = "x"
title = "t"
[pcie]
generation = 5
[nic]
completion_timeout_us = "2 ms"
tx_arbiter = "rtl"
check_signatures = false
[host]
memory_mib = "1 GiB"
[workload]
time_scale = 0.5
gap_ns = "1.5 us"
[channel]
gbps = 10
)");
  ASSERT_TRUE(l.ok) << l.error;
  EXPECT_EQ(l.scenario.name, "x");
  EXPECT_EQ(l.scenario.pcie.generation, 5U);
  EXPECT_EQ(l.scenario.nic.completion_timeout_us, 2000U);
  EXPECT_EQ(l.scenario.nic.tx_arbiter, "rtl");
  EXPECT_FALSE(l.scenario.nic.check_signatures);
  EXPECT_EQ(l.scenario.host.memory_mib, 1024U);
  EXPECT_DOUBLE_EQ(l.scenario.workload.time_scale, 0.5);
  EXPECT_EQ(l.scenario.workload.gap_ns, 1500U);
  EXPECT_EQ(l.scenario.channel.gbps, 10U);
}

TEST(Scenario, Steps) {
  const Loaded l = load_text(R"([[step]]
do = "migrate"
guest = 1
at = "5 ms"
[[step]]
do = "link_down"
host = "B"
)");
  ASSERT_TRUE(l.ok) << l.error;
  ASSERT_EQ(l.scenario.steps.size(), 2U);
  EXPECT_EQ(l.scenario.steps[0].verb, "migrate");
  EXPECT_EQ(l.scenario.steps[0].number("guest"), 1U);
  EXPECT_EQ(l.scenario.steps[0].number("at"), 5000000U);
  EXPECT_EQ(l.scenario.steps[0].text("expect"), "completed");
  EXPECT_EQ(l.scenario.steps[1].text("host"), "B");
}

TEST(Scenario, Faults) {
  const Loaded l = load_text("[faults]\nenable = [\"tx_duplicated\"]\n");
  ASSERT_TRUE(l.ok) << l.error;
  EXPECT_EQ(l.scenario.faults, UINT64_C(1) << VF_FAULT_tx_duplicated);
}

/// Each mistake: file text and the error behind "<file>:".
TEST(Scenario, MistakesAreNamedWithTheirPlace) {
  const std::pair<const char*, const char*> kCases[] = {
      {"[nic]\nvf = 3\n",
       "2:1: unknown parameter 'vf' in [nic] (did you mean 'vfs'?); allowed are "},
      {"[nick]\nvfs = 3\n",
       "1:2: unknown group 'nick' (did you mean 'nic'?); allowed are scenario, step, faults, "},
      {"[nic]\nvfs = 128\n", "2:7: nic.vfs: 128 is out of range; allowed is 1 .. 127"},
      {"[nic]\nvfs = -1\n", "2:7: nic.vfs: -1 is out of range; allowed is 1 .. 127"},
      {"[nic]\nvfs = 1.5\n", "2:7: nic.vfs: 1.5 is no whole number; allowed is 1 .. 127"},
      {"[nic]\nboot_us = \"5 MiB\"\n",
       "2:11: nic.boot_us: unit 'MiB' does not fit; allowed are ns, us, ms, s"},
      {"[nic]\nboot_us = \"5 ns\"\n",
       "2:11: nic.boot_us: 5 ns is no whole number of us; allowed is 0 .. 10000000 us"},
      {"[nic]\nvfs = \"3 us\"\n", "2:7: nic.vfs: takes a plain number, no unit 'us'"},
      {"[nic]\nvfs = \"many\"\n", "2:7: nic.vfs: 'many' is no number; allowed is 1 .. 127"},
      {"[nic]\nvfs = [1]\n", "2:7: nic.vfs must be a number, true, false or a text"},
      {"[nic]\ntx_arbiter = \"rtk\"\n",
       "2:14: nic.tx_arbiter: 'rtk' is unknown; allowed is tlm, rtl (did you mean 'rtl'?)"},
      {"[vmm]\nprecopy = 1\n", "2:11: vmm.precopy must be true or false, without quotes"},
      {"[[step]]\nguest = 1\n", "1:1: a step needs do = \"...\"; allowed are migrate, "},
      {"[[step]]\ndo = \"migrat\"\n",
       "2:6: unknown step 'migrat' (did you mean 'migrate'?); allowed are migrate, "},
      {"[[step]]\ndo = \"migrate\"\nat = 5\n",
       "3:6: at: '5' has no unit; allowed is a time, as in \"5 ms\""},
      {"[[step]]\ndo = \"migrate\"\ngest = 5\n",
       "3:1: step migrate has no option 'gest' (did you mean 'guest'?)"},
      {"[[step]]\ndo = \"migrate\"\nexpect = \"ok\"\n",
       "3:10: expect: 'ok' is unknown; allowed is completed, rolled_back, cancelled, reset"},
      {"[faults]\nenable = [\"tx_duplicate\"]\n",
       "2:11: unknown fault 'tx_duplicate' (did you mean 'tx_duplicated'?); allowed are "},
      {"[scenario]\nnam = \"x\"\n",
       "2:1: unknown key 'nam' (did you mean 'name'?); allowed are name, title, goal"},
      {"vfs = \n", "1:7: no TOML: "},
  };
  for (const auto& [text, expected] : kCases) {
    const Loaded l = load_text(text);
    EXPECT_FALSE(l.ok) << text;
    EXPECT_EQ(l.error.substr(0, std::string(expected).size()), expected) << text;
    EXPECT_EQ(l.error.find('\n'), std::string::npos) << text;
  }
}

TEST(Scenario, MissingFile) {
  Scenario s;
  std::string error;
  EXPECT_FALSE(load("no/such.toml", s, error));
  EXPECT_EQ(error.rfind("no/such.toml: cannot be read", 0), 0U);
  EXPECT_EQ(find_scenario("migrat", error), "");
  EXPECT_NE(error.find("did you mean 'migrate'"), std::string::npos) << error;
}

TEST(Scenario, Overrides) {
  Scenario s;
  std::string error;
  EXPECT_TRUE(apply_override("nic.vfs=16", s, error));
  EXPECT_TRUE(apply_override("channel.latency_us=1 ms", s, error));
  EXPECT_TRUE(apply_override("faults=tx_duplicated,mkey_unchecked", s, error));
  EXPECT_EQ(s.nic.vfs, 16U);
  EXPECT_EQ(s.channel.latency_us, 1000U);
  EXPECT_EQ(s.faults, UINT64_C(1) << VF_FAULT_tx_duplicated | UINT64_C(1)
                                                                  << VF_FAULT_mkey_unchecked);
  EXPECT_FALSE(apply_override("nic.vf=16", s, error));
  EXPECT_EQ(error,
            "--set nic.vf=16: unknown parameter 'nic.vf' (did you mean 'nic.vfs'?); vfsim list "
            "params shows them");
  EXPECT_FALSE(apply_override("nic.vfs", s, error));
  EXPECT_FALSE(apply_override("nic.vfs=200", s, error));
}

TEST(Scenario, ContradictionsAreFound) {
  Scenario s;
  std::string error;
  EXPECT_TRUE(check(s, error)) << error;
  s.workload.guests = 9;
  EXPECT_FALSE(check(s, error));
  s = Scenario{};
  s.pcie.max_payload = 300;
  EXPECT_FALSE(check(s, error));
  s = Scenario{};
  s.steps.push_back(make_step(*find_step("migrate"), 7));
  EXPECT_TRUE(check(s, error)) << error;
  std::string why;
  ASSERT_TRUE(set_option(s.steps[0], "guest", "2", why));
  EXPECT_FALSE(check(s, error));
}

TEST(Scenario, EveryParameterTakesItsOwnDefault) {
  for (const ParamRow& row : param_table()) {
    Scenario s;
    std::string error;
    EXPECT_TRUE(set_param(row, s, param_value(row, s), error)) << row.key() << ": " << error;
    EXPECT_FALSE(row.doc.empty()) << row.key();
  }
}

/// The example of the how-to page is one that works.
TEST(Scenario, DocumentedExampleLoads) {
  std::ifstream page(VF_SOURCE_DIR "/docs/howto/write_a_scenario.md");
  const std::string text((std::istreambuf_iterator<char>(page)), std::istreambuf_iterator<char>());
  const std::size_t begin = text.find("```toml\n") + 8;
  const Loaded l = load_text(text.substr(begin, text.find("```", begin) - begin));
  ASSERT_TRUE(l.ok) << l.error;
  std::string error;
  EXPECT_TRUE(check(l.scenario, error)) << error;
  EXPECT_EQ(l.scenario.channel.latency_us, 2000U);
}

TEST(Scenario, ShippedOnesAreGood) {
  const auto paths = shipped_scenarios();
  EXPECT_GE(paths.size(), 8U);
  for (const std::string& path : paths) {
    Scenario s;
    std::string error;
    EXPECT_TRUE(load(path, s, error)) << error;
    EXPECT_TRUE(check(s, error)) << error;
    EXPECT_EQ(s.name, std::filesystem::path(path).stem().string());
    EXPECT_FALSE(s.title.empty()) << path;
    EXPECT_FALSE(s.goal.empty()) << path;
  }
}

}  // namespace
}  // namespace vfsim::bench
