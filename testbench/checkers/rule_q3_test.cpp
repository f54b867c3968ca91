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

/// As VFIO's pwrite writes it.
TEST_F(RuleQ3, ForgottenDoorbellInHalves) {
  std::uint8_t bytes[8] = {};
  VF_SET(uar_send_db, bytes, sqn, kSq);
  VF_SET(uar_send_db, bytes, wqe_index, 1);
  constexpr std::uint64_t kAt = VF_BAR_FIRST_UAR * VF_PAGE_BYTES + VF_UAR_SEND_DB;
  rig_.mmio_write(kVf, kAt, vf_be32_load(bytes), 4);
  rig_.mmio_write(kVf, kAt + 4, vf_be32_load(bytes + 4), 4);
  rig_.resume(kVf, Half::initiator);
  rig_.mmio_write(kVf, kAt, vf_be32_load(bytes), 4);  // no doorbell yet
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

TEST_F(RuleQ3, HeldAgainIsNotForgotten) {
  rig_.doorbell(kVf, kSq, 1);
  rig_.resume(kVf, Half::initiator);
  rig_.suspend(kVf, Half::initiator);
  rig_.advance(10 * model::kMs);
  rig_.resume(kVf, Half::initiator);
  fetch(kVf);
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  EXPECT_EQ(rig_.violations("Q3"), 0U);
}

TEST_F(RuleQ3, ARefusedResumeOwesNothing) {
  rig_.doorbell(kVf, kSq, 1);
  const std::uint8_t slot = rig_.submit_resume(kVf, Half::initiator);
  rig_.complete_with(kVf, slot, VF_STATUS_BAD_RES_STATE, VF_SYND_RESUME_ORDER);
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  EXPECT_EQ(rig_.violations("Q3"), 0U);
  rig_.resume(kVf, Half::initiator);
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  EXPECT_EQ(rig_.violations("Q3"), 1U);
}

/// The line is busy with what siblings fetched before: the port is one queue.
TEST(RuleQ3Bound, HeldWorkWaitsForTheLine) {
  for (const int frames : {0, 60}) {
    CheckerRig rig;
    rig.learn_vhca(0, 1);
    rig.create_sq(kVf, kSq, 6, kRing);
    rig.doorbell(kVf, kSq, 0);
    rig.suspend(kVf, Half::initiator);
    rig.doorbell(kVf, kSq, 1);
    rig.resume(kVf, Half::initiator);
    for (int i = 0; i < frames; ++i) {
      rig.bus().emit<model::Probe::frame>(&model::Observer::frame_sent, rig.now(),
                                          model::FnRef{0, 2}, nullptr, 1500U);
    }
    rig.advance(8 * model::kUs);
    rig.doorbell(kVf, kSq, 2);
    EXPECT_EQ(rig.violations("Q3"), frames != 0 ? 0U : 1U);
  }
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
    for (std::uint8_t fn = 2; fn < 5; ++fn) {  // its siblings have work, too
      rig.create_sq({0, fn}, kSq, 6, kRing);
      rig.sent(0, rig.tlp(model::TlpKind::mem_read, {0, fn}, kRing, 512));
    }
    rig.advance(8 * model::kUs);
    for (std::uint8_t fn = 2; fn < 5; ++fn) {
      model::Tlp answer = rig.tlp(model::TlpKind::completion, {0, fn}, kRing, 512);
      answer.last = true;
      rig.received(0, answer);
    }
    rig.advance(in_time ? 12 * model::kUs : 192 * model::kUs);
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

/// A completion queue with the entry 0, whose event belongs into event queue 1.
class RuleQ3Arm : public testing::Test {
 protected:
  static constexpr std::uint32_t kCq = 0x400;
  static constexpr std::uint64_t kCqRing = 0x20000;
  static constexpr std::uint64_t kEqRing = 0x30000;
  RuleQ3Arm() {
    rig_.learn_vhca(0, 1);
    rig_.create_eq(kVf, 1, 0, 2, kEqRing);
    rig_.create_cq(kVf, kCq, 2, kCqRing);
    CheckerRig::Bytes empty(64);
    VF_SET(cqe, empty.data(), opcode, VF_CQE_INVALID);
    VF_SET(cqe, empty.data(), owner, 1);
    for (std::uint64_t i = 0; i < 4; ++i) {
      rig_.memory(0).write(kCqRing + i * 64, empty.data(), empty.size());
    }
    complete(0);
    rig_.suspend(kVf, Half::initiator);
  }
  void complete(std::uint64_t index) {
    rig_.dma_write(kVf, kCqRing + index * 64, CheckerRig::Bytes(64));
  }
  void arm(std::uint32_t ci, bool solicited = false) {
    std::uint8_t bytes[8] = {};
    VF_SET(uar_cq_arm, bytes, ci, ci);
    VF_SET(uar_cq_arm, bytes, cqn, kCq);
    VF_SET(uar_cq_arm, bytes, solicited, solicited ? 1 : 0);
    rig_.mmio_write(kVf, VF_BAR_FIRST_UAR * VF_PAGE_BYTES + VF_UAR_CQ_ARM, vf_be64_load(bytes), 8);
  }
  void announce(std::uint32_t cqn = kCq) {
    CheckerRig::Bytes eqe(64);
    VF_SET(eqe, eqe.data(), event_type, VF_EVENT_COMPLETION);
    VF_SET(eqe_completion, VF_PTR(eqe, eqe.data(), event_data), cqn, cqn);
    rig_.dma_write(kVf, kEqRing, eqe);
  }
  std::uint64_t finish() {
    rig_.rules().finish(rig_.now() + 10 * model::kMs);
    return rig_.violations("Q3");
  }
  CheckerRig rig_;
};

TEST_F(RuleQ3Arm, AnEntryIsAnnouncedAfterResume) {
  arm(0);
  rig_.resume(kVf, Half::initiator);
  announce();
  EXPECT_EQ(finish(), 0U);
  EXPECT_GE(rig_.evaluations("Q3"), 2U);
}

TEST_F(RuleQ3Arm, ForgottenArm) {
  arm(0);
  rig_.resume(kVf, Half::initiator);
  announce(kCq + 1);  // of another queue
  ASSERT_EQ(finish(), 1U);
  EXPECT_EQ(rig_.last("Q3").who, "A.vf0");
}

TEST_F(RuleQ3Arm, WithoutAnEntryNothingIsDueUntilOneComes) {
  arm(1);
  rig_.resume(kVf, Half::initiator);
  EXPECT_EQ(finish(), 0U);
  complete(1);
  announce();
  EXPECT_EQ(finish(), 0U);
  rig_.suspend(kVf, Half::initiator);
  arm(2);
  rig_.resume(kVf, Half::initiator);
  complete(2);
  EXPECT_EQ(finish(), 1U);
}

TEST_F(RuleQ3Arm, ALaterArmDoesNotHideIt) {
  arm(0);
  rig_.resume(kVf, Half::initiator);
  rig_.advance(100 * model::kUs);
  arm(0);
  announce();
  EXPECT_EQ(rig_.violations("Q3"), 1U);
}

/// Nobody sees when the gate closes: what came before is answered before the acknowledgement.
TEST_F(RuleQ3Arm, WhileSuspendIsUnderWay) {
  for (const bool at_once : {true, false}) {
    rig_.resume(kVf, Half::initiator);
    CheckerRig::Bytes in =
        CheckerRig::header(VF_OP_SUSPEND_VHCA, VF_SUSPEND_INITIATOR, VF_BYTES(suspend_vhca_in));
    VF_SET(suspend_vhca_in, in.data(), vhca_id, VF_VHCA_ID_BASE + kVf.fn);
    const std::uint8_t slot = rig_.submit({0, 0}, in);
    arm(0);
    if (at_once) {
      announce();
    }
    rig_.complete_with(kVf, slot, VF_STATUS_OK, VF_SYND_NONE);
    rig_.resume(kVf, Half::initiator);
    EXPECT_EQ(finish(), at_once ? 0U : 1U);
  }
}

TEST_F(RuleQ3Arm, SolicitedEntriesOnly) {
  arm(0, true);
  rig_.resume(kVf, Half::initiator);
  EXPECT_EQ(finish(), 0U);
}

TEST_F(RuleQ3Arm, AQueueThatGoesIsOwedNothing) {
  arm(0);
  rig_.submit_resume(kVf, Half::initiator);
  CheckerRig::Bytes in = CheckerRig::header(VF_OP_DESTROY_CQ, 0, VF_BYTES(destroy_cq_in));
  VF_SET(destroy_cq_in, in.data(), cqn, kCq);
  rig_.command(kVf, in);
  EXPECT_EQ(finish(), 0U);
}

}  // namespace
}  // namespace vfsim::bench
