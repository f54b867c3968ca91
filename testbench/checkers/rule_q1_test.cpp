#include <algorithm>

#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kVf{0, 1};

TEST(RuleQ1, NotExercisedWithoutAQuiesce) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  EXPECT_EQ(rig.evaluations("Q1"), 0U);
}

TEST(RuleQ1, DmaAfterTheAcknowledgementIsAViolationInterruptsAreNot) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.suspend(kVf, Half::initiator);
  EXPECT_EQ(rig.evaluations("Q1"), 1U);
  rig.interrupt(kVf, 3);
  EXPECT_EQ(rig.violations("Q1"), 0U);
  rig.sent(0, rig.tlp(model::TlpKind::mem_read, kVf, 0x2000, 512));
  rig.dma_write({0, 2}, 0x3000, CheckerRig::Bytes(64));  // a sibling
  rig.dma_write({1, 1}, 0x3000, CheckerRig::Bytes(64));  // the same number on the other host
  ASSERT_EQ(rig.violations("Q1"), 1U);
  const Violation& violation = rig.rules().violations().stored().front();
  EXPECT_EQ(violation.rule, "Q1");
  EXPECT_EQ(violation.who, "A.vf0");
  EXPECT_EQ(violation.seen, "memory read of 512 bytes at 0x2000");
}

TEST(RuleQ1, ResumeEndsTheWatchAtItsSubmission) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.suspend(kVf, Half::initiator);
  rig.submit_resume(kVf, Half::initiator);
  rig.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  EXPECT_EQ(rig.violations("Q1"), 0U);
}

TEST(RuleQ1, ARefusedResumeLeavesItStopped) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.suspend(kVf, Half::initiator);
  const std::uint8_t slot = rig.submit_resume(kVf, Half::initiator);
  rig.complete_with(kVf, slot, VF_STATUS_BAD_RES_STATE, VF_SYND_RESUME_ORDER);
  rig.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  EXPECT_EQ(rig.violations("Q1"), 1U);
  rig.resume(kVf, Half::initiator);
  rig.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  EXPECT_EQ(rig.violations("Q1"), 1U);
}

TEST(RuleQ1, AResumeRefusedBehindAResetStopsNothing) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.suspend(kVf, Half::initiator);
  const std::uint8_t slot = rig.submit_resume(kVf, Half::initiator);
  rig.function_reset(kVf);
  rig.complete_with(kVf, slot, VF_STATUS_BAD_RES_STATE, VF_SYND_FUNCTION_RESET);
  rig.start_queue(kVf);
  rig.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  EXPECT_EQ(rig.violations("Q1"), 0U);
}

TEST(RuleQ1, OfTwoResumesTheGoodOneCounts) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.suspend(kVf, Half::initiator);
  const std::uint8_t first = rig.submit_resume(kVf, Half::initiator);
  const std::uint8_t second = rig.submit_resume(kVf, Half::initiator);
  rig.complete_with(kVf, first, VF_STATUS_BAD_RES_STATE, VF_SYND_RESUME_ORDER);
  rig.complete_with(kVf, second, VF_STATUS_OK, VF_SYND_NONE);
  rig.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  EXPECT_EQ(rig.violations("Q1"), 0U);
}

TEST(RuleQ1, AResetEndsTheWatch) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.suspend(kVf, Half::initiator);
  rig.bus().emit<model::Probe::function_reset>(&model::Observer::function_reset, rig.now(), kVf);
  rig.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  EXPECT_EQ(rig.violations("Q1"), 0U);
}

TEST(RuleQ1, CountsAllButKeepsAHundred) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.suspend(kVf, Half::initiator);
  for (int i = 0; i < 150; ++i) {
    rig.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  }
  EXPECT_EQ(rig.violations("Q1"), 150U);
  const auto& stored = rig.rules().violations().stored();
  const auto kept = std::count_if(stored.begin(), stored.end(),
                                  [](const Violation& v) { return v.rule == "Q1"; });
  EXPECT_EQ(static_cast<std::uint64_t>(kept), ViolationLog::kStoredPerRule);
}

}  // namespace
}  // namespace vfsim::bench
