#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kVf{0, 1};

class RuleF1 : public testing::Test {
 protected:
  RuleF1() { rig_.learn_vhca(0, 1); }
  void arc(std::uint32_t from, std::uint32_t to, int error = 0) {
    rig_.bus().emit<model::Probe::driver>(&model::Observer::vfio_state, rig_.now(), kVf, from, to,
                                          error);
  }
  void reported(std::uint32_t state) {
    rig_.bus().emit<model::Probe::driver>(&model::Observer::set_state_done, rig_.now(), kVf, state,
                                          state, 0);
  }
  CheckerRig rig_;
};

TEST_F(RuleF1, StagedStopAndResume) {
  rig_.suspend(kVf, Half::initiator);
  arc(VF_MIG_RUNNING, VF_MIG_RUNNING_P2P);
  rig_.suspend(kVf, Half::responder);
  arc(VF_MIG_RUNNING_P2P, VF_MIG_STOP);
  arc(VF_MIG_STOP, VF_MIG_STOP_COPY);
  arc(VF_MIG_STOP_COPY, VF_MIG_STOP);
  rig_.resume(kVf, Half::responder);
  arc(VF_MIG_STOP, VF_MIG_RUNNING_P2P);
  rig_.resume(kVf, Half::initiator);
  arc(VF_MIG_RUNNING_P2P, VF_MIG_RUNNING);
  EXPECT_EQ(rig_.evaluations("F1"), 6U);
  EXPECT_EQ(rig_.violations("F1"), 0U);
}

TEST_F(RuleF1, SkippedStage) {
  rig_.suspend(kVf, Half::initiator);
  rig_.suspend(kVf, Half::responder);
  arc(VF_MIG_RUNNING, VF_MIG_STOP);
  ASSERT_EQ(rig_.violations("F1"), 1U);
  EXPECT_EQ(rig_.rules().violations().stored().front().seen, "RUNNING -> STOP");
}

TEST_F(RuleF1, StateThatWasNotCommanded) {
  arc(VF_MIG_RUNNING, VF_MIG_RUNNING_P2P);
  EXPECT_EQ(rig_.violations("F1"), 1U);
}

TEST_F(RuleF1, FailedArcStaysWhereItWas) {
  arc(VF_MIG_RUNNING, VF_MIG_RUNNING_P2P, 5);
  reported(VF_MIG_RUNNING);
  EXPECT_EQ(rig_.violations("F1"), 0U);
  reported(VF_MIG_RUNNING_P2P);
  EXPECT_EQ(rig_.violations("F1"), 1U);
  arc(VF_MIG_RUNNING_P2P, VF_MIG_STOP);
  EXPECT_EQ(rig_.violations("F1"), 2U);  // starts in a state in which the device is not
}

TEST_F(RuleF1, ResetFromAnywhere) {
  rig_.suspend(kVf, Half::initiator);
  arc(VF_MIG_RUNNING, VF_MIG_RUNNING_P2P);
  rig_.bus().emit<model::Probe::function_reset>(&model::Observer::function_reset, rig_.now(), kVf);
  arc(VF_MIG_RUNNING_P2P, VF_MIG_RUNNING);
  rig_.suspend(kVf, Half::initiator);
  arc(VF_MIG_RUNNING, VF_MIG_RUNNING_P2P);
  EXPECT_EQ(rig_.violations("F1"), 0U);
}

TEST_F(RuleF1, ResetInTheMiddleOfAStateChange) {
  const auto ends_in = [&](std::uint32_t now) {
    rig_.suspend(kVf, Half::initiator);
    arc(VF_MIG_RUNNING, VF_MIG_RUNNING_P2P);
    rig_.function_reset(kVf);
    rig_.device_reset(kVf, VF_MIG_RUNNING);
    arc(VF_MIG_RUNNING_P2P, VF_MIG_STOP);  // on a function that runs again
    rig_.set_state_done(kVf, VF_MIG_STOP, now);
  };
  ends_in(VF_MIG_RUNNING);  // the reset came last
  EXPECT_EQ(rig_.violations("F1"), 0U);
  rig_.function_reset(kVf);
  arc(VF_MIG_RUNNING_P2P, VF_MIG_STOP);
  rig_.set_state_done(kVf, VF_MIG_STOP, VF_MIG_STOP);
  rig_.device_reset(kVf, VF_MIG_RUNNING);  // it came last, too
  EXPECT_EQ(rig_.violations("F1"), 0U);
  ends_in(VF_MIG_STOP);  // and now it did not
  EXPECT_EQ(rig_.violations("F1"), 1U);
}

}  // namespace
}  // namespace vfsim::bench
