#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"
#include "testbench/checkers/quiesce_bound.hpp"

namespace vfsim::bench {
namespace {

using model::kMs;
using model::kNs;
using model::kUs;
using model::TlpKind;

constexpr model::FnRef kPf{0, 0};
constexpr model::FnRef kVf{0, 1};

class RuleQ7 : public testing::Test {
 protected:
  RuleQ7() { rig_.learn_vhca(0, 1); }
  std::uint8_t submit(Half half) {
    CheckerRig::Bytes in = CheckerRig::header(
        VF_OP_SUSPEND_VHCA, half == Half::initiator ? VF_SUSPEND_INITIATOR : VF_SUSPEND_RESPONDER,
        VF_BYTES(suspend_vhca_in));
    VF_SET(suspend_vhca_in, in.data(), vhca_id, VF_VHCA_ID_BASE + kVf.fn);
    const std::uint8_t slot = rig_.submit(kPf, in);
    rig_.advance(300 * kNs);
    model::Tlp doorbell;
    doorbell.requester = model::kCpuRid;
    doorbell.completer = rig_.tlp(TlpKind::mem_write, kPf, 0, 0).requester;
    doorbell.addr = VF_BAR_CMD_DB;
    rig_.received(0, doorbell);
    return slot;
  }
  void acknowledge(std::uint8_t slot, std::uint32_t status = VF_STATUS_OK, model::Ps way = 0) {
    CheckerRig::Bytes out(16);
    VF_SET(cmd_out, out.data(), status, status);
    VF_SET(cmd_out, out.data(), syndrome, status == VF_STATUS_OK ? 0 : VF_SYND_DRAIN_TIMEOUT);
    rig_.complete(kPf, slot, out, 0, way);
  }
  /// A read of the VF that the host answers after `time`.
  void read(model::Ps time) {
    model::Tlp tlp = rig_.tlp(TlpKind::mem_read, kVf, 0x1000, 512);
    rig_.sent(0, tlp);
    rig_.advance(time);
    tlp.kind = TlpKind::completion;
    tlp.last = true;
    rig_.received(0, tlp);
  }
  CheckerRig rig_;
};

TEST_F(RuleQ7, InTime) {
  const std::uint8_t slot = submit(Half::initiator);
  rig_.advance(3 * kUs);
  acknowledge(slot);
  EXPECT_EQ(rig_.evaluations("Q7"), 1U);
  EXPECT_EQ(rig_.violations("Q7"), 0U);
  EXPECT_EQ(rig_.rule("Q7").note().substr(0, 25), "longest initiator 3.30 us");
}

TEST_F(RuleQ7, BothHalvesTooLate) {
  acknowledge((rig_.advance(kUs), submit(Half::initiator)));
  const std::uint8_t slot = submit(Half::responder);
  rig_.advance(30 * kUs);
  acknowledge(slot);
  ASSERT_EQ(rig_.violations("Q7"), 1U);
  EXPECT_EQ(rig_.last("Q7").who, "A.vf0");
  EXPECT_EQ(rig_.last("Q7").expected.substr(0, 9), "responder");
}

TEST_F(RuleQ7, ASlowHostIsAllowedFor) {
  const std::uint8_t slot = submit(Half::initiator);
  read(20 * kUs);
  acknowledge(slot);
  EXPECT_EQ(rig_.violations("Q7"), 0U);
}

TEST_F(RuleQ7, IdleTimeBehindASlowHostIsNot) {
  const std::uint8_t slot = submit(Half::initiator);
  read(20 * kUs);
  rig_.advance(120 * kUs);
  acknowledge(slot);
  EXPECT_EQ(rig_.violations("Q7"), 1U);
}

TEST_F(RuleQ7, AnAnswerThatTheBusHoldsUpIsAllowedFor) {
  acknowledge((rig_.advance(kUs), submit(Half::initiator)));
  acknowledge(submit(Half::responder), VF_STATUS_OK, 30 * kUs);
  EXPECT_EQ(rig_.violations("Q7"), 0U);
}

TEST_F(RuleQ7, AnAnswerThatComesLateIsNot) {
  acknowledge((rig_.advance(kUs), submit(Half::initiator)));
  const std::uint8_t slot = submit(Half::responder);
  rig_.advance(120 * kUs);
  acknowledge(slot, VF_STATUS_OK, 30 * kUs);
  EXPECT_EQ(rig_.violations("Q7"), 1U);
}

TEST_F(RuleQ7, WorkThatGoesOnForEverDoesNotExcuse) {
  const std::uint8_t slot = submit(Half::initiator);
  for (int i = 0; i < 20000; ++i) {
    read(700 * kNs);
  }
  acknowledge(slot);
  EXPECT_EQ(rig_.violations("Q7"), 1U);
}

TEST_F(RuleQ7, NeverAcknowledged) {
  submit(Half::initiator);
  rig_.rules().finish(rig_.now() + kMs);
  EXPECT_EQ(rig_.violations("Q7"), 1U);
}

TEST_F(RuleQ7, UnderWayAtTheEnd) {
  submit(Half::initiator);
  rig_.rules().finish(rig_.now() + kUs);
  EXPECT_EQ(rig_.violations("Q7"), 0U);
}

TEST_F(RuleQ7, LostCompletionEndsWithAnErrorAfterTheTimeOut) {
  rig_.sent(0, rig_.tlp(TlpKind::mem_read, kVf, 0x1000, 512));
  const std::uint8_t slot = submit(Half::initiator);
  rig_.advance(50 * kMs);
  acknowledge(slot, VF_STATUS_INTERNAL);
  EXPECT_EQ(rig_.violations("Q7"), 0U);
}

TEST_F(RuleQ7, LostCompletionIsNoSuccess) {
  rig_.sent(0, rig_.tlp(TlpKind::mem_read, kVf, 0x1000, 512));
  const std::uint8_t slot = submit(Half::initiator);
  rig_.advance(50 * kMs);
  acknowledge(slot);
  EXPECT_EQ(rig_.violations("Q7"), 1U);
}

TEST_F(RuleQ7, LostCompletionBoundsTheWait) {
  rig_.sent(0, rig_.tlp(TlpKind::mem_read, kVf, 0x1000, 512));
  const std::uint8_t slot = submit(Half::initiator);
  rig_.advance(51 * kMs);
  acknowledge(slot, VF_STATUS_INTERNAL);
  EXPECT_EQ(rig_.violations("Q7"), 1U);
}

TEST(QuiesceBound, GrowsWithWhatIsInTheWay) {
  CheckContext context;
  QuiesceLoad load;
  const model::Ps least = quiesce_bound(context, load);
  load.reads = 100;
  const model::Ps reads = quiesce_bound(context, load);
  EXPECT_GT(reads, least);
  load.functions = 8;
  EXPECT_GT(quiesce_bound(context, load), reads);
  context.pcie.lanes = 1;
  EXPECT_GT(quiesce_bound(context, load), 4 * reads);
}

}  // namespace
}  // namespace vfsim::bench
