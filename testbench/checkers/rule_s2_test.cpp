#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kPf{0, 0};
constexpr model::FnRef kVf{0, 1};
constexpr std::uint64_t kBuffer = 0x40000;

class RuleS2 : public testing::Test {
 protected:
  RuleS2() {
    rig_.learn_vhca(0, 1);
    rig_.create_mtt_key(kPf, 0x100, {kBuffer});
    rig_.suspend(kVf, Half::initiator);
    rig_.suspend(kVf, Half::responder);
  }
  void save(std::uint8_t fill, bool incremental = false) {
    const std::uint8_t slot = rig_.submit_save(kVf, 0x100, 4096, incremental);
    rig_.dma_write(kPf, kBuffer, CheckerRig::Bytes(32, fill));
    rig_.complete_save(kVf, slot, 32);
  }
  CheckerRig rig_;
};

TEST_F(RuleS2, UnchangedState) {
  save(1, true);
  save(1);
  save(1);
  rig_.resume(kVf, Half::responder);
  EXPECT_EQ(rig_.evaluations("S2"), 5U);  // three saves, one pair, the exit
  EXPECT_EQ(rig_.violations("S2"), 0U);
}

TEST_F(RuleS2, StateMovesWhenTheImageIsRead) {
  save(1);
  rig_.digest = 2;
  save(1);
  EXPECT_EQ(rig_.violations("S2"), 1U);
}

TEST_F(RuleS2, TwoImagesOfOneStopDiffer) {
  save(1);
  save(2);
  EXPECT_EQ(rig_.violations("S2"), 1U);
}

TEST_F(RuleS2, ANewStopMayDiffer) {
  save(1);
  rig_.resume(kVf, Half::responder);
  rig_.digest = 2;
  rig_.suspend(kVf, Half::responder);
  save(2);
  EXPECT_EQ(rig_.violations("S2"), 0U);
}

TEST_F(RuleS2, ARefusedResumeIsNoExit) {
  const std::uint8_t slot = rig_.submit_resume(kVf, Half::responder);
  rig_.complete_with(kVf, slot, VF_STATUS_BAD_RES_STATE, VF_SYND_IMAGE_TRUNCATED);
  rig_.digest = 2;
  save(1);
  EXPECT_EQ(rig_.violations("S2"), 1U);
}

}  // namespace
}  // namespace vfsim::bench
