// Shipped scenarios meet the situation that their titles name. Looked up in the event log, so that
// a change of timing that makes a scenario miss its point does not pass unseen.
#include <map>
#include <set>
#include <sstream>
#include <tuple>
#include <unistd.h>

#include "testbench/cli/cli_rig.hpp"

namespace vfsim::bench {
namespace {

using Json = nlohmann::json;

constexpr const char* kSuspend = "0x115";
constexpr const char* kSave = "0x118";
constexpr const char* kManagePages = "0x108";

/// A run that must hold, and what was seen in it.
struct Story {
  CliRun run;
  std::vector<Json> events;

  explicit Story(const std::string& scenario, const std::string& arguments = "") {
    const std::string path = std::filesystem::temp_directory_path() /
                             ("vfsim_story_" + scenario + std::to_string(getpid()) + ".jsonl");
    run = run_cli(scenario, "--events " + path + " " + arguments);
    EXPECT_EQ(run.status, 0) << run.output;
    std::ifstream lines(path);
    for (std::string line; std::getline(lines, line);) {
      events.push_back(Json::parse(line));
    }
    std::filesystem::remove(path);
  }
  [[nodiscard]] const Json& migration(std::size_t n = 0) const {
    return run.result["migrations"][n];
  }
};

double us(const Json& event) {
  return event["t_ps"].get<double>() / 1e6;
}
bool is(const Json& e, const char* kind) {
  return e["kind"] == kind;
}
bool is(const Json& e, const char* kind, const char* host, int fn) {
  return is(e, kind) && e["host"] == host && e["fn"] == fn;
}
bool is_command(const Json& e, const char* kind, const char* opcode, int op_mod) {
  return is(e, kind) && e["opcode"] == opcode && e["op_mod"] == op_mod;
}

/// One command of host A's PF, from its doorbell to its completion, and what the NIC had under way
/// at the doorbell or began until it ended.
struct Span {
  double begin = 0;
  double end = 0;
  std::size_t reads_at_begin = 0;   // of VF 0
  std::size_t most_reads = 0;       // of all functions at a time
  std::size_t writes_at_begin = 0;  // of VF 0
  std::size_t interrupts = 0;       // of VF 0, while it ran
  int status = -1;
};

/// The first such command.
Span span_of(const Story& story, const char* opcode, int op_mod) {
  Span span;
  std::map<std::pair<std::string, int>, std::int64_t> reads;  // requester and tag: bytes to come
  std::size_t writes = 0;
  for (const Json& e : story.events) {
    if (e.value("host", "") != "A") {
      continue;
    }
    const bool tlp = e.contains("requester") && e["requester"] != "0000";
    const auto key = tlp ? std::pair{e["requester"].get<std::string>(), e["tag"].get<int>()}
                         : std::pair{std::string(), 0};
    const bool vf = key.first == "0101";
    if (tlp && is(e, "tlp_sent") && e["tlp"] == "mem_read") {
      reads[key] = e["bytes"];
    } else if (tlp && is(e, "tlp_received") && e["tlp"] == "completion" && reads.count(key) != 0) {
      reads[key] -= e["bytes"].get<std::int64_t>();
      if (reads[key] <= 0) {
        reads.erase(key);
      }
    } else if (vf && e["tlp"] == "mem_write") {
      writes += is(e, "tlp_sent") ? 1 : 0;
      writes -= is(e, "tlp_landed") ? 1 : 0;
    } else if (e["kind"] == "command_submitted" && span.begin == 0 &&
               is_command(e, "command_submitted", opcode, op_mod)) {
      span.begin = us(e);
      span.writes_at_begin = writes;
      for (const auto& [who, bytes] : reads) {
        span.reads_at_begin += who.first == "0101" ? 1 : 0;
      }
    } else if (span.begin != 0 && is_command(e, "command_completed", opcode, op_mod)) {
      span.end = us(e);
      span.status = e["status"];
      return span;
    } else if (span.begin != 0 && is(e, "msi", "A", 1)) {
      ++span.interrupts;
    }
    span.most_reads = span.begin != 0 ? std::max(span.most_reads, reads.size()) : 0;
  }
  return span;
}

TEST(Situations, DeepReadsTakeAllTagsInTheDrain) {
  const Span suspend = span_of(Story("deep_reads"), kSuspend, 0);
  EXPECT_EQ(suspend.most_reads, 9U) << "nic.dma_tags";
  EXPECT_GT(suspend.reads_at_begin, 0U);
  EXPECT_GT(suspend.end - suspend.begin, 30) << "an idle one takes 9 us";
}

TEST(Situations, ASlowHostMakesEverythingSlow) {
  const Span suspend = span_of(Story("slow_host"), kSuspend, 0);
  EXPECT_GT(suspend.end - suspend.begin, 40) << "two memory accesses";
  EXPECT_GT(suspend.writes_at_begin, 0U);
}

TEST(Situations, ASlowEngineMakesCommandsSlow) {
  const Span suspend = span_of(Story("slow_engine"), kSuspend, 0);
  EXPECT_GT(suspend.end - suspend.begin, 20) << "a usual one takes 1.2 us";
}

TEST(Situations, ALostCompletionEndsTheDrainAndTheSecondTrySucceeds) {
  const Story story("lost_completion");
  ASSERT_EQ(story.run.result["migrations"].size(), 2U);
  EXPECT_EQ(story.migration()["outcome"], "rolled_back");
  EXPECT_NE(story.migration()["reason"].get<std::string>().find("0x56460204"), std::string::npos)
      << "syndrome DRAIN_TIMEOUT";
  EXPECT_EQ(story.migration(1)["outcome"], "completed");
  const Span suspend = span_of(story, kSuspend, 0);
  EXPECT_EQ(suspend.reads_at_begin, 1U);
  EXPECT_NE(suspend.status, 0);
}

TEST(Situations, WhatTheDestinationsHostLosesIsRefusedThere) {
  for (const auto& [scenario, reason] :
       {std::pair{"lost_image_read", "0x56460209"}, {"lost_command", "no completion"}}) {
    const Story story(scenario);
    ASSERT_EQ(story.run.result["migrations"].size(), 2U);
    EXPECT_EQ(story.migration()["outcome"], "rolled_back");
    const std::string why = story.migration()["reason"];
    EXPECT_NE(why.find("destination refused: LOAD_VHCA_STATE"), std::string::npos) << why;
    EXPECT_NE(why.find(reason), std::string::npos) << why;
    EXPECT_EQ(story.migration(1)["outcome"], "completed");
  }
}

TEST(Situations, ACommandTimeOutIsNoCompletionForTheDriver) {
  const Story story("command_timeout");
  ASSERT_EQ(story.run.result["migrations"].size(), 2U);
  EXPECT_NE(story.migration()["reason"].get<std::string>().find("no completion"),
            std::string::npos);
  EXPECT_EQ(story.migration(1)["outcome"], "completed");
  EXPECT_GT(span_of(story, kSuspend, 0).end, story.migration()["end_ns"].get<double>() / 1e3)
      << "the answer comes after the driver has given up";
}

TEST(Situations, TheLinkRetrainsWhileReadsAreOutstanding) {
  const Span suspend = span_of(Story("link_retrain"), kSuspend, 0);
  EXPECT_GT(suspend.reads_at_begin, 0U);
  EXPECT_GT(suspend.end - suspend.begin, 30) << "an idle one takes 9 us, the retrain 30 us";
}

TEST(Situations, StarvedCreditsMakeTheDrainLong) {
  for (const char* scenario : {"credits_posted", "credits_nonposted", "credits_completion"}) {
    const Span suspend = span_of(Story(scenario), kSuspend, 0);
    EXPECT_GT(suspend.end - suspend.begin, 20) << scenario << ": an idle one takes 1.2 us";
  }
}

/// Interrupts of VF 0's completion queues (vector 1) on each host, from a moment on.
std::map<std::string, int> interrupts_from(const Story& story, double from) {
  std::map<std::string, int> count;
  for (const Json& e : story.events) {
    if (is(e, "msi") && e["fn"] == 1 && e["vector"] == 1 && us(e) > from) {
      ++count[e["host"]];
    }
  }
  return count;
}

double vcpus_stop(const Story& story) {
  for (const Json& e : story.events) {
    if (is(e, "vcpu") && e["guest"] == 0 && e["running"] == false) {
      return us(e);
    }
  }
  return 0;
}

TEST(Situations, MaskedVectorsAreDeliveredOnceOnTheDestination) {
  for (const char* scenario : {"irq_function_masked", "irq_unmasked_in_downtime"}) {
    const Story story(scenario);
    // The guest's traffic has ended: one interrupt tells it of everything that came meanwhile.
    EXPECT_EQ(interrupts_from(story, vcpus_stop(story) - 50),
              (std::map<std::string, int>{{"B", 1}}))
        << scenario;
  }
}

TEST(Situations, AHeldEventTravelsInTheImage) {
  const std::string folder = test_folder() + "_out";
  const auto events_bytes = [&](const std::string& scenario) {
    std::filesystem::remove_all(folder);
    EXPECT_EQ(run_cli(scenario, "--out " + folder).status, 0);
    const std::string listing = folder + "/image.txt";
    const std::string command =
        std::string(VF_CLI) + " image inspect " + folder + "/guest0_A_to_B_1.image > " + listing;
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::istringstream words(read_file(listing));
    for (std::string word; words >> word;) {
      std::string number;
      int bytes = 0;
      if (word == "EVENTS" && words >> number >> bytes && number == "0x0") {
        return bytes;
      }
    }
    return 0;
  };
  EXPECT_GT(events_bytes("cable_in_downtime"), events_bytes("link_retrain"));
  std::filesystem::remove_all(folder);
}

TEST(Situations, PrecopyGivesUpOnAGuestThatWritesTooFast) {
  const Story story("no_convergence");
  EXPECT_EQ(story.migration()["precopy_rounds"], 5) << "vmm.max_rounds";
  EXPECT_GT(story.migration()["downtime_ns"], 10 * 50'000) << "vmm.downtime_limit_us";
}

TEST(Situations, TheFirmwareAsksForPagesBesideSave) {
  const Story story("page_request");
  const Span save = span_of(story, kSave, 0);
  std::set<double> gifts;  // by the guest, on the source, after the migration began
  for (const Json& e : story.events) {
    if (is(e, "command_submitted", "A", 1) && e["opcode"] == kManagePages && us(e) > save.begin) {
      gifts.insert(us(e));
    }
  }
  ASSERT_FALSE(gifts.empty());
  EXPECT_LT(*gifts.begin() - save.end, 5) << "the event came while SAVE ran";
  EXPECT_LT(*gifts.begin(), vcpus_stop(story));
}

TEST(Situations, CommandsThatWereNotBegunTravelWithTheVf) {
  const Story story("commands_held");
  std::map<int, int> under_way;  // slot: submitted on A and not completed there
  std::set<int> held;
  for (const Json& e : story.events) {
    if (is(e, "command_submitted", "A", 1)) {
      under_way[e["slot"]] = 1;
    } else if (is(e, "command_completed", "A", 1)) {
      under_way.erase(e["slot"].get<int>());
    } else if (is(e, "command_completed", "B", 1) && under_way.count(e["slot"]) != 0) {
      held.insert(e["slot"].get<int>());
      under_way.erase(e["slot"].get<int>());
    }
  }
  EXPECT_GT(held.size(), 4U);
}

TEST(Situations, WorkOfAGuestInP2pIsHeld) {
  EXPECT_GT(Story("work_in_p2p").run.rule("Q3")["evaluations"], 50);
}

TEST(Situations, ArmsComeWhileTheGateIsClosed) {
  constexpr std::uint64_t kCqArm = 0x20;
  const Story story("arms_in_p2p");
  std::map<int, bool> closed;  // by function: SUSPEND under way or done
  int arms = 0;
  for (const Json& e : story.events) {
    if (is(e, "vfio_state")) {
      closed[e["fn"]] = e["to"] == 5;
    } else if (is(e, "access") && e["write"] == true && e["config"] == false && e["fn"] != 0) {
      const std::uint64_t at = std::stoull(e["offset"].get<std::string>(), nullptr, 16);
      arms += closed[e["fn"]] && at > 0x1000 && at % 0x1000 == kCqArm ? 1 : 0;
    }
  }
  EXPECT_GT(arms, 0);
}

TEST(Situations, InterruptsAreOnTheirWayWhenTheVfIsStopped) {
  const Story story("irq_at_stop");
  const Span stop = span_of(story, kSuspend, 1);
  EXPECT_GE(stop.interrupts, 2U) << "between the doorbell of SUSPEND and its answer";
  EXPECT_GT(story.run.rule("Q4")["evaluations"], 0);
}

/// Writes of VF 0 on host A that came to memory before one that was sent earlier.
std::size_t overtaken(const Story& story) {
  std::map<std::string, std::vector<std::size_t>> sent;  // address: places in the order of sending
  std::size_t next = 0, behind = 0, newest = 0;
  for (const Json& e : story.events) {
    if (e.value("host", "") != "A" || e.value("requester", "") != "0101" ||
        e["tlp"] != "mem_write") {
      continue;
    }
    auto& places = sent[e["addr"]];
    if (is(e, "tlp_sent")) {
      places.push_back(next++);
    } else if (is(e, "tlp_landed") && !places.empty()) {
      behind += places.front() < newest ? 1 : 0;
      newest = std::max(newest, places.front());
      places.erase(places.begin());
    }
  }
  return behind;
}

/// Doorbells of one VF in the BAR of another: how many, by host and the states of writer and target
/// when they land.
std::map<std::tuple<std::string, int, int>, std::size_t> peer_doorbells(const Story& story) {
  std::map<std::tuple<std::string, int, int>, std::size_t> landed;
  std::map<std::pair<std::string, int>, int> states;
  const auto state = [&](const std::string& host, int fn) {
    constexpr int kRunning = 2;
    return states.emplace(std::pair{host, fn}, kRunning).first->second;
  };
  for (const Json& e : story.events) {
    const std::string host = e.value("host", "");
    if (is(e, "vfio_state")) {
      states[{host, e["fn"]}] = e["to"];
    } else if (is(e, "tlp_landed") && e["tlp"] == "mem_write" &&
               std::stoull(e["addr"].get<std::string>(), nullptr, 16) >= 1ULL << 40) {
      const int fn = std::stoi(e["requester"].get<std::string>(), nullptr, 16) - 0x100;
      ++landed[{host, state(host, fn), state(host, 3 - fn)}];
    }
  }
  return landed;
}

TEST(Situations, VfsOfOneGuestRingEachOtherWhileTheyStopOneByOne) {
  constexpr int kRunning = 2, kRunningP2p = 5, kPreCopy = 6, kPreCopyP2p = 7;
  auto landed = peer_doorbells(Story("p2p_vfs"));
  for (const std::string host : {"A", "B"}) {
    // One has stopped initiating, and the other still rings for it; later, already again.
    EXPECT_GT((landed[{host, kPreCopy, kPreCopyP2p}]), 0U) << host;
    EXPECT_GT((landed[{host, kRunning, kRunningP2p}]), 0U) << host;
  }
  const std::set<int> listening = {kRunning, kPreCopy, kRunningP2p, kPreCopyP2p};
  std::size_t all = 0;
  for (const auto& [when, count] : landed) {
    EXPECT_EQ(listening.count(std::get<2>(when)), 1U) << std::get<2>(when);
    all += count;
  }
  EXPECT_EQ(all, 2U * 2000U) << "workload.p2p_sends of each";
}

TEST(Situations, OneOfTwoVfsDoesNotGoAlong) {
  constexpr int kRunning = 2, kStop = 1, kRunningP2p = 5, kPreCopy = 6, kPreCopyP2p = 7;
  constexpr std::size_t kMany = 300;  // in the 5 s that a lost command is waited for
  const Story story("p2p_one_fails");
  ASSERT_EQ(story.run.result["migrations"].size(), 3U);
  EXPECT_EQ(story.migration(0)["outcome"], "rolled_back");
  EXPECT_EQ(story.migration(1)["outcome"], "rolled_back");
  EXPECT_EQ(story.migration(2)["outcome"], "completed");
  std::vector<std::tuple<std::string, int, int>> failed;
  for (const Json& e : story.events) {
    if (is(e, "vfio_state") && e["error"] != 0) {
      EXPECT_EQ(e["fn"], 2) << "the second VF";
      failed.emplace_back(e["host"], e["from"], e["to"]);
    }
  }
  EXPECT_EQ(failed, (std::vector<std::tuple<std::string, int, int>>{{"A", kPreCopy, kPreCopyP2p},
                                                                    {"B", kStop, kRunningP2p},
                                                                    {"B", kRunningP2p, kRunning}}));
  auto landed = peer_doorbells(story);
  EXPECT_GT((landed[{"A", kPreCopy, kPreCopyP2p}]), kMany);
  EXPECT_GT((landed[{"B", kRunning, kRunningP2p}]), kMany);
}

TEST(Situations, RelaxedWritesPassOthersAndTheRulesHold) {
  const Story story("relaxed_ordering");
  EXPECT_GT(overtaken(story), 50U);
  for (const char* id : {"Q2", "Q6", "X1", "D2"}) {
    EXPECT_EQ(story.run.rule(id)["violations"], 0) << id;
    EXPECT_GT(story.run.rule(id)["evaluations"], 0) << id;
  }
  EXPECT_EQ(overtaken(Story("relaxed_ordering", "--set pcie.reorder=false")), 0U);
  EXPECT_EQ(overtaken(Story("relaxed_ordering", "--set workload.relaxed_keys=false")), 0U)
      << "without the attribute nothing passes a posted write";
  EXPECT_EQ(Story("relaxed_ordering").run.digest(), story.run.digest());
  EXPECT_NE(Story("relaxed_ordering", "--seed 2").run.digest(), story.run.digest());
}

}  // namespace
}  // namespace vfsim::bench
