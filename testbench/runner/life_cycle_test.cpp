// Scenarios of the life cycle of migrations: each passes, and really meets what it is about.
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
      std::filesystem::temp_directory_path() / ("vfsim_life_cycle_" + scenario + ".jsonl");
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

}  // namespace
}  // namespace vfsim::bench
