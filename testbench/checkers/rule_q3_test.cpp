#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kVf{0, 1};
constexpr model::FnRef kTarget{1, 3};
constexpr std::uint32_t kSq = 0x800;
constexpr std::uint64_t kRing = 0x10000;

class RuleQ3 : public testing::Test {
 protected:
  RuleQ3() {
    rig_.learn_vhca(0, 1);
    rig_.learn_vhca(1, 3);
    rig_.create_sq(kVf, kSq, 6, kRing);
    rig_.doorbell(kVf, kSq, 0);
    rig_.suspend(kVf, Half::initiator);
  }
  void fetch(model::FnRef who) {
    rig_.sent(who.host, rig_.tlp(model::TlpKind::mem_read, who, kRing + 64, 64));
  }
  /// A doorbell for entry 1 that a device writes to kVf's window, which begins at `bus` for it.
  void ring_as_peer(model::Rid requester, std::uint64_t bus) {
    constexpr std::uint64_t kWindow = 1ULL << 46;
    constexpr std::uint64_t kOffset = VF_BAR_FIRST_UAR * VF_PAGE_BYTES + VF_UAR_SEND_DB;
    rig_.rules().map_window(kVf, kWindow, 1U << 20);
    model::Tlp write;
    write.requester = requester;
    write.bytes = 8;
    write.addr = bus + kOffset;
    write.phys = kWindow + kOffset;
    std::uint8_t value[8] = {};
    VF_SET(uar_send_db, value, sqn, kSq);
    VF_SET(uar_send_db, value, wqe_index, 1);
    rig_.landed(0, write, value);
  }
  CheckerRig rig_;
};

TEST_F(RuleQ3, HeldWorkIsFetchedAfterResume) {
  rig_.doorbell(kVf, kSq, 1);
  rig_.submit_resume(kVf, Half::initiator);
  fetch(kVf);
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  EXPECT_EQ(rig_.violations("Q3"), 0U);
  EXPECT_GE(rig_.evaluations("Q3"), 2U);  // the access, the held doorbell
}

TEST_F(RuleQ3, ForgottenDoorbell) {
  rig_.doorbell(kVf, kSq, 1);
  rig_.resume(kVf, Half::initiator);
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  EXPECT_EQ(rig_.violations("Q3"), 1U);
}

TEST_F(RuleQ3, ForgottenDoorbellThatALaterOneWouldHide) {
  rig_.doorbell(kVf, kSq, 1);
  rig_.resume(kVf, Half::initiator);
  rig_.advance(20 * model::kUs);
  rig_.doorbell(kVf, kSq, 2);
  fetch(kVf);
  EXPECT_EQ(rig_.violations("Q3"), 1U);
}

/// Few contexts and slow reads: held work may have to wait for its turn, but not for ever.
TEST(RuleQ3Bound, HeldWorkWaitsForItsTurn) {
  for (const bool in_time : {true, false}) {
    CheckerRig rig([](CheckContext& context) {
      context.pcie.latency_ns = 3500;
      context.nic.tx_contexts = 12;
    });
    rig.learn_vhca(0, 1);
    rig.create_sq(kVf, kSq, 6, kRing);
    rig.doorbell(kVf, kSq, 0);
    rig.suspend(kVf, Half::initiator);
    rig.doorbell(kVf, kSq, 1);
    rig.resume(kVf, Half::initiator);
    rig.advance(in_time ? 20 * model::kUs : 200 * model::kUs);
    rig.doorbell(kVf, kSq, 2);
    EXPECT_EQ(rig.violations("Q3"), in_time ? 0U : 1U);
  }
}

TEST_F(RuleQ3, ARepeatedDoorbellStartsNothing) {
  rig_.doorbell(kVf, kSq, 0);
  rig_.resume(kVf, Half::initiator);
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  EXPECT_EQ(rig_.violations("Q3"), 0U);
}

TEST_F(RuleQ3, HeldWorkMovesWithTheImage) {
  rig_.doorbell(kVf, kSq, 1);
  rig_.suspend(kVf, Half::responder);
  rig_.create_mtt_key({0, 0}, 0x100, {0x20000});
  rig_.create_mtt_key({1, 0}, 0x100, {0x20000});
  const CheckerRig::Bytes image(100, 7);
  const std::uint8_t slot = rig_.submit_save(kVf, 0x100, 4096);
  rig_.dma_write({0, 0}, 0x20000, image);
  rig_.complete_save(kVf, slot, 100);
  rig_.memory(1).write(0x20000, image.data(), image.size());
  rig_.suspend(kTarget, Half::initiator);
  rig_.suspend(kTarget, Half::responder);
  rig_.load(kTarget, 0x100, 100);
  rig_.resume(kTarget, Half::responder);
  rig_.resume(kTarget, Half::initiator);
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  ASSERT_EQ(rig_.violations("Q3"), 1U);
  EXPECT_EQ(rig_.rules().violations().stored().back().who, "B.vf2");
}

TEST_F(RuleQ3, RefusedAccess) {
  rig_.mmio_read(kVf, 0x1000, ~0ULL, model::CplStatus::unsupported_request);
  EXPECT_EQ(rig_.violations("Q3"), 1U);
}

TEST_F(RuleQ3, PeerDoorbellThroughTheWindow) {
  ring_as_peer(CheckerRig::kPeer, 1ULL << 46);
  rig_.resume(kVf, Half::initiator);
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  EXPECT_EQ(rig_.violations("Q3"), 1U);
}

TEST_F(RuleQ3, DoorbellOfAnotherFunction) {
  constexpr model::FnRef kOther{0, 2};
  constexpr std::uint64_t kBus = 1ULL << 40;
  rig_.rules().map_peers(kOther, kBus, 1U << 20);
  ring_as_peer(rig_.tlp(model::TlpKind::mem_write, kOther, kBus, 8).requester, kBus);
  EXPECT_NE(rig_.evaluations("Q3"), 0U);
  rig_.resume(kVf, Half::initiator);
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  EXPECT_EQ(rig_.violations("Q3"), 1U);
}

}  // namespace
}  // namespace vfsim::bench
