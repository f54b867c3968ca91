#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kVf{0, 1};

class RuleQ4 : public testing::Test {
 protected:
  RuleQ4() {
    rig_.learn_vhca(0, 1);
    rig_.suspend(kVf, Half::initiator);
    rig_.suspend(kVf, Half::responder);
  }
  void answer(model::Rid requester, const CheckerRig::Bytes& payload) {
    model::Tlp tlp =
        rig_.tlp(model::TlpKind::completion, {0, 0}, 0, static_cast<std::uint32_t>(payload.size()));
    tlp.requester = requester;
    tlp.completer = 0x0101;
    rig_.sent(0, tlp, payload.data());
  }
  CheckerRig rig_;
};

TEST_F(RuleQ4, SilentFunctionPasses) {
  rig_.advance(model::kMs);
  rig_.mmio_read(kVf, 0x0, 0, model::CplStatus::successful);
  rig_.mmio_read(kVf, VF_BAR_MSIX_TABLE, 0xfee00000, model::CplStatus::successful);
  answer(CheckerRig::kPeer, CheckerRig::Bytes(16));
  rig_.resume(kVf, Half::responder);
  EXPECT_EQ(rig_.violations("Q4"), 0U);
  EXPECT_EQ(rig_.evaluations("Q4"), 5U);
}

TEST_F(RuleQ4, InterruptAndDma) {
  rig_.interrupt(kVf, 1);
  rig_.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  EXPECT_EQ(rig_.violations("Q4"), 2U);
}

TEST_F(RuleQ4, ReadsMustGiveZero) {
  rig_.mmio_read(kVf, 0x4, 5,
                 model::CplStatus::successful);  // was on its way when the quiesce ended
  EXPECT_EQ(rig_.violations("Q4"), 0U);
  rig_.advance(model::kMs);
  rig_.mmio_read(kVf, 0x4, 5, model::CplStatus::successful);
  answer(CheckerRig::kPeer, {0, 0, 0, 5});
  EXPECT_EQ(rig_.violations("Q4"), 2U);
}

TEST_F(RuleQ4, StateChange) {
  rig_.digest = 2;
  rig_.resume(kVf, Half::responder);
  EXPECT_EQ(rig_.violations("Q4"), 1U);
}

TEST_F(RuleQ4, ALoadChangesTheStateByOrder) {
  rig_.create_mtt_key({0, 0}, 0x100, {0x20000});
  rig_.load(kVf, 0x100, 100);
  rig_.digest = 2;
  rig_.resume(kVf, Half::responder);
  EXPECT_EQ(rig_.violations("Q4"), 0U);
}

}  // namespace
}  // namespace vfsim::bench
