// Commands that look, in runs of shipped scenarios: they say what is, and change nothing.
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include <gmock/gmock.h>

#include "testbench/shell/look_tools.hpp"
#include "testbench/shell/memory_tools.hpp"
#include "testbench/shell/shell_rig.hpp"

namespace vfsim::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kLooks[] = {"where",
                                  "functions",
                                  "state A.pf",
                                  "state B.pf",
                                  "state A.vf0",
                                  "state B.vf0",
                                  "outstanding",
                                  "outstanding A.vf0",
                                  "queues",
                                  "queues A.vf0",
                                  "queues B.vf0",
                                  "sq A.vf0",
                                  "rq A.vf0",
                                  "qp A.pf",
                                  "cq A.vf0",
                                  "cq A.pf",
                                  "eq A.vf0",
                                  "eq B.vf0",
                                  "mkey A.vf0",
                                  "mkey A.pf",
                                  "mem A 0x0 256",
                                  "regs A.vf0",
                                  "regs B.vf0 0x0 64",
                                  "regs A.pf",
                                  "config A.pf",
                                  "config A.vf0",
                                  "config A.vf0 0x60 32",
                                  "log",
                                  "log 3",
                                  "rules",
                                  "rules Q2",
                                  "oracle",
                                  "image",
                                  "params",
                                  "params nic",
                                  "digest"};

/// Calls every command at every n-th observation; no line is longer than a terminal unless a table
/// has long words.
void look_at_everything(ShellRig& rig, std::uint64_t every, int& times) {
  rig.always([&rig, every, &times](const Happening&, std::uint64_t count) {
    if (count % every != 0) {
      return;
    }
    const std::string before = rig.text("digest");
    for (const char* look : kLooks) {
      rig.text(look);
    }
    EXPECT_EQ(rig.text("digest"), before);
    ++times;
  });
}

void looking_changes_nothing(const Scenario& scenario, std::uint64_t every) {
  const std::string alone = digest_alone(scenario);
  ASSERT_EQ(alone.size(), 16U);
  ShellRig rig;
  int times = 0;
  look_at_everything(rig, every, times);
  EXPECT_EQ(rig.run(scenario), kHeld) << rig.result.error;
  EXPECT_EQ(rig.result.events_digest, alone);
  EXPECT_GT(times, 20);
  EXPECT_THAT(rig.text("digest"), HasSubstr(alone));
}

TEST(Look, ChangesNothing) {
  looking_changes_nothing(scenario_of("lost_completion"), 211);
}

TEST(Look, ChangesNothingWhereBlocksAreRtl) {
  looking_changes_nothing(scenario_of(kSmall, {"nic.rtl=all", "workload.packets=20"}), 101);
}

TEST(Look, EvenBeforePowerOn) {
  ShellRig rig;
  int looks = 0;
  rig.at_start([&] {
    for (const char* look : kLooks) {
      rig.text(look);
      ++looks;
    }
    EXPECT_THAT(rig.text("where"), HasSubstr("hosts boot"));
    EXPECT_THAT(rig.text("functions"), HasSubstr("absent"));
    EXPECT_THAT(rig.text("image"), HasSubstr("SAVE has not yielded an image yet"));
  });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  EXPECT_GT(looks, 0);
}

TEST(Look, StateOfAVfThatIsSuspended) {
  ShellRig rig;
  rig.at(command(HappeningKind::command_submitted, "SUSPEND_VHCA INITIATOR", kVf0A), [&] {
    const std::string text = rig.text("state vf0");
    EXPECT_THAT(text, HasSubstr("guest0, stopped on A"));
    EXPECT_THAT(text, HasSubstr("initiator        runs"));
    EXPECT_THAT(text, HasSubstr("routing id 0x0101"));
  });
  rig.at(command(HappeningKind::command_completed, "SUSPEND_VHCA INITIATOR", kVf0A), [&] {
    EXPECT_TRUE(rig.machine->sim.rules->view().run(kVf0A).initiator_stopped);
    const std::string text = rig.text("state A.vf0");
    EXPECT_THAT(text, HasSubstr("initiator        stopped, gate quiet"));
    EXPECT_THAT(text, HasSubstr("responder        runs"));
    EXPECT_THAT(text, HasSubstr("drain            drained; open: nothing"));
    EXPECT_THAT(text, HasSubstr("dirty tracking   on, pages of 4096 bytes, ranges 0x0+0x"));
    EXPECT_THAT(rig.text("functions"), HasSubstr("A.vf0     guest0  enabled  PRE_COPY"));
    EXPECT_THAT(rig.text("regs vf0"), HasSubstr("READY INITIATOR_STOP"));
  });
  rig.at(command(HappeningKind::command_completed, "SUSPEND_VHCA RESPONDER", kVf0A), [&] {
    const std::string text = rig.text("state vf0");
    EXPECT_THAT(text, HasSubstr("responder        stopped"));
    EXPECT_THAT(text, HasSubstr("on hold (responder stopped)"));
    EXPECT_THAT(rig.text("regs vf0"), HasSubstr("the responder is stopped"));
  });
  EXPECT_EQ(rig.run(scenario_of(moving())), kHeld) << rig.result.error;
  EXPECT_THAT(rig.text("state vf0"), HasSubstr("B.vf0"));
  EXPECT_THAT(rig.text("where"), HasSubstr("last migration A -> B completed"));
  EXPECT_THAT(rig.text("where"), HasSubstr("over: pass"));
}

TEST(Look, WhereNamesThePhase) {
  ShellRig rig;
  rig.at(
      [](const Happening& h) {
        return h.kind == HappeningKind::phase && h.good && h.text_name() == "precopy";
      },
      [&] {
        const std::string text = rig.text("where");
        EXPECT_THAT(text, HasSubstr("guest0    on A, vCPUs run, migrates A -> B since"));
        EXPECT_THAT(text, HasSubstr("precopy since"));
        EXPECT_THAT(text, HasSubstr(fmt::format("event     #{}\n", rig.machine->watcher.count())));
        EXPECT_THAT(text, HasSubstr("guests are at work"));
        EXPECT_THAT(text, HasSubstr("guest1    on A, vCPUs run, has not migrated"));
      });
  rig.at(
      [](const Happening& h) {
        return h.kind == HappeningKind::arc && h.about(kVf0A) && h.b == VF_MIG_STOP_COPY;
      },
      [&] { EXPECT_THAT(rig.text("where"), HasSubstr("vf0: A STOP_COPY, B RESUMING")); });
  rig.run(scenario_of("migrate"));
}

TEST(Look, ManyGuestsAreTwoLines) {
  ShellRig rig;
  rig.at(nth(HappeningKind::frame_sent, 20), [&] {
    EXPECT_THAT(rig.text("where"),
                HasSubstr("guests    16 others run on A and have not migrated\n"));
    EXPECT_THAT(rig.text("functions"), HasSubstr("\n...\n"));
  });
  rig.at([](const Happening& h) { return h.kind == HappeningKind::migration && h.good; },
         [&] {
           EXPECT_THAT(rig.text("where"), HasSubstr("migrates A -> B"));
           EXPECT_THAT(rig.text("where"), HasSubstr("15 others run on A"));
         });
  rig.run(scenario_of("vfs16"));
}

// Inside an observation the NIC may be a request behind what was observed.
TEST(Look, OutstandingIsWhatTheRulesCount) {
  ShellRig rig;
  int seen = 0;
  rig.always([&](const Happening& h, std::uint64_t count) {
    const FunctionView& view = rig.machine->sim.rules->view();
    const std::uint32_t reads = view.outstanding_reads(kVf0A, h.t);
    if (count % 17 != 0 || reads == 0) {
      return;
    }
    ++seen;
    const std::string text = rig.text("outstanding A.vf0");
    EXPECT_THAT(text, HasSubstr(fmt::format("A.vf0: reads outstanding {}, ", reads)));
    std::size_t rows = 0;
    for (std::size_t at = text.find("MRd"); at != std::string::npos;
         at = text.find("MRd", at + 1)) {
      ++rows;
    }
    EXPECT_EQ(rows, reads);
    const std::uint32_t nic = rig.machine->sim.hosts[0]->nic.outstanding_reads(1);
    EXPECT_LE(reads > nic ? reads - nic : nic - reads, 1U);
  });
  rig.run(scenario_of(kSmall));
  EXPECT_GT(seen, 10);
  EXPECT_EQ(rig.text("outstanding"), "nothing is outstanding or in flight\n");
}

TEST(Look, QueuesAreThoseOfContextMemory) {
  ShellRig rig;
  rig.at(nth(HappeningKind::frame_sent, 20), [&] {
    const vf_function& f = context_of(*rig.machine, kVf0A);
    ASSERT_NE(f.sq[0].valid, 0);
    const std::string queues = rig.text("queues vf0");
    EXPECT_THAT(queues,
                testing::ContainsRegex(fmt::format("SQ +0x800 +RDY +64 +{} +{} +",
                                                   f.sq[0].hw_counter, f.sq[0].sw_counter)));
    EXPECT_THAT(queues, testing::ContainsRegex("CQ +0x400 +(ARMED|FIRED) "));
    EXPECT_THAT(rig.text("sq vf0"),
                testing::ContainsRegex(fmt::format("hw_counter +{:#x}", f.sq[0].hw_counter)));
    const std::string one = rig.text("sq vf0 0x800");
    EXPECT_THAT(one, testing::ContainsRegex(
                         fmt::format("dbr_addr +{:#x} +doorbell record", f.sq[0].dbr_addr)));
    EXPECT_EQ(rig.text("sq vf0 0"), one);
    EXPECT_THAT(rig.text("cq vf0 0x400"),
                testing::ContainsRegex(fmt::format("eqn +{} ", f.cq[0].eqn)));
    EXPECT_THAT(rig.text("eq vf0 1"), HasSubstr("events       "));
    EXPECT_THAT(rig.text("eq vf0 1"), HasSubstr("CMD"));
    EXPECT_THAT(rig.text("qp vf0"), HasSubstr("A.vf0 has no queue pair"));
    EXPECT_THAT(rig.refused("qp vf0 0x100"), HasSubstr("it has none"));
    EXPECT_THAT(rig.refused("sq vf0 0x801"), HasSubstr("there are 0x800"));
  });
  rig.run(scenario_of(kSmall));
}

TEST(Look, KeysByNumberAndByWholeKey) {
  ShellRig rig;
  rig.at(nth(HappeningKind::frame_sent, 20), [&] {
    const vf_mkey& key = context_of(*rig.machine, kVf0A).mkey[0];
    ASSERT_NE(key.valid, 0);
    const std::uint32_t whole = std::uint32_t{VF_MKEY_BASE} << 8 | key.key;
    EXPECT_THAT(rig.text("mkey vf0"),
                testing::ContainsRegex(fmt::format("{:#x} +{} +rw", whole,
                                                   key.mode == VF_MKC_MODE_PA ? "PA" : "MTT")));
    const std::string one = rig.text(fmt::format("mkey vf0 {:#x}", whole));
    EXPECT_THAT(one, HasSubstr("memory key 0x100"));
    EXPECT_EQ(rig.text("mkey vf0 0x100"), one);
    EXPECT_THAT(rig.refused(fmt::format("mkey vf0 {:#x}", whole ^ 1)),
                HasSubstr("A.vf0 has no memory key"));
  });
  rig.run(scenario_of(kSmall));
}

TEST(Look, MemoryAsTheHostAndAsTheFunctionSeesIt) {
  ShellRig rig;
  rig.at(nth(HappeningKind::frame_sent, 20), [&] {
    const std::uint64_t iova = context_of(*rig.machine, kVf0A).sq[0].dbr_addr;
    const std::uint64_t phys = guest_phys(0, 8 * kMiB) + iova;
    std::vector<std::uint8_t> there(16);
    ASSERT_TRUE(rig.machine->sim.hosts[0]->host.memory().read(phys, there.data(), there.size()));
    std::string bytes;
    for (std::size_t i = 0; i < there.size(); ++i) {
      bytes += fmt::format("{} {:02x}", i == 8 ? " " : "", there[i]);
    }
    EXPECT_THAT(rig.text(fmt::format("mem vf0 {:#x} 16", iova)),
                HasSubstr(fmt::format("{:012x} {}", iova, bytes)));
    EXPECT_THAT(rig.text(fmt::format("mem A {:#x} 16", phys)),
                HasSubstr(fmt::format("{:012x} {}", phys, bytes)));
    EXPECT_THAT(rig.text("mem B 0x0 4096"), HasSubstr("\n*\n"));
    EXPECT_THAT(rig.refused("mem vf0 0x7fff0000"),
                HasSubstr("is not in the IOMMU domain of A.vf0"));
    EXPECT_THAT(rig.refused("mem A 0xfffffffff000"), HasSubstr("window"));
    EXPECT_THAT(rig.refused("mem A 0x0 100000000"), HasSubstr("allowed is 1 .. 65536"));
    EXPECT_THAT(rig.refused("mem C 0x0"), HasSubstr("there is no function 'C'"));
    EXPECT_THAT(rig.refused("mem A x"), HasSubstr("ADDRESS: 'x' is no number"));
  });
  rig.run(scenario_of(kSmall));
}

TEST(Look, RegistersHaveNamesAndValues) {
  ShellRig rig;
  rig.at(nth(HappeningKind::frame_sent, 20), [&] {
    const std::string regs = rig.text("regs vf0");
    EXPECT_THAT(regs, testing::ContainsRegex(fmt::format("0x00004 +{:#010x} +CMDIF_REV",
                                                         unsigned{VF_CMDIF_REV} << 16 | 1000U)));
    EXPECT_THAT(regs, HasSubstr("MSIX[0].address"));
    EXPECT_THAT(regs, testing::ContainsRegex("CTRL +READY\n"));
    EXPECT_THAT(rig.text("regs vf0 0x10800 8"), HasSubstr("UAR 0x10"));
    EXPECT_THAT(rig.refused("regs vf0 0x100000"), HasSubstr("allowed is 0 .. 0xfffff"));
    const std::string config = rig.text("config A.pf");
    EXPECT_THAT(config, HasSubstr("SR-IOV capability"));
    EXPECT_THAT(config, testing::ContainsRegex("0x150 +0x0002 +num_vfs"));
    EXPECT_THAT(config, testing::ContainsRegex("0x004 +0x0006 +command +memory master"));
    EXPECT_THAT(config, testing::ContainsRegex("0x000 +0x15b3 +vendor"));
    EXPECT_THAT(rig.text("config vf0"), Not(HasSubstr("SR-IOV capability")));
    EXPECT_THAT(rig.text("config A.pf 0x0 4"), HasSubstr("000000000000  b3 15 1d 10"));
  });
  rig.run(scenario_of(kSmall));
}

TEST(Look, ImagesThatSaveYielded) {
  ShellRig rig;
  rig.at(
      [](const Happening& h) {
        return h.kind == HappeningKind::command_completed && h.text_name() == "SAVE_VHCA_STATE";
      },
      [&] {
        EXPECT_THAT(rig.text("image"),
                    testing::ContainsRegex("1 +[0-9.]+ ms +A.vf0 +full +[0-9]+"));
        const std::string records = rig.text("image 1");
        EXPECT_THAT(records, HasSubstr("image 1 of A.vf0"));
        EXPECT_THAT(records, testing::ContainsRegex("CQ +0x400"));
        EXPECT_THAT(rig.refused("image 7"), HasSubstr("there is no image 7; allowed are 1 .. 1"));
        const auto path =
            std::filesystem::temp_directory_path() / fmt::format("vfsim_look_{}.image", ::getpid());
        rig.text("image 1 save " + path.string());
        std::ifstream in(path, std::ios::binary);
        const std::vector<std::uint8_t> saved{std::istreambuf_iterator<char>(in), {}};
        EXPECT_EQ(saved, rig.machine->watcher.images().images().front().bytes);
        std::filesystem::remove(path);
        EXPECT_THAT(rig.refused("image 1 save /proc/no/x"), HasSubstr("/proc/no/x"));
      });
  rig.run(scenario_of(moving()));
}

TEST(Look, TheEndIsThatOfTheResult) {
  ShellRig rig;
  EXPECT_EQ(rig.run(scenario_of(moving())), kHeld);
  for (const RuleCount& rule : rig.result.rules) {
    EXPECT_THAT(rig.text("rules"), testing::ContainsRegex(fmt::format(
                                       "{} +{} +{} ", rule.id, rule.evaluations, rule.violations)));
  }
  EXPECT_THAT(rig.text("rules Q2"), HasSubstr("at the initiator acknowledgement"));
  const std::string oracle = rig.text("oracle");
  EXPECT_THAT(oracle, testing::ContainsRegex(fmt::format("posted, offered +{} +{}\n",
                                                         rig.result.oracle.tx_posted,
                                                         rig.result.oracle.rx_offered)));
  EXPECT_THAT(oracle, testing::ContainsRegex(fmt::format("completed, delivered +{} +{}\n",
                                                         rig.result.oracle.tx_completed,
                                                         rig.result.oracle.rx_delivered)));
  EXPECT_THAT(rig.text("params workload.guests"),
              testing::ContainsRegex("workload.guests +[0-9]+"));
  EXPECT_THAT(rig.text("log 5"), HasSubstr(": "));
}

TEST(Look, WhatIsWrongIsOneLine) {
  ShellRig rig;
  rig.at(nth(HappeningKind::frame_sent, 20), [&] {
    const std::pair<const char*, const char*> kWrong[] = {
        {"state", "usage: state FUNCTION"},
        {"state vf9", "there is no function 'vf9'"},
        {"state A.fv0", "(did you mean 'A.vf0'?)"},
        {"state vf0 vf1", "usage: state"},
        {"functions all", "usage: functions"},
        {"outstanding C.vf0", "allowed are pf, vf0 .. vf1"},
        {"queues x", "there is no function 'x'"},
        {"cq", "usage: cq"},
        {"cq vf0 many", "'many' is no number"},
        {"mem A", "usage: mem"},
        {"regs", "usage: regs"},
        {"config vf0 0x1000", "allowed is 0 .."},
        {"log many", "N: 'many' is no number"},
        {"rules q2", "there is no rule 'q2' (did you mean 'Q2'?)"},
        {"image first", "image: 'first' is no number"},
        {"image 1 to x", "usage: image"},
        {"params nik", "no parameter begins with 'nik' (did you mean 'nic'?)"},
        {"where now", "usage: where"},
        {"oracle now", "usage: oracle"},
        {"digest now", "usage: digest"},
    };
    for (const auto& [line, says] : kWrong) {
      EXPECT_THAT(rig.refused(line), HasSubstr(says)) << line;
    }
  });
  rig.run(scenario_of(kSmall));
}

TEST(Look, TablesAreNoWalls) {
  TextTable table({"name", "value>"});
  for (int i = 0; i < 50; ++i) {
    table.row({fmt::format("vf{}", i), i == 40 ? "1" : "0"});
  }
  EXPECT_EQ(
      table.text(1),
      "name  value\nvf0       0\n...\nvf39      0\nvf40      1\nvf41      0\n...\nvf49      0");
  EXPECT_EQ(
      hexdump(0x1000, std::vector<std::uint8_t>(64, 0x41)),
      "000000001000  41 41 41 41 41 41 41 41  41 41 41 41 41 41 41 41  |AAAAAAAAAAAAAAAA|\n*\n"
      "000000001030  41 41 41 41 41 41 41 41  41 41 41 41 41 41 41 41  |AAAAAAAAAAAAAAAA|");
  EXPECT_EQ(hexdump(0, {1, 2}),
            "000000000000  01 02                                             |..|");
  EXPECT_EQ(bit_list(0x83), "0 1 7");
}

}  // namespace
}  // namespace vfsim::bench
