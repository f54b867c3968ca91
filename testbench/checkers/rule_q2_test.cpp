#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kVf{0, 1};

model::Tlp read_with_tag(const CheckerRig& rig, std::uint16_t tag) {
  model::Tlp read = rig.tlp(model::TlpKind::mem_read, kVf, 0x1000, 512);
  read.tag = tag;
  return read;
}

model::Tlp completion(const CheckerRig& rig, std::uint16_t tag, bool last) {
  model::Tlp answer = rig.tlp(model::TlpKind::completion, kVf, 0, 256);
  answer.tag = tag;
  answer.last = last;
  return answer;
}

TEST(RuleQ2, DrainedFunctionPasses) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.sent(0, read_with_tag(rig, 5));
  rig.received(0, completion(rig, 5, false));
  rig.received(0, completion(rig, 5, true));
  rig.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  rig.suspend(kVf, Half::initiator);
  EXPECT_EQ(rig.evaluations("Q2"), 1U);
  EXPECT_EQ(rig.violations("Q2"), 0U);
}

TEST(RuleQ2, ReadWithoutItsLastCompletion) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.sent(0, read_with_tag(rig, 5));
  rig.received(0, completion(rig, 5, false));
  rig.suspend(kVf, Half::initiator);
  EXPECT_EQ(rig.violations("Q2"), 1U);
}

TEST(RuleQ2, WriteInFlight) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.sent(0, rig.tlp(model::TlpKind::mem_write, kVf, 0x1000, 64));
  rig.suspend(kVf, Half::initiator);
  ASSERT_EQ(rig.violations("Q2"), 1U);
  EXPECT_EQ(rig.rules().violations().stored().front().seen,
            "0 reads outstanding, 1 writes in flight");
}

TEST(RuleQ2, WriteToAnotherDeviceInFlight) {
  constexpr std::uint64_t kWindow = 1ULL << 40;
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.rules().map_peers(kVf, kWindow, 1U << 20);
  const model::Tlp doorbell = rig.tlp(model::TlpKind::mem_write, kVf, kWindow + 0x800, 8);
  rig.sent(0, doorbell);
  rig.landed(0, doorbell);
  rig.suspend(kVf, Half::initiator);
  EXPECT_EQ(rig.violations("Q2"), 0U);
  rig.resume(kVf, Half::initiator);
  rig.sent(0, doorbell);
  rig.suspend(kVf, Half::initiator);
  EXPECT_EQ(rig.violations("Q2"), 1U);
}

TEST(RuleQ2, ATimedOutReadCountsNoMore) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.sent(0, read_with_tag(rig, 5));
  rig.advance(60 * model::kMs);
  rig.suspend(kVf, Half::initiator);
  EXPECT_EQ(rig.violations("Q2"), 0U);
}

TEST(RuleQ2, OtherFunctionsDoNotMatter) {
  CheckerRig rig;
  rig.learn_vhca(0, 1);
  rig.sent(0, rig.tlp(model::TlpKind::mem_write, {0, 2}, 0x1000, 64));
  rig.sent(1, rig.tlp(model::TlpKind::mem_write, kVf, 0x1000, 64));
  rig.suspend(kVf, Half::initiator);
  EXPECT_EQ(rig.violations("Q2"), 0U);
}

}  // namespace
}  // namespace vfsim::bench
