#include <cerrno>

#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using Bytes = CheckerRig::Bytes;

constexpr model::FnRef kVf{0, 1};
constexpr model::FnRef kPeerDevice{0, VF_MAX_FUNCTIONS};

class RuleR1 : public testing::Test {
 protected:
  RuleR1() { rig_.learn_vhca(0, 1); }
  CheckerRig rig_;
};

TEST_F(RuleR1, SilentAndRunning) {
  rig_.dma_write(kVf, 0x1000, Bytes(8));
  const model::Tlp late = rig_.tlp(model::TlpKind::mem_write, kVf, 0x2000, 8);
  rig_.sent(0, late);
  rig_.function_reset(kVf);
  rig_.landed(0, late);  // was under way
  rig_.device_reset(kVf, VF_MIG_RUNNING);
  rig_.start_queue(kVf);  // brought up again
  rig_.dma_write(kVf, 0x1000, Bytes(8));
  EXPECT_EQ(rig_.evaluations("R1"), 2U);
  EXPECT_EQ(rig_.violations("R1"), 0U);
}

TEST_F(RuleR1, DmaGoesOn) {
  rig_.function_reset(kVf);
  rig_.sent(0, rig_.tlp(model::TlpKind::mem_read, kVf, 0x2000, 64));
  EXPECT_EQ(rig_.violations("R1"), 1U);
  rig_.interrupt(kVf, 1);
  EXPECT_EQ(rig_.violations("R1"), 2U);
  rig_.sent(0, rig_.tlp(model::TlpKind::mem_read, {0, 2}, 0x2000, 64));  // its sibling
  EXPECT_EQ(rig_.violations("R1"), 2U);
}

TEST_F(RuleR1, FilledByALoad) {
  rig_.create_mtt_key({0, 0}, 0x100, {0x40000});
  rig_.function_reset(kVf);
  rig_.complete_with(kVf, rig_.submit_load(kVf, 0x100, 64), VF_STATUS_BAD_PARAM,
                     VF_SYND_IMAGE_BAD_MAGIC);
  rig_.dma_write(kVf, 0x1000, Bytes(8));
  EXPECT_EQ(rig_.violations("R1"), 1U);
  rig_.load(kVf, 0x100, 64);
  rig_.dma_write(kVf, 0x1000, Bytes(8));
  EXPECT_EQ(rig_.violations("R1"), 1U);
}

TEST_F(RuleR1, WrongAnswerOfTheReset) {
  rig_.function_reset(kVf);
  rig_.device_reset(kVf, VF_MIG_STOP);
  EXPECT_EQ(rig_.violations("R1"), 1U);
  rig_.device_reset(kVf, VF_MIG_RUNNING);  // nothing on the bus
  EXPECT_EQ(rig_.violations("R1"), 2U);
  rig_.device_reset(kVf, VF_MIG_RUNNING, EIO);
  EXPECT_EQ(rig_.violations("R1"), 3U);
  rig_.device_reset(kVf, VF_MIG_STOP, ENOTCONN);  // its PF is gone
  EXPECT_EQ(rig_.violations("R1"), 3U);
  rig_.device_reset(kPeerDevice, VF_MIG_RUNNING);  // is reset by registers
  EXPECT_EQ(rig_.violations("R1"), 3U);
}

TEST_F(RuleR1, FunctionThatIsGone) {
  model::AccessView view;
  view.who = kVf;
  view.config = true;
  view.bytes = 4;
  view.value = 0xffffffff;
  rig_.bus().emit<model::Probe::access>(&model::Observer::access, rig_.now(), view);
  rig_.device_reset(kVf, VF_MIG_RUNNING, ENODEV);
  EXPECT_EQ(rig_.violations("R1"), 0U);
  view.value = 0x00100006;
  rig_.bus().emit<model::Probe::access>(&model::Observer::access, rig_.now(), view);
  rig_.device_reset(kVf, VF_MIG_RUNNING, ENODEV);
  EXPECT_EQ(rig_.violations("R1"), 1U);
}

TEST_F(RuleR1, CrossingStateChange) {
  for (const std::uint32_t now : {VF_MIG_RUNNING, VF_MIG_STOP}) {  // either order
    rig_.function_reset(kVf);
    rig_.arc(kVf, VF_MIG_RUNNING_P2P, VF_MIG_STOP);
    rig_.set_state_done(kVf, VF_MIG_STOP, now);
  }
  EXPECT_EQ(rig_.violations("R1"), 0U);
  rig_.function_reset(kVf);
  rig_.arc(kVf, VF_MIG_RUNNING, VF_MIG_RUNNING_P2P);
  rig_.set_state_done(kVf, VF_MIG_STOP, VF_MIG_RUNNING_P2P);
  EXPECT_EQ(rig_.violations("R1"), 1U);
  rig_.function_reset(kVf);
  rig_.arc(kVf, VF_MIG_RUNNING_P2P, VF_MIG_STOP, EIO);
  rig_.set_state_done(kVf, VF_MIG_STOP, VF_MIG_RUNNING_P2P, EIO);  // the failed arc's beginning
  EXPECT_EQ(rig_.violations("R1"), 1U);
}

}  // namespace
}  // namespace vfsim::bench
