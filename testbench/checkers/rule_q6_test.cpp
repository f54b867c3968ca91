#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kVf{0, 1};
constexpr std::uint64_t kRing = 0x10000;
constexpr std::uint32_t kVector = 2;
constexpr std::uint32_t kLogSize = 2;

class RuleQ6 : public testing::Test {
 protected:
  RuleQ6() { rig_.create_eq(kVf, 1, kVector, kLogSize, kRing); }
  void post(std::uint32_t counter) {
    CheckerRig::Bytes eqe(64);
    eqe[0x3f] = static_cast<std::uint8_t>(counter >> kLogSize & 1);
    rig_.dma_write(kVf, kRing + (counter & 3) * 64, eqe);
  }
  void consume(std::uint32_t ci, std::uint32_t eqn = 1) {
    rig_.mmio_write(kVf, VF_BAR_FIRST_UAR * VF_PAGE_BYTES + VF_UAR_EQ_ARM, eqn << 24 | ci, 4);
  }
  CheckerRig rig_;
};

TEST_F(RuleQ6, EventBeforeInterruptOverSeveralRounds) {
  for (std::uint32_t i = 0; i < 11; ++i) {
    post(i);
    rig_.interrupt(kVf, kVector);
    consume(i + 1);
  }
  EXPECT_EQ(rig_.evaluations("Q6"), 11U);
  EXPECT_EQ(rig_.violations("Q6"), 0U);
}

TEST_F(RuleQ6, InterruptBeforeItsEvent) {
  post(0);
  rig_.interrupt(kVf, kVector);
  consume(1);
  rig_.interrupt(kVf, kVector);
  EXPECT_EQ(rig_.violations("Q6"), 1U);
}

TEST_F(RuleQ6, QueuesThatShareAVectorHaveAMessageEach) {
  constexpr std::uint64_t kOther = 0x20000;
  rig_.create_eq(kVf, 2, kVector, kLogSize, kOther);
  post(0);
  rig_.dma_write(kVf, kOther, CheckerRig::Bytes(64));
  rig_.interrupt(kVf, kVector);  // the driver sees both events now
  consume(1);
  consume(1, 2);
  rig_.interrupt(kVf, kVector);
  EXPECT_EQ(rig_.violations("Q6"), 0U);
  rig_.interrupt(kVf, kVector);
  EXPECT_EQ(rig_.violations("Q6"), 1U);
}

TEST_F(RuleQ6, ArmThatMeetsAnEventUnderWayRaisesOnceMore) {
  constexpr std::uint64_t kOther = 0x20000;
  rig_.create_eq(kVf, 2, kVector, kLogSize, kOther);
  consume(0, 2);
  post(0);
  rig_.interrupt(kVf, kVector);
  consume(1);
  consume(0, 2);  // the handler arms all queues of the vector
  rig_.dma_write(kVf, kOther, CheckerRig::Bytes(64));
  rig_.interrupt(kVf, kVector);
  consume(1);
  consume(1, 2);
  rig_.interrupt(kVf, kVector);  // by the arm that named entry 0 of queue 2
  EXPECT_EQ(rig_.violations("Q6"), 0U);
  rig_.interrupt(kVf, kVector);
  EXPECT_EQ(rig_.violations("Q6"), 1U);
}

/// Several threads run the handler before the first message arrives.
TEST_F(RuleQ6, EachArmThatMeetsAnEventUnderWayRaisesOnceMore) {
  constexpr std::uint64_t kOther = 0x20000;
  rig_.create_eq(kVf, 2, kVector, kLogSize, kOther);
  consume(0, 2);
  consume(0, 2);
  consume(0, 2);
  rig_.dma_write(kVf, kOther, CheckerRig::Bytes(64));
  rig_.interrupt(kVf, kVector);
  consume(1, 2);
  rig_.interrupt(kVf, kVector);
  rig_.interrupt(kVf, kVector);
  EXPECT_EQ(rig_.violations("Q6"), 0U);
  rig_.interrupt(kVf, kVector);
  rig_.interrupt(kVf, kVector);
  EXPECT_GE(rig_.violations("Q6"), 1U);
}

TEST_F(RuleQ6, AnUpdateRaisesNothing) {
  constexpr std::uint64_t kOther = 0x20000;
  rig_.create_eq(kVf, 2, kVector, kLogSize, kOther);
  const std::uint64_t update = VF_BAR_FIRST_UAR * VF_PAGE_BYTES + VF_UAR_EQ_UPDATE;
  rig_.mmio_write(kVf, update, 2 << 24, 4);
  rig_.dma_write(kVf, kOther, CheckerRig::Bytes(64));
  rig_.interrupt(kVf, kVector);
  consume(1, 2);
  rig_.interrupt(kVf, kVector);
  EXPECT_EQ(rig_.violations("Q6"), 1U);
}

TEST_F(RuleQ6, EventConsumedBeforeADelayedInterrupt) {
  post(0);
  consume(1);
  rig_.interrupt(kVf, kVector);
  EXPECT_EQ(rig_.violations("Q6"), 0U);
}

TEST_F(RuleQ6, ArmWithUnconsumedEventsRaisesAtOnce) {
  post(0);
  post(1);
  rig_.interrupt(kVf, kVector);
  consume(1);
  rig_.interrupt(kVf, kVector);
  EXPECT_EQ(rig_.violations("Q6"), 0U);
}

TEST_F(RuleQ6, MessageThatOvertakesAWrite) {
  post(0);
  rig_.sent(0, rig_.tlp(model::TlpKind::mem_write, kVf, 0x4000, 64));
  rig_.interrupt(kVf, kVector);
  ASSERT_EQ(rig_.violations("Q6"), 1U);
  EXPECT_EQ(rig_.rules().violations().stored().front().seen,
            "1 writes still in flight at the message of vector 2");
}

TEST_F(RuleQ6, AWriteToAnotherDeviceIsNoMemory) {
  constexpr std::uint64_t kWindow = 1ULL << 40;
  rig_.rules().map_peers(kVf, kWindow, 1U << 20);
  const model::Tlp doorbell = rig_.tlp(model::TlpKind::mem_write, kVf, kWindow + 0x800, 8);
  rig_.sent(0, doorbell);
  post(0);
  rig_.interrupt(kVf, kVector);
  consume(1);
  EXPECT_EQ(rig_.violations("Q6"), 0U);
  rig_.landed(0, doorbell);  // stands for no write to memory
  rig_.sent(0, rig_.tlp(model::TlpKind::mem_write, kVf, 0x4000, 64));
  rig_.interrupt(kVf, kVector);
  EXPECT_NE(rig_.violations("Q6"), 0U);
}

}  // namespace
}  // namespace vfsim::bench
