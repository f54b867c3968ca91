#include <gtest/gtest.h>

#include "host_driver/migration/vfio_device.hpp"
#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;

constexpr model::FnRef kVf{0, 1};
constexpr model::FnRef kPeer{0, VF_MAX_FUNCTIONS};
constexpr model::FnRef kVfThere{1, 1};
constexpr model::FnRef kPeerThere{1, VF_MAX_FUNCTIONS};
constexpr std::uint32_t kGuest = 3;

class RuleP1 : public testing::Test {
 protected:
  RuleP1() {
    for (const model::FnRef who : {kVf, kPeer, kVfThere, kPeerThere}) {
      assign(kGuest, who);
    }
    migration(true);
  }
  void assign(std::uint32_t guest, model::FnRef who) {
    rig_.bus().emit<model::Probe::driver>(&model::Observer::assigned, rig_.now(), guest, who);
  }
  void migration(bool begin) {
    const model::MigrationView view{kGuest, 0, 1, begin, ""};
    rig_.bus().emit<model::Probe::driver>(&model::Observer::migration, rig_.now(), view);
  }
  void arc(model::FnRef who, MigState from, MigState to, int error = 0) {
    rig_.bus().emit<model::Probe::driver>(&model::Observer::vfio_state, rig_.now(), who,
                                          static_cast<std::uint32_t>(from),
                                          static_cast<std::uint32_t>(to), error);
  }
  void both_stop() {
    for (const model::FnRef who : {kVf, kPeer}) {
      arc(who, MigState::running, MigState::running_p2p);
    }
    for (const model::FnRef who : {kVf, kPeer}) {
      arc(who, MigState::running_p2p, MigState::stop);
    }
  }
  CheckerRig rig_;
};

TEST_F(RuleP1, InStepBothWays) {
  both_stop();
  arc(kPeer, MigState::stop, MigState::running_p2p);
  arc(kVf, MigState::stop, MigState::running_p2p);
  arc(kPeer, MigState::running_p2p, MigState::running);
  arc(kVf, MigState::running_p2p, MigState::running);
  EXPECT_EQ(rig_.evaluations("P1"), 4U);
  EXPECT_EQ(rig_.violations("P1"), 0U);
}

TEST_F(RuleP1, PreCopyP2pIsAsGood) {
  arc(kVf, MigState::running, MigState::pre_copy);
  arc(kVf, MigState::pre_copy, MigState::pre_copy_p2p);
  arc(kPeer, MigState::running, MigState::running_p2p);
  arc(kVf, MigState::pre_copy_p2p, MigState::stop_copy);
  arc(kPeer, MigState::running_p2p, MigState::stop);
  EXPECT_EQ(rig_.violations("P1"), 0U);
}

TEST_F(RuleP1, OneStopsWhileAnotherRuns) {
  arc(kVf, MigState::running, MigState::running_p2p);
  arc(kVf, MigState::running_p2p, MigState::stop);
  ASSERT_EQ(rig_.violations("P1"), 1U);
  EXPECT_EQ(rig_.last("P1").seen, "RUNNING_P2P -> STOP while A.peer is in RUNNING");
}

TEST_F(RuleP1, StageSkipped) {
  arc(kVf, MigState::running, MigState::running_p2p);
  arc(kPeer, MigState::running, MigState::stop);
  EXPECT_EQ(rig_.violations("P1"), 1U);
}

TEST_F(RuleP1, OneRunsWhileAnotherIsStopped) {
  arc(kPeerThere, MigState::stop, MigState::running_p2p);
  arc(kVfThere, MigState::resuming, MigState::stop);
  arc(kPeerThere, MigState::running_p2p, MigState::running);
  ASSERT_EQ(rig_.violations("P1"), 1U);
  EXPECT_EQ(rig_.last("P1").who, "B.peer");
}

TEST_F(RuleP1, RollBackKeepsStep) {
  both_stop();
  arc(kVf, MigState::stop, MigState::running_p2p);
  arc(kVf, MigState::running_p2p, MigState::running);
  EXPECT_EQ(rig_.violations("P1"), 1U);
}

TEST_F(RuleP1, DestinationBeforeTheGuestIsThere) {
  arc(kVfThere, MigState::running, MigState::running_p2p);
  arc(kVfThere, MigState::running_p2p, MigState::stop);
  arc(kVfThere, MigState::stop, MigState::resuming);
  EXPECT_EQ(rig_.violations("P1"), 0U);
}

TEST_F(RuleP1, ADeviceThatFailedHoldsNobodyUp) {
  both_stop();
  arc(kPeer, MigState::stop, MigState::running_p2p, 5);
  arc(kVf, MigState::stop, MigState::running_p2p);
  arc(kVf, MigState::running_p2p, MigState::running);
  EXPECT_EQ(rig_.violations("P1"), 0U);
}

TEST_F(RuleP1, OnlyMigrationsCount) {
  migration(false);
  arc(kVf, MigState::running, MigState::running_p2p);
  arc(kVf, MigState::running_p2p, MigState::stop);
  EXPECT_EQ(rig_.evaluations("P1"), 0U);
}

TEST_F(RuleP1, DevicesOfAnotherGuestDoNotCount) {
  assign(kGuest + 1, kPeer);
  arc(kVf, MigState::running, MigState::running_p2p);
  arc(kVf, MigState::running_p2p, MigState::stop);
  EXPECT_EQ(rig_.evaluations("P1"), 0U);
}

}  // namespace
}  // namespace vfsim::bench
