// Commands that change the machine: what they ask for happens, and the rules still hold.
#include <fmt/format.h>

#include <gmock/gmock.h>

#include "testbench/shell/look_tools.hpp"
#include "testbench/shell/shell_rig.hpp"

namespace vfsim::bench {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

driver::MigState state_of(const ShellRig& rig, model::FnRef who) {
  return host_vf(*rig.machine, who)->migration.peek_state();
}

ShellRig::Moment traffic() {
  return nth(HappeningKind::frame_sent, 20);
}

TEST(Act, MemoryIsWrittenAtOnce) {
  ShellRig rig;
  rig.at(traffic(), [&] {
    EXPECT_THAT(rig.text("write mem vf0 0x7ff000 0x11223344"), HasSubstr("4 bytes written"));
    EXPECT_THAT(rig.text("mem vf0 0x7ff000 8"), HasSubstr("44 33 22 11 00 00 00 00"));
    rig.text("write mem B 0x0 0xabcd 2");
    EXPECT_THAT(rig.text("mem B 0x0 4"), HasSubstr("cd ab 00 00"));
    EXPECT_THAT(rig.refused("write mem vf0 0x7fffffff 1"), HasSubstr("is not in the IOMMU domain"));
    EXPECT_THAT(rig.refused("write mem A 0x0 0x100 1"), HasSubstr("0x100 does not fit 1 bytes"));
    EXPECT_THAT(rig.refused("write mem A 0x0 1 3"), HasSubstr("allowed are 1, 2, 4, 8"));
    EXPECT_THAT(rig.refused("write men A 0x0 1"), HasSubstr("(did you mean 'mem'?)"));
    EXPECT_THAT(rig.refused("write mem A"), HasSubstr("usage: write"));
  });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
}

// The guest's dirty log is told: the page arrives on the other host.
TEST(Act, WhatIsWrittenInPrecopyMigrates) {
  ShellRig rig;
  rig.at(
      [](const Happening& h) {
        return h.kind == HappeningKind::arc && h.about(kVf0A) && h.b == VF_MIG_PRE_COPY;
      },
      [&] { rig.text("write mem vf0 0x7ff000 0x11223344"); });
  rig.at([](const Happening& h) { return h.kind == HappeningKind::migration && !h.good; },
         [&] { EXPECT_THAT(rig.text("mem B.vf0 0x7ff000 4"), HasSubstr("44 33 22 11")); });
  EXPECT_EQ(rig.run(scenario_of(moving())), kHeld) << rig.result.error;
}

TEST(Act, RegistersAreWrittenOverTheLink) {
  ShellRig rig;
  rig.at(traffic(), [&] {
    rig.text("write reg vf0 0x3008 0x5");
    EXPECT_THAT(rig.text("regs vf0 0x3008"),
                ContainsRegex("0x03008 +0x00000000 +MSIX\\[0\\].data"));
    EXPECT_THAT(rig.refused("write reg vf0 0x18 1 2"), HasSubstr("allowed are 4, 8"));
    EXPECT_THAT(rig.refused("write reg vf0 0x19 1"), HasSubstr("not a multiple of 4"));
    EXPECT_THAT(rig.refused("write reg vf1 0x18 1"), HasSubstr("A.vf1 has no window"));
    rig.text("write config A.pf 0x3c 0x7 1");
    EXPECT_THAT(rig.refused("write config vf0 0x400 0x7"), HasSubstr("allowed is 0 .."));
  });
  const auto written = [](std::uint64_t offset, std::uint64_t value) {
    return [=](const Happening& h) {
      return h.kind == HappeningKind::access && (h.d & 1) != 0 && h.a == offset && h.b == value;
    };
  };
  rig.at(written(0x3008, 5), [] {});
  rig.at(nth(HappeningKind::frame_sent, 10), [&] {
    EXPECT_THAT(rig.text("regs vf0 0x3008"), HasSubstr("0x00000005"));
    EXPECT_THAT(rig.text("config A.pf 0x3c 1"), HasSubstr("07"));
    rig.text("write reg vf0 0x3008 0x0");
  });
  rig.run(scenario_of(kSmall));
  EXPECT_TRUE(rig.machine->notices.empty());
}

TEST(Act, DoorbellsAreRungAsTheDriverDoes) {
  ShellRig rig;
  rig.at(traffic(), [&] {
    EXPECT_THAT(rig.text("doorbell vf0 sq 0"),
                HasSubstr("send queue 0x800 of A.vf0 is rung up to counter"));
    EXPECT_THAT(rig.text("doorbell vf0 cmd 3"), HasSubstr("slot 3 of A.vf0 is rung"));
    EXPECT_THAT(rig.refused("doorbell vf0 cmd 32"), HasSubstr("allowed is 0 .. 31"));
    EXPECT_THAT(rig.refused("doorbell vf0 sq 0x900"), HasSubstr("A.vf0 has no send queue 0x900"));
    EXPECT_THAT(rig.refused("doorbell vf0 rq 0"), HasSubstr("usage: doorbell"));
    EXPECT_THAT(rig.refused("doorbell vf0 sq 0 70000"), HasSubstr("allowed is 0 .. 65535"));
  });
  rig.at(
      [](const Happening& h) {
        return h.kind == HappeningKind::access && h.a == VF_BAR_CMD_DB && h.b == 8;
      },
      [] {});
  // A rung slot without a command is answered with an error of its own; traffic does not suffer.
  rig.run(scenario_of(kSmall));
  EXPECT_EQ(rig.result.oracle.lost + rig.result.oracle.duplicated, 0U);
}

TEST(Act, GuestSendsMore) {
  ShellRig rig;
  rig.at(traffic(), [&] {
    EXPECT_THAT(rig.text("send 70"), HasSubstr("guest0 posts 70 more packets through vf0"));
    rig.text("send 3 guest0");
    EXPECT_THAT(rig.refused("send 0"), HasSubstr("allowed is 1 .. 1000000"));
    EXPECT_THAT(rig.refused("send some"), HasSubstr("'some' is no number"));
    EXPECT_THAT(rig.refused("send 1 guest7"), HasSubstr("there is no guest 'guest7'"));
  });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  EXPECT_EQ(rig.result.oracle.tx_posted, 273U);
  EXPECT_EQ(rig.result.oracle.tx_completed, 273U);
  EXPECT_EQ(rig.result.oracle.tx_on_wire, 273U);
  EXPECT_TRUE(rig.machine->notices.empty());
}

// The traffic of the scenario has ended, the director waits for silence.
TEST(Act, GuestSendsMoreBehindItsTraffic) {
  ShellRig rig;
  rig.at(nth(HappeningKind::frame_sent, 200), [] {});
  rig.at(nth(HappeningKind::interrupt, 1), [&] { rig.text("send 5"); });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  EXPECT_EQ(rig.result.oracle.tx_completed, 205U);
}

TEST(Act, GuestSendsWhileItMigrates) {
  ShellRig rig;
  rig.at(command(HappeningKind::command_submitted, "SUSPEND_VHCA INITIATOR", kVf0A),
         [&] { rig.text("send 10"); });
  EXPECT_EQ(rig.run(scenario_of(moving())), kHeld) << rig.result.error;
  EXPECT_EQ(rig.result.oracle.lost, 0U);
  EXPECT_TRUE(rig.machine->notices.empty());
}

TEST(Act, MigratesBesideTheScenario) {
  ShellRig rig;
  rig.at(traffic(),
         [&] { EXPECT_THAT(rig.text("migrate guest0"), HasSubstr("migrate guest0 begins")); });
  rig.at(nth(HappeningKind::arc, 1), [&] {
    EXPECT_THAT(rig.refused("migrate"), HasSubstr("a migration of guest0 is under way"));
    EXPECT_THAT(rig.refused("migrate guest4"), HasSubstr("there is no guest 'guest4'"));
    EXPECT_THAT(rig.refused("migrate guest0 fail=x"),
                HasSubstr("has no option 'fail' (did you mean"));
    EXPECT_THAT(rig.refused("migrate background=yes"), HasSubstr("beside what goes on"));
    EXPECT_THAT(rig.refused("migrate to=C"), HasSubstr("allowed is other, A, B"));
  });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  ASSERT_EQ(rig.result.migrations.size(), 1U);
  EXPECT_EQ(rig.result.migrations[0].outcome, "completed");
  EXPECT_TRUE(rig.machine->notices.empty());
  EXPECT_EQ(rig.machine->sim.guests[0]->core().host, 1);
}

TEST(Act, AMigrationThatFailsBecomesANotice) {
  ShellRig rig;
  rig.at(traffic(), [&] { rig.text("migrate fail_at=in_load expect=completed"); });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  ASSERT_EQ(rig.machine->notices.size(), 1U);
  EXPECT_THAT(
      rig.machine->notices[0],
      HasSubstr("migrate guest0: migration of guest 0 ended 'rolled_back', expected 'completed'"));
}

TEST(Act, TwoMigrationsAtOnceAreOne) {
  ShellRig rig;
  rig.at(traffic(), [&] {
    rig.text("migrate");
    rig.text("migrate");
  });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  EXPECT_EQ(rig.result.migrations.size(), 1U);
  ASSERT_EQ(rig.machine->notices.size(), 1U);
  EXPECT_THAT(rig.machine->notices[0], HasSubstr("a migration of guest 0 is under way"));
}

TEST(Act, VfioStateIsSet) {
  ShellRig rig;
  const auto returned = [](const Happening& h) { return h.kind == HappeningKind::set_state; };
  rig.at(traffic(), [&] {
    EXPECT_THAT(rig.text("set-state vf0 PRE_COPY"), HasSubstr("the VMM sets A.vf0 to PRE_COPY"));
    EXPECT_EQ(state_of(rig, kVf0A), driver::MigState::running);
    EXPECT_THAT(rig.refused("set-state vf0 precopy"),
                HasSubstr("there is no VFIO state 'precopy' (did you mean"));
    EXPECT_THAT(rig.refused("set-state pf STOP"),
                HasSubstr("no VMM has A.pf; allowed are vf0 .. vf0"));
    EXPECT_THAT(rig.refused("set-state vf0"), HasSubstr("usage: set-state FUNCTION STATE"));
  });
  rig.at(returned, [&] {
    EXPECT_EQ(state_of(rig, kVf0A), driver::MigState::pre_copy);
    EXPECT_THAT(rig.text("state vf0"),
                HasSubstr("VFIO state       PRE_COPY; newest arc RUNNING -> PRE_COPY"));
    rig.text("set-state vf0 RUNNING");
  });
  rig.at(returned, [&] { rig.text("set-state vf0 RESUMING"); });
  rig.at(returned, [&] { rig.text("set-state vf0 RUNNING"); });
  rig.at(returned, [&] { rig.text("set-state vf0 ERROR"); });
  rig.at(returned, [] {});
  rig.run(scenario_of(kSmall));
  EXPECT_EQ(state_of(rig, kVf0A), driver::MigState::running);
  ASSERT_EQ(rig.machine->notices.size(), 1U);
  EXPECT_THAT(rig.machine->notices[0], HasSubstr("set-state A.vf0 ERROR: "));
}

TEST(Act, DeviceIsReset) {
  ShellRig rig;
  rig.at(traffic(), [&] {
    EXPECT_THAT(rig.text("reset B.vf0"), HasSubstr("the VMM resets B.vf0"));
    EXPECT_THAT(rig.refused("reset pf"), HasSubstr("no VMM has A.pf"));
    EXPECT_THAT(rig.refused("reset"), HasSubstr("usage: reset FUNCTION"));
  });
  rig.at([](const Happening& h) { return h.kind == HappeningKind::device_reset && h.about(kVf0B); },
         [] {});
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  EXPECT_TRUE(rig.machine->notices.empty());
}

TEST(Act, CableIsPulledAndPluggedIn) {
  ShellRig rig;
  rig.at(traffic(), [&] {
    EXPECT_THAT(rig.text("link down A"), HasSubstr("the cable of A is pulled"));
    EXPECT_THAT(rig.refused("link down"), HasSubstr("usage: link down|up A|B"));
    EXPECT_THAT(rig.refused("link down C"), HasSubstr("there is no host 'C'"));
    EXPECT_THAT(rig.refused("link up A"), HasSubstr("plugged in already"));
  });
  rig.at(nth(HappeningKind::frame_discarded, 3), [&] {
    EXPECT_THAT(rig.text("state vf0"), HasSubstr("link down (no cable)"));
    EXPECT_THAT(rig.refused("link down A"), HasSubstr("the cable of A is out already"));
    rig.text("link up A");
  });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  EXPECT_GT(rig.result.oracle.tx_discarded, 0U);
}

TEST(Act, FaultsOfHardwareAndFirmwareAreSwitched) {
  ShellRig rig;
  rig.at(traffic(), [&] {
    EXPECT_THAT(rig.text("fault on ack_before_drain"), HasSubstr("rule Q2 is to catch it"));
    EXPECT_THAT(rig.refused("fault on write_held_back"),
                HasSubstr("restart fault write_held_back"));
    EXPECT_THAT(rig.refused("fault on drain_never_ends"),
                HasSubstr("restart fault drain_never_ends"));
    EXPECT_THAT(rig.refused("fault on ack_befor_drain"),
                HasSubstr("(did you mean 'ack_before_drain'?)"));
    EXPECT_THAT(rig.refused("fault ack_before_drain"), HasSubstr("usage: fault on|off NAME"));
  });
  EXPECT_EQ(rig.run(scenario_of("stop_copy", {"pcie.latency_ns=5000"})), kViolated);
  EXPECT_THAT(rig.text("rules Q2"), ContainsRegex("violations +[1-9]"));
}

TEST(Act, AFaultThatIsSwitchedOffIsGone) {
  ShellRig rig;
  rig.at(traffic(), [&] { rig.text("fault on ack_before_drain"); });
  rig.at(traffic(), [&] { rig.text("fault off ack_before_drain"); });
  EXPECT_EQ(rig.run(scenario_of("stop_copy", {"pcie.latency_ns=5000"})), kHeld) << rig.result.error;
}

TEST(Act, AnyStepOfTheScenarioLanguage) {
  ShellRig rig;
  rig.at(traffic(), [&] {
    EXPECT_THAT(rig.text("do stall_link host=A duration=2us"),
                HasSubstr("stall_link host=A duration=2us begins"));
    rig.text("do guest_commands count=3");
    EXPECT_THAT(rig.refused("do stal_link"), HasSubstr("(did you mean 'stall_link'?)"));
    EXPECT_THAT(rig.refused("do stall_link duration=2"), HasSubstr("'2' has no unit"));
    EXPECT_THAT(rig.refused("do stall_link guest=0"), HasSubstr("has no option 'guest'"));
    EXPECT_THAT(rig.refused("do stall_link host"), HasSubstr("is no OPTION=VALUE"));
    EXPECT_THAT(rig.refused("do guest_commands guest=5"),
                HasSubstr("guest: 5 is out of range; allowed is 0 .. 0"));
    EXPECT_THAT(rig.refused("do join"), HasSubstr("join: there is nothing"));
    EXPECT_THAT(rig.refused("do wait at=2us"), HasSubstr("begins at once"));
    EXPECT_THAT(rig.refused("do"), HasSubstr("usage: do VERB"));
  });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  EXPECT_TRUE(rig.machine->notices.empty());
}

TEST(Act, TooEarlyAndTooLate) {
  ShellRig rig;
  const std::string steps[] = {"send 1", "migrate", "set-state vf0 STOP", "reset B.vf0",
                               "do stall_link duration=1us"};
  rig.at(any(), [&] {
    for (const std::string& step : steps) {
      EXPECT_THAT(rig.refused(step), HasSubstr("before traffic begins")) << step;
    }
    rig.text("write mem A 0x0 1");
  });
  rig.at([&](const Happening&) { return rig.machine->director.leaving(); },
         [&] {
           for (const std::string& step : steps) {
             EXPECT_THAT(rig.refused(step), HasSubstr("drivers are unloaded")) << step;
           }
           EXPECT_THAT(rig.refused("write mem A 0x0 1"), HasSubstr("drivers are unloaded"));
         });
  EXPECT_EQ(rig.run(scenario_of(kSmall)), kHeld) << rig.result.error;
  for (const char* act :
       {"send 1", "migrate", "write mem A 0x0 1", "doorbell vf0 cmd 0", "fault on ack_before_drain",
        "link down A", "set-state vf0 STOP", "reset B.vf0", "do stall_link duration=1us"}) {
    EXPECT_THAT(rig.refused(act), HasSubstr("the run is over")) << act;
  }
}

}  // namespace
}  // namespace vfsim::bench
