#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using Bytes = CheckerRig::Bytes;

constexpr model::FnRef kA{0, 1}, kB{1, 1};

class RuleX2 : public testing::Test {
 protected:
  RuleX2() {
    rig_.learn_vhca(0, 1);
    rig_.learn_vhca(1, 1);
    for (const model::FnRef who : {kA, kB}) {
      rig_.bus().emit<model::Probe::driver>(&model::Observer::assigned, rig_.now(), 0U, who);
    }
    vcpus(true, 0);
    migration(true, "");
  }
  void vcpus(bool running, int host) {
    rig_.bus().emit<model::Probe::driver>(&model::Observer::vcpu, rig_.now(), 0U, running,
                                          static_cast<std::uint8_t>(host));
  }
  void migration(bool begin, const char* outcome) {
    const model::MigrationView view{0, 0, 1, begin, outcome};
    rig_.bus().emit<model::Probe::driver>(&model::Observer::migration, rig_.now(), view);
  }
  void stop_source() {
    vcpus(false, 0);
    rig_.arc(kA, VF_MIG_RUNNING, VF_MIG_RUNNING_P2P);
    rig_.arc(kA, VF_MIG_RUNNING_P2P, VF_MIG_STOP);
    rig_.arc(kA, VF_MIG_STOP, VF_MIG_STOP_COPY);
    rig_.suspend(kA, Half::initiator);
    rig_.suspend(kA, Half::responder);
  }
  void load_target() {
    rig_.arc(kB, VF_MIG_STOP, VF_MIG_RESUMING);
    rig_.arc(kB, VF_MIG_RESUMING, VF_MIG_STOP);
  }
  void run_target() {
    rig_.arc(kB, VF_MIG_STOP, VF_MIG_RUNNING_P2P);
    rig_.arc(kB, VF_MIG_RUNNING_P2P, VF_MIG_RUNNING);
  }
  void run_source() {
    rig_.arc(kA, VF_MIG_STOP_COPY, VF_MIG_STOP);
    rig_.arc(kA, VF_MIG_STOP, VF_MIG_RUNNING_P2P);
    rig_.arc(kA, VF_MIG_RUNNING_P2P, VF_MIG_RUNNING);
  }
  CheckerRig rig_;
};

TEST_F(RuleX2, Completed) {
  stop_source();
  load_target();
  run_target();
  vcpus(true, 1);
  rig_.arc(kA, VF_MIG_STOP_COPY, VF_MIG_STOP);
  migration(false, "completed");
  rig_.device_reset(kA, VF_MIG_RUNNING);  // blank: it may say RUNNING
  vcpus(true, 1);
  EXPECT_GE(rig_.evaluations("X2"), 5U);
  EXPECT_EQ(rig_.violations("X2"), 0U);
}

TEST_F(RuleX2, RolledBack) {
  stop_source();
  load_target();
  rig_.device_reset(kB, VF_MIG_RUNNING);
  run_source();
  vcpus(true, 0);
  migration(false, "rolled_back");
  EXPECT_EQ(rig_.violations("X2"), 0U);
}

TEST_F(RuleX2, RolledBackAfterADeviceRan) {
  stop_source();
  load_target();
  run_target();
  rig_.device_reset(kB, VF_MIG_RUNNING);
  run_source();
  vcpus(true, 0);
  migration(false, "rolled_back");
  ASSERT_EQ(rig_.violations("X2"), 1U);
  EXPECT_EQ(rig_.seen("X2"), "'rolled_back', the device has been in RUNNING");
}

TEST_F(RuleX2, RolledBackHalfWay) {
  stop_source();
  migration(false, "rolled_back");
  EXPECT_EQ(rig_.violations("X2"), 2U);  // device in STOP_COPY, vCPUs stopped
}

TEST_F(RuleX2, BothVcpus) {
  vcpus(true, 1);
  ASSERT_EQ(rig_.violations("X2"), 2U);  // and its device with them
  EXPECT_EQ(rig_.seen("X2"), "guest 0: vCPUs start on B while they run on A");
}

TEST_F(RuleX2, BothDevices) {
  stop_source();
  load_target();
  run_target();
  run_source();
  EXPECT_EQ(rig_.violations("X2"), 1U);
}

TEST_F(RuleX2, DmaOfTheStoppedSource) {
  stop_source();
  rig_.dma_write(kA, 0x1000, Bytes(8));  // Q1's and Q4's: nobody else runs
  EXPECT_EQ(rig_.violations("X2"), 0U);
  load_target();
  run_target();
  rig_.dma_write(kA, 0x1000, Bytes(8));
  EXPECT_EQ(rig_.violations("X2"), 1U);
}

TEST_F(RuleX2, DestinationIsLeftRunning) {
  stop_source();
  load_target();
  run_target();
  migration(false, "unknown");  // the source stays stopped: allowed
  EXPECT_EQ(rig_.violations("X2"), 0U);
  migration(false, "rolled_back");
  EXPECT_EQ(rig_.violations("X2"), 3U);  // source device, source vCPUs, destination
}

TEST_F(RuleX2, ResetIsSaid) {
  stop_source();
  rig_.device_reset(kA, VF_MIG_RUNNING);
  vcpus(true, 0);
  migration(false, "reset");
  EXPECT_EQ(rig_.violations("X2"), 0U);
  migration(false, "rolled_back");
  EXPECT_EQ(rig_.violations("X2"), 1U);
}

TEST_F(RuleX2, LostIsSaid) {
  stop_source();
  rig_.device_reset(kA, VF_MIG_STOP, ENOTCONN);
  vcpus(true, 0);
  migration(false, "lost");
  EXPECT_EQ(rig_.violations("X2"), 0U);
  migration(false, "reset");
  EXPECT_EQ(rig_.violations("X2"), 1U);
  rig_.device_reset(kA, VF_MIG_RUNNING);
  migration(false, "lost");
  EXPECT_EQ(rig_.violations("X2"), 3U);  // it is not, and it was reset
}

TEST_F(RuleX2, CompletedWithTheSourceRunning) {
  migration(false, "completed");
  EXPECT_EQ(rig_.violations("X2"), 1U);
}

}  // namespace
}  // namespace vfsim::bench
