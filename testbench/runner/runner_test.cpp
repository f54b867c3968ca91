// The shipped scenarios, run by the program as a user would.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "testbench/cli/cli_rig.hpp"

namespace vfsim::bench {
namespace {

class Shipped : public testing::TestWithParam<const char*> {};

TEST_P(Shipped, Passes) {
  const CliRun run = run_cli(GetParam());
  EXPECT_EQ(run.status, 0) << run.output;
  ASSERT_FALSE(run.result.is_null());
  EXPECT_EQ(run.result["verdict"], "pass");
  EXPECT_TRUE(run.result["violations"].empty());
  const auto& oracle = run.result["oracle"];
  for (const char* zero : {"lost", "duplicated", "corrupted", "reordered", "interrupts_lost", "missed_dirty_pages",
                           "memory_mismatch_bytes"}) {
    EXPECT_EQ(oracle[zero], 0) << zero;
  }
  EXPECT_GT(oracle["tx_posted"], 0);
  EXPECT_EQ(oracle["tx_posted"], oracle["tx_completed"]);
  EXPECT_EQ(oracle["tx_posted"], oracle["tx_on_wire"].get<int>() + oracle["tx_discarded"].get<int>());
  EXPECT_EQ(oracle["rx_offered"], oracle["rx_delivered"]);
}

INSTANTIATE_TEST_SUITE_P(All, Shipped,
                         testing::Values("migrate", "stop_copy", "p2p", "vfs16", "vfs127", "ping_pong", "chunk",
                                         "abort_retry", "irq_masked", "rogue", "deep_reads", "slow_host", "slow_engine", "lost_completion",
                                         "command_timeout", "link_retrain", "credits_posted", "credits_nonposted",
                                         "credits_completion", "irq_function_masked", "irq_unmasked_in_downtime",
                                         "irq_at_stop", "cable_in_downtime", "no_convergence", "page_request",
                                         "commands_held", "lost_image_read", "lost_command", "arms_in_p2p", "work_in_p2p", "relaxed_ordering"),
                         [](const auto& name) { return std::string(name.param); });

TEST(Runner, MainJobAccountsForBothCapturesAndExercisesItsRules) {
  const CliRun run = run_cli("migrate");
  ASSERT_EQ(run.status, 0) << run.output;
  // 3,041 + 9,202 captured packets; the sibling sends and receives 2,000 each.
  EXPECT_EQ(run.result["oracle"]["tx_on_wire"].get<int>() + run.result["oracle"]["rx_delivered"].get<int>(),
            3041 + 9202 + 2 * 2000);
  for (const char* id : {"Q1", "Q2", "Q4", "Q5", "Q6", "S1", "S2", "S3", "D1", "D2", "X1", "I1", "C1", "F1"}) {
    EXPECT_GT(run.rule(id)["evaluations"], 0) << id;
  }
  ASSERT_EQ(run.result["migrations"].size(), 1U);
  EXPECT_EQ(run.result["migrations"][0]["outcome"], "completed");
  EXPECT_GE(run.result["migrations"][0]["precopy_rounds"], 1);
}

TEST(Runner, P2pExercisesQ3) { EXPECT_GT(run_cli("p2p").rule("Q3")["evaluations"], 0); }

TEST(Runner, ChunkModeCutsTheImage) {
  const CliRun run = run_cli("chunk", "--log debug");
  ASSERT_EQ(run.status, 0) << run.output;
  EXPECT_GT(run.result["migrations"][0]["state_bytes"], 4 * 4096);
}

TEST(Runner, FlowOfLinux61Works) {
  const CliRun run = run_cli("migrate", "--set vmm.flow=6.1");
  EXPECT_EQ(run.status, 0) << run.output;
}

TEST(Runner, DroppedFramesAreSentAgain) {
  const CliRun run = run_cli("migrate", "--set wire.unowned=drop");
  EXPECT_EQ(run.status, 0) << run.output;
}

/// A step file of the test's own: tests run side by side.
std::string steps_file(const std::string& steps) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("vfsim_steps_" + std::to_string(getpid()) + ".toml");
  std::ofstream(path) << steps;
  return path;
}

TEST(Runner, APulledCableIsNoLossAndTheImageIsTheSame) {
  const std::string file = steps_file(
      "[[step]]\ndo = \"link_down\"\nhost = \"A\"\nat = \"1 ms\"\n"
      "[[step]]\ndo = \"migrate\"\nguest = 0\nat = \"1200 us\"\n"
      "[[step]]\ndo = \"link_up\"\nhost = \"A\"\nat = \"8 ms\"\n");
  for (const char* unowned : {"hold", "drop"}) {
    const CliRun run = run_cli(file, std::string("--set wire.unowned=") + unowned);
    EXPECT_EQ(run.status, 0) << run.output;
    EXPECT_GT(run.result["oracle"]["tx_discarded"], 0) << "guest 1 goes on sending";
    EXPECT_EQ(run.result["oracle"]["lost"], 0);
  }
}

/// What a guest is told while its vCPUs stand still, it does later in that order: the last word counts.
TEST(Runner, AStoppedGuestMasksInTheOrderItWasTold) {
  const std::string file = steps_file(
      "[workload]\nguests = 1\nreplay_guests = 0\npackets = 29\ngap_ns = 700\ntime_limit_ms = 100\n"
      "[[step]]\ndo = \"pause\"\nat = \"1 us\"\nstop_for = \"100 us\"\nbackground = \"yes\"\n"
      "[[step]]\ndo = \"mask_interrupts\"\nat = \"5 us\"\n[[step]]\ndo = \"unmask_interrupts\"\nat = \"20 us\"\n");
  const CliRun run = run_cli(file);
  EXPECT_EQ(run.status, 0) << run.output;
}

TEST(Runner, OddButLegalParametersHold) {
  for (const char* set : {"--set nic.mtu=9000 --set workload.packet_bytes=9014", "--set workload.gap_ns=1000000",
                          "--set nic.chunk_mode=true --set vmm.chunk_kib=64 --set pcie.max_payload=4096",
                          "--set pcie.latency_ns=100000 --set pcie.posted_headers=1 --set workload.replay_guests=0 "
                          "--set workload.packets=20"}) {
    const CliRun run = run_cli("migrate", set);
    EXPECT_EQ(run.status, 0) << set << '\n' << run.output;
  }
  EXPECT_EQ(run_cli("migrate", "--set nic.mtu=1000").status, 2) << "the captures have larger frames";
}

TEST(Runner, DigestDependsOnTheSeedAndNotOnWhoWatches) {
  const std::string folder = std::filesystem::temp_directory_path().string();
  const std::string first = run_cli("migrate").digest();
  EXPECT_EQ(run_cli("migrate").digest(), first);
  EXPECT_EQ(run_cli("migrate", "--wave " + folder + "/vfsim_runner_test.fst --timeline " + folder +
                                   "/vfsim_runner_test.json").digest(), first);
  EXPECT_EQ(run_cli("migrate", "--set nic.tx_arbiter=rtl").digest(), first) << "the RTL arbiter grants alike";
  EXPECT_NE(run_cli("migrate", "--seed 2").digest(), first);
}

TEST(Runner, CtrlCEndsWithWhatIsKnown) {
  const std::string folder = test_folder();
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string out = folder + "/out.txt";
    if (std::freopen(out.c_str(), "w", stdout) == nullptr) {
      _exit(9);
    }
    const std::string json = folder + "/r.json";
    execl(VF_CLI, VF_CLI, "run", "migrate", "--set", "workload.packets=1000000", "--json", json.c_str(), nullptr);
    _exit(9);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  kill(pid, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1) << read_file(folder + "/out.txt");
  EXPECT_NE(read_file(folder + "/out.txt").find("interrupted"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(read_file(folder + "/r.json"))["verdict"], "fail");
}

TEST(Runner, AKilledRunLeavesNoResultFile) {
  const std::string folder = test_folder();
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string json = folder + "/r.json";
    const std::string wave = folder + "/w.fst";
    execl(VF_CLI, VF_CLI, "run", "migrate", "--set", "workload.packets=1000000", "--json", json.c_str(), "--wave",
          wave.c_str(), nullptr);
    _exit(9);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  kill(pid, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(std::filesystem::exists(folder + "/r.json"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/w.fst"));
}

}  // namespace
}  // namespace vfsim::bench
