// Scenario files: what is taken, and what a mistake is answered with.
#include "testbench/scenarios/scenario.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"
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
  EXPECT_EQ(l.scenario.faults, contract::fault_set({VF_FAULT_tx_duplicated}));
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
       "2:11: nic.boot_us: unit 'MiB' does not fit; allowed are ps, ns, us, ms, s"},
      {"[nic]\nboot_us = \"5 ns\"\n",
       "2:11: nic.boot_us: 5 ns is no whole number of us; allowed is 0 .. 10000000 us"},
      {"[nic]\nvfs = \"3 us\"\n",
       "2:7: nic.vfs: takes a plain number, no unit 'us'; allowed is 1 .. 127"},
      {"[nic]\nvfs = \"many\"\n", "2:7: nic.vfs: 'many' is no number; allowed is 1 .. 127"},
      {"[nic]\nvfs = [1]\n", "2:7: nic.vfs must be a number, true, false or a text"},
      {"[nic]\ntx_arbiter = \"rtk\"\n",
       "2:14: nic.tx_arbiter: 'rtk' is unknown (did you mean 'rtl'?); allowed is tlm, rtl"},
      {"[vmm]\nprecopy = 1\n", "2:11: vmm.precopy must be true or false, without quotes"},
      {"[[step]]\nguest = 1\n", "1:1: a step needs do = \"...\"; allowed are migrate, "},
      {"[[step]]\ndo = \"migrat\"\n",
       "2:6: unknown step 'migrat' (did you mean 'migrate'?); allowed are migrate, "},
      {"[[step]]\ndo = \"migrate\"\nat = 5\n",
       "3:6: at: '5' has no unit; allowed is a time up to 100000 s, as in \"5 ms\""},
      {"[[step]]\ndo = \"migrate\"\ngest = 5\n",
       "3:1: step migrate has no option 'gest' (did you mean 'guest'?)"},
      {"[[step]]\ndo = \"migrate\"\nexpect = \"ok\"\n",
       "3:10: expect: 'ok' is unknown; allowed is completed, rolled_back, cancelled, reset"},
      {"[[step]]\ndo = 5\n", "2:6: a step needs do = \"...\"; allowed are migrate, "},
      {"[[step]]\ndo = \"wait\"\nat = \"10000000000 s\"\n",
       "3:6: at: 10000000000 s is out of range; allowed is a time up to 100000 s"},
      {"[[step]]\ndo = \"wait\"\nat = \"-5 ms\"\n", "3:6: at: -5 ms is out of range"},
      {"[[step]]\ndo = \"wait\"\nat = \"0.1 ns\"\n", "3:6: at: 0.1 ns is no whole number of ns"},
      {"[[step]]\ndo = \"wait\"\ndo = \"wait\"\n", "3:6: no TOML: "},
      {"[[step]]\ndo = \"migrate\"\nguest = 200\n",
       "3:9: guest: 200 is out of range; allowed is 0 .. 126"},
      {"[nic]\nvfs = nan\n", "2:7: nic.vfs: 'nan' is no number; allowed is 1 .. 127"},
      {"[nic]\nvfs = \"12abc\"\n",
       "2:7: nic.vfs: takes a plain number, no unit 'abc'; allowed is 1 .. 127"},
      {"[nic]\nvfs = 3\n[nic]\nmtu = 1500\n", "3:1: no TOML: "},
      {"[scenario]\ntitle = \"a\\nb\"\n", "2:9: title must be one line of text"},
      {"[faults]\nenable = [\"tx_duplicate\"]\n",
       "2:11: unknown fault 'tx_duplicate' (did you mean 'tx_duplicated'?); allowed are "},
      {"[scenario]\nnam = \"x\"\n",
       "2:1: unknown key 'nam' (did you mean 'name'?); allowed are name, title, goal, rules"},
      {"[scenario]\nrules = \"Q1 Q99\"\n", "2:9: rules: unknown rule 'Q99'"},
      {"vfs = \n", "1:7: no TOML: "},
      {"[nic]\nvfs = \"\xff\"\n", "2:7: no TOML: "},
  };
  for (const auto& [text, expected] : kCases) {
    const Loaded l = load_text(text);
    EXPECT_FALSE(l.ok) << text;
    EXPECT_EQ(l.error.substr(0, std::string(expected).size()), expected) << text;
    EXPECT_EQ(l.error.find('\n'), std::string::npos) << text;
  }
}

TEST(Scenario, FilesThatAreNone) {
  Scenario s;
  std::string error;
  for (const std::string& text : {std::string(), std::string("# nothing\n")}) {
    const Loaded l = load_text(text);
    EXPECT_NE(l.error.find("there is nothing in it; "), std::string::npos) << l.error;
  }
  const Loaded large = load_text(std::string((1 << 20) + 1, '\n'));
  EXPECT_NE(large.error.find("larger than 1 MiB; "), std::string::npos) << large.error;
  std::string parts = "a";
  for (int i = 0; i < 100000; ++i) {
    parts += ".a";
  }
  EXPECT_EQ(load_text("\n" + parts + " = 1\n").error, "2: a line of 200005 bytes; allowed is 4096");
  EXPECT_FALSE(load("/", s, error));
  EXPECT_EQ(find_scenario("/", error), "");
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
  EXPECT_EQ(s.faults, contract::fault_set({VF_FAULT_tx_duplicated, VF_FAULT_mkey_unchecked}));
  EXPECT_FALSE(apply_override("nic.vf=16", s, error));
  EXPECT_EQ(error,
            "--set nic.vf=16: unknown parameter 'nic.vf' (did you mean 'nic.vfs'?); vfsim list "
            "params shows them");
  EXPECT_FALSE(apply_override("nic.vfs", s, error));
  EXPECT_FALSE(apply_override("faults=", s, error));
  EXPECT_FALSE(apply_override("nic.vfs=200", s, error));
}

/// Each contradiction: file text, override, and the error behind "<file>:" or from "--set" on.
TEST(Scenario, ContradictionsAreFoundWhereTheyWereWritten) {
  struct Case {
    const char* text;
    const char* override_with;
    const char* expected;
  };
  const Case kCases[] = {
      {"[nic]\nvfs = 8\n[workload]\nguests = 9\n", "",
       "4:10: workload.guests = 9 but nic.vfs = 8; each guest needs a VF"},
      {"[nic]\nvfs = 8\n", "workload.guests=9",
       "--set workload.guests=9: workload.guests = 9 but "},
      {"[workload]\nreplay_guests = 3\n", "", "2:17: workload.replay_guests = 3 but "},
      {"[pcie]\nmax_payload = 300\n", "",
       "2:15: pcie.max_payload = 300; allowed are powers of two"},
      {"[pcie]\nposted_data = 15\n", "",
       "2:15: pcie.posted_data = 15 never lets a write of pcie.max_payload = 256 pass; allowed is "
       "at least 16"},
      {"[nic]\nmtu = 100\n", "", "2:7: workload.packet_bytes = 512 does not fit nic.mtu = 100"},
      {"[host]\nmemory_mib = \"1 GiB\"\n", "",
       "2:14: host.memory_mib = 1024 is too little for 2 guests of 64 MiB and "},
      {"[workload]\npeer_device = true\npeer_doorbells = 600\n", "",
       "3:18: workload.peer_doorbells = 600 but the send queue takes 512 "},
      {"[nic]\nvfs = 8\n[workload]\nguests = 3\nvfs_per_guest = 3\n", "",
       "4:10: workload.guests = 3 and workload.vfs_per_guest = 3, but nic.vfs = 8"},
      {"[workload]\np2p_sends = 10\n", "",
       "2:13: workload.p2p_sends = 10 but workload.vfs_per_guest = 1; allowed is 2 .. 8"},
      {"[workload]\nvfs_per_guest = 2\np2p_sends = 10\npeer_device = true\n", "",
       "3:13: workload.p2p_sends = 10 and a workload.peer_device, which rings, too; "},
      {"[workload]\nvfs_per_guest = 2\np2p_sends = 600\n", "",
       "3:13: workload.p2p_sends = 600 but the send queue takes 512 (workload.log_sq = 9)"},
      {"[workload]\nvfs_per_guest = 2\np2p_sends = 10\n[pcie]\nreorder = true\n", "",
       "3:13: workload.p2p_sends = 10 and pcie.reorder, with which "},
      {"[workload]\nvfs_per_guest = 2\np2p_sends = 10\n[[step]]\ndo = \"guest_reset\"\n", "",
       "3:13: workload.p2p_sends = 10 and step guest_reset in line 4, after which "},
      {"[workload]\nguests = 1\nvfs_per_guest = 8\nlog_sq = 11\nlog_rq = 11\n", "",
       " workload.guest_memory_mib = 64 is too little"},
      {"[[step]]\ndo = \"migrate\"\nguest = 5\n", "",
       "1: step migrate names guest 5; there are 2 (workload.guests), counted from 0"},
      {"[[step]]\ndo = \"migrate\"\nto = \"A\"\n", "",
       "1: step migrate names host A, but guest 0 is on host A then; allowed is B"},
      {"[[step]]\ndo = \"migrate\"\n[[step]]\ndo = \"migrate\"\nto = \"B\"\n", "",
       "3: step migrate names host B, but guest 0 is on host B then; allowed is A"},
      {"[[step]]\ndo = \"migrate\"\nexpect = \"any\"\n[[step]]\ndo = \"migrate\"\nto = \"B\"\n", "",
       "4: step migrate names host B, but guest 0 is on host B then; allowed is A"},
      {"[[step]]\ndo = \"migrate\"\nexpect = \"any\"\ncancel_after = \"1 us\"\n[[step]]\ndo = "
       "\"migrate\"\nto = \"A\"\n",
       "", "5: step migrate names host A, but where guest 0 is then depends on how it migrated "},
      {"[[step]]\ndo = \"migrate\"\nbackground = \"yes\"\n[[step]]\ndo = \"pause\"\n", "",
       "4: step pause names guest 0, which may still migrate or pause in the background then; "},
      {"[[step]]\ndo = \"migrate\"\nbackground = \"yes\"\n[[step]]\ndo = \"migrate\"\n", "",
       "4: step migrate names guest 0, which may still migrate or pause in the background then; "},
      {"[[step]]\ndo = \"migrate\"\ntimes = 2\nto = \"B\"\n", "",
       "1: step migrate names host B and times 2; allowed is other"},
      {"[[step]]\ndo = \"migrate\"\ntimes = 0\n", "",
       "1: step migrate names times 0; allowed is 1 .. 1000"},
  };
  for (const Case& c : kCases) {
    Loaded l = load_text(c.text);
    ASSERT_TRUE(l.ok) << l.error;
    ASSERT_TRUE(*c.override_with == 0 || apply_override(c.override_with, l.scenario, l.error));
    EXPECT_FALSE(check(l.scenario, l.error)) << c.text;
    const std::size_t at = l.error.find(".toml:");
    l.error.erase(0, at == std::string::npos ? 0 : at + 6);
    EXPECT_EQ(l.error.substr(0, std::string(c.expected).size()), c.expected) << c.text;
  }
  const Loaded back = load_text(
      "[[step]]\ndo = \"migrate\"\nexpect = \"rolled_back\"\n[[step]]\ndo = \"migrate\"\nto = "
      "\"B\"\n");
  std::string error;
  EXPECT_TRUE(check(back.scenario, error)) << error;
  const Loaded joined = load_text(
      "[[step]]\ndo = \"migrate\"\nbackground = \"yes\"\n[[step]]\ndo = \"join\"\n[[step]]\ndo = "
      "\"migrate\"\nto = \"A\"\n");
  EXPECT_TRUE(check(joined.scenario, error)) << error;
  EXPECT_TRUE(check(Scenario{}, error)) << error;
}

TEST(Scenario, EveryParameterTakesItsOwnDefault) {
  for (const ParamRow& row : param_table()) {
    Scenario s;
    std::string error;
    EXPECT_TRUE(set_param(row, s, param_value(row, s), error)) << row.key() << ": " << error;
    EXPECT_FALSE(row.doc.empty()) << row.key();
  }
}

std::string page(const std::string& name) {
  std::ifstream file(VF_SOURCE_DIR "/docs/" + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The example of the how-to page is one that works.
TEST(Scenario, DocumentedExampleLoads) {
  const std::string text = page("howto/write_a_scenario.md");
  const std::size_t begin = text.find("```toml\n") + 8;
  const Loaded l = load_text(text.substr(begin, text.find("```", begin) - begin));
  ASSERT_TRUE(l.ok) << l.error;
  std::string error;
  EXPECT_TRUE(check(l.scenario, error)) << error;
  EXPECT_EQ(l.scenario.channel.latency_us, 2000U);
}

TEST(Scenario, ShippedOnesAreGood) {
  const auto paths = shipped_scenarios();
  EXPECT_GE(paths.size(), 10U);
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
