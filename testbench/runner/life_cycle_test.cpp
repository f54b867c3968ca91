// Scenarios of the life cycle of migrations: each passes, and really meets what it is about.
#include <unistd.h>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "testbench/cli/cli_rig.hpp"

namespace vfsim::bench {
namespace {

/// The scenario passes with all packets accounted for.
CliRun passing(const std::string& scenario, const std::string& arguments = "") {
  CliRun run = run_cli(scenario, arguments);
  EXPECT_EQ(run.status, 0) << run.output;
  if (!run.result.is_null()) {
    EXPECT_EQ(run.result["oracle"]["lost"], 0) << scenario;
    EXPECT_GT(run.result["oracle"]["tx_on_wire"], 0) << scenario;
  }
  return run;
}

/// How often migrations ended in each way.
std::map<std::string, int> outcomes(const CliRun& run) {
  std::map<std::string, int> count;
  for (const auto& migration : run.result["migrations"]) {
    ++count[migration["outcome"]];
  }
  return count;
}

/// What the reasons of the migrations name, of a list of words.
std::set<std::string> named(const CliRun& run, const std::vector<std::string>& words) {
  std::set<std::string> found;
  for (const auto& migration : run.result["migrations"]) {
    for (const std::string& word : words) {
      if (migration["reason"].get<std::string>().find(word) != std::string::npos) {
        found.insert(word);
      }
    }
  }
  return found;
}

/// The event log of a passing run, lines of the given kinds.
std::vector<nlohmann::json> events_of(const std::string& scenario,
                                      const std::set<std::string>& kinds) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("vfsim_life_cycle_" + scenario + std::to_string(getpid()) + ".jsonl");
  (void)passing(scenario, "--events " + path);
  std::vector<nlohmann::json> events;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    auto event = nlohmann::json::parse(line);
    if (kinds.count(event["kind"]) != 0) {
      events.push_back(std::move(event));
    }
  }
  std::filesystem::remove(path);
  return events;
}

TEST(LifeCycle, AllMigrateOverlapsInBothDirections) {
  const CliRun run = passing("all_migrate");
  ASSERT_EQ(outcomes(run)["completed"], 6);
  const auto& all = run.result["migrations"];
  int overlaps = 0;
  for (const auto& a : all) {
    for (const auto& b : all) {
      overlaps +=
          a["from"] != b["from"] && a["begin_ns"] < b["end_ns"] && b["begin_ns"] < a["end_ns"] ? 1
                                                                                               : 0;
    }
  }
  EXPECT_EQ(overlaps, 2 * 4) << "both of one direction with both of the other";
}

TEST(LifeCycle, PingPongTenTimesUnderTraffic) {
  const CliRun run = passing("ping_pong10");
  EXPECT_EQ(outcomes(run)["completed"], 10);
  EXPECT_EQ(run.rule("S3")["evaluations"], 10);
  EXPECT_GT(run.result["held_on_wire"], 80) << "frames come in every migration";
}

TEST(LifeCycle, EveryStepOfEachSideFailsOnce) {
  const CliRun source = passing("abort_each_step");
  EXPECT_EQ(outcomes(source)["rolled_back"], 12);
  EXPECT_EQ(
      named(source, {"step setup", "step logging", "step precopy", "step round_pages",
                     "step round_devices", "step stop_vcpus", "step p2p", "step stop_copy",
                     "step last_pages", "step last_devices", "step save_config", "step finish"})
          .size(),
      12U);
  const CliRun destination = passing("destination_refuses");
  EXPECT_EQ(outcomes(destination)["rolled_back"], 7);
  EXPECT_EQ(outcomes(destination)["completed"], 1);
  EXPECT_EQ(named(destination, {"in_setup", "in_resuming", "in_load", "in_stop", "in_config",
                                "in_p2p", "in_running"})
                .size(),
            7U);
}

TEST(LifeCycle, ACancelComesInEveryPhase) {
  auto ends = outcomes(passing("cancel_sweep"));
  EXPECT_GE(ends["cancelled"], 8);
  EXPECT_GE(ends["completed"], 2) << "some come too late";
}

TEST(LifeCycle, SpoiledImagesAreRefusedForTheirReason) {
  for (const char* scenario : {"bad_image", "bad_image_raw"}) {
    const CliRun run = passing(scenario);
    EXPECT_EQ(outcomes(run)["rolled_back"], 10) << scenario;
    EXPECT_EQ(outcomes(run)["completed"], 1) << scenario;
    // IMAGE_TRUNCATED, _EXTENDED, _FOREIGN_DEVICE, _BAD_VERSION
    EXPECT_GE(named(run, {"0x56460300", "0x56460301", "0x56460303", "0x56460304"}).size(), 4U);
  }
}

TEST(LifeCycle, ALostAnswerLeavesTheGuestAtTheDestination) {
  auto ends = outcomes(passing("lost_answer"));
  EXPECT_EQ(ends["unknown"], 1);
  EXPECT_EQ(ends["completed"], 1) << "it comes back from there";
}

TEST(LifeCycle, ASaveIsUnderWayWhenTheVcpusStop) {
  bool saving = false;
  int met = 0;
  for (const auto& event :
       events_of("save_in_flight", {"command_submitted", "command_completed", "vcpu"})) {
    if (event["kind"] != "vcpu") {
      saving = event["opcode"] == "0x118" ? event["kind"] == "command_submitted" : saving;
    } else if (!event["running"] && saving) {
      ++met;
    }
  }
  EXPECT_EQ(met, 2);
}

/// Packets that resets took, of both directions.
int taken_by_resets(const CliRun& run) {
  const auto& o = run.result["oracle"];
  return o["tx_discarded"].get<int>() + o["tx_abandoned"].get<int>() + o["rx_discarded"].get<int>();
}

TEST(LifeCycle, AResetComesInEveryState) {
  for (const char* scenario : {"reset_each_state", "reset_running_guest"}) {
    std::set<int> states;  // to which the last arc before a reset went
    int state = 2;
    for (const auto& event : events_of(scenario, {"vfio_state", "function_reset"})) {
      if (event["kind"] == "vfio_state") {
        state = event["to"];
      } else {
        states.insert(state);
        state = 2;
      }
    }
    EXPECT_EQ(states, (std::set<int>{1, 2, 3, 4, 5, 6, 7})) << scenario << ": all but ERROR";
  }
}

TEST(LifeCycle, AResetCrossesStateChanges) {
  bool after_reset = false;
  int crossed = 0;
  for (const auto& event : events_of("reset_race", {"vfio_state", "function_reset"})) {
    crossed += after_reset && event["kind"] == "vfio_state" && event["from"] != 2 ? 1 : 0;
    after_reset = event["kind"] == "function_reset";
  }
  EXPECT_GE(crossed, 2) << "walks that go on behind a reset from where they were";
}

TEST(LifeCycle, AGuestResetsUnderItsTraffic) {
  const CliRun run = passing("guest_reset");
  EXPECT_GT(taken_by_resets(run), 100);
  EXPECT_GT(run.result["oracle"]["tx_abandoned"], run.result["oracle"]["tx_discarded"])
      << "some were sent, but their completions did not come";
  EXPECT_GT(run.rule("R1")["evaluations"], 3);
}

TEST(LifeCycle, DirtyLoggingGoesOnBehindAReset) {
  const CliRun run = passing("reset_while_logging");
  EXPECT_EQ(outcomes(run)["completed"], 1);
  const std::set<std::string> kinds{"dirty_tracking", "dirty_report", "function_reset"};
  int on = 0;
  int resets = 0;
  int reports = 0;  // behind the reset, while logging is on
  for (const auto& event : events_of("reset_while_logging", kinds)) {
    if (event["kind"] == "dirty_tracking") {
      on = event["on"] ? 1 : 0;
    } else if (event["kind"] == "function_reset") {
      resets += on;
    } else if (resets != 0 && on != 0) {
      ++reports;
    }
  }
  EXPECT_EQ(resets, 1);
  EXPECT_GE(reports, 2);
}

TEST(LifeCycle, AResetEndsPreCopy) {
  auto ends = outcomes(passing("reset_ends_precopy"));
  EXPECT_EQ(ends["rolled_back"], 1);
  EXPECT_EQ(ends["completed"], 1);
}

TEST(LifeCycle, TheOperatorGetsALostGuestBack) {
  auto ends = outcomes(passing("lost_finish"));
  EXPECT_EQ(ends["unknown"], 1);
  EXPECT_EQ(ends["completed"], 1);
}

TEST(LifeCycle, RoguesAreRefused) {
  const CliRun run = passing("rogue_reach");
  EXPECT_EQ(run.rule("I1")["violations"], 0);
  int faults = 0;
  for (const auto& event : events_of("rogue_reach", {"iommu_fault"})) {
    faults += event["host"] == "A" ? 1 : 0;
  }
  EXPECT_GE(faults, 1) << "DMA behind the guest's memory";
}

/// A PF goes at each moment of a migration: nothing hangs, everybody is told, the run ends as
/// defined.
TEST(LifeCycle, APfGoesAtAnyMoment) {
  for (const std::string moment :
       {"setup", "precopy", "stop", "last_pages", "last_devices", "resume", "cleanup",
        "suspend_initiator", "suspend_responder", "save", "load"}) {
    for (const std::string host : {"A", "B"}) {
      const std::string folder = test_folder();
      const std::string file = folder + "/pf.toml";
      std::ofstream(file)
          << "[scenario]\nname = \"pf\"\ntitle = \"a PF goes\"\ngoal = \"it ends as defined\"\n"
             "[nic]\nvfs = 1\n[vmm]\nreset_wait_us = 20\n[workload]\nguests = 1\nreplay_guests = "
             "0\n"
             "guest_memory_mib = 8\nlog_sq = 6\nlog_rq = 6\npackets = 100\n"
             "[[step]]\ndo = \"migrate\"\nbackground = \"yes\"\nexpect = \"any\"\n"
             "[[step]]\ndo = \"await\"\nmoment = \""
          << moment
          << "\"\n"
             "[[step]]\ndo = \"remove_pf\"\nhost = \""
          << host << "\"\n[[step]]\ndo = \"join\"\n";
      const std::string command =
          std::string(VF_CLI) + " run " + file + " > " + folder + "/out.txt 2>&1";
      EXPECT_EQ(std::system(command.c_str()), 0) << moment << " " << host << "\n"
                                                 << read_file(folder + "/out.txt");
    }
  }
}

TEST(LifeCycle, APfGoesInPreCopy) {
  EXPECT_EQ(outcomes(run_cli("source_pf_removed"))["lost"], 1);
  const CliRun run = passing("destination_pf_removed");
  EXPECT_EQ(outcomes(run)["rolled_back"], 1);
  EXPECT_EQ(run.result["oracle"]["tx_completed"], run.result["oracle"]["tx_posted"]);
}

}  // namespace
}  // namespace vfsim::bench
