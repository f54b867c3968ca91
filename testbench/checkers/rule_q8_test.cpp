#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using model::kUs;

constexpr model::FnRef kVf{0, 1};
constexpr model::FnRef kSibling{0, 2};
constexpr std::uint32_t kSq = 0x40;
constexpr std::uint64_t kRing = 0x100000;
constexpr std::uint64_t kCqes = 0x200000;

class RuleQ8 : public testing::Test {
 protected:
  explicit RuleQ8(const std::function<void(CheckContext&)>& configure = nullptr, bool assigned = true)
      : rig_(configure) {
    rig_.learn_vhca(0, 1);
    rig_.create_cq(kSibling, 0x400, 8, kCqes);
    rig_.create_sq(kSibling, kSq, 8, kRing);
    for (const model::FnRef who : {kVf, kSibling}) {
      if (!assigned) {
        break;
      }
      rig_.bus().emit<model::Probe::driver>(&model::Observer::assigned, rig_.now(),
                                            std::uint32_t{who.fn}, who);
    }
  }
  void migration(bool begin) {
    const model::MigrationView view{kVf.fn, 0, 1, begin, ""};
    rig_.bus().emit<model::Probe::driver>(&model::Observer::migration, rig_.now(), view);
  }
  void post(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      rig_.doorbell(kSibling, kSq, next_++);
      rig_.advance(kUs);
    }
  }
  /// Work while nobody migrates.
  void calm() {
    for (int i = 0; i < 100; ++i) {
      post(1);
      send(1);
    }
    rig_.advance(20 * kUs);
  }
  void send(std::uint32_t count, model::FnRef who = kSibling) {
    for (std::uint32_t i = 0; i < count; ++i) {
      rig_.bus().emit<model::Probe::frame>(&model::Observer::frame_sent, rig_.now(), who, nullptr,
                                           64U);
    }
  }
  void receive(model::FrameDrop drop = model::FrameDrop::none) {
    rig_.bus().emit<model::Probe::frame>(&model::Observer::frame_received, rig_.now(), kSibling,
                                         nullptr, 64U, drop);
  }
  void complete(std::uint32_t counter, std::uint32_t opcode = VF_CQE_REQ) {
    CheckerRig::Bytes cqe(VF_BYTES(cqe));
    VF_SET(cqe, cqe.data(), opcode, opcode);
    VF_SET(cqe, cqe.data(), qpn, kSq);
    VF_SET(cqe, cqe.data(), wqe_counter, counter);
    rig_.dma_write(kSibling, kCqes, cqe);
  }
  std::uint64_t after_migration() {
    rig_.advance(20 * kUs);
    migration(false);
    rig_.rules().finish(rig_.now());
    return rig_.violations("Q8");
  }
  CheckerRig rig_;
  std::uint32_t next_ = 0;
};

TEST_F(RuleQ8, SiblingGoesOn) {
  migration(true);
  for (int i = 0; i < 100; ++i) {
    post(1);
    send(1);
  }
  EXPECT_EQ(after_migration(), 0U);
  EXPECT_EQ(rig_.evaluations("Q8"), 1U);
  EXPECT_EQ(rig_.rule("Q8").note(),
            "lowest sibling throughput 100.0 % of undisturbed, of 1 sibling windows");
}

/// Stock kernels: nobody assigns functions to guests or tells of migrations.
class RuleQ8Unassigned : public RuleQ8 {
 protected:
  RuleQ8Unassigned() : RuleQ8({}, false) { rig_.learn_vhca(0, 3); }
  std::uint64_t judged() {
    rig_.rules().finish(rig_.now());
    return rig_.evaluations("Q8");
  }
};

TEST_F(RuleQ8Unassigned, AQuiesceIsAWindow) {
  rig_.suspend(kVf, Half::initiator);
  for (int i = 0; i < 30; ++i) {
    post(1);
    send(1);
  }
  rig_.resume(kVf, Half::initiator);
  EXPECT_EQ(judged(), 1U);
  EXPECT_EQ(rig_.violations("Q8"), 0U);
}

TEST_F(RuleQ8Unassigned, ASiblingThatIsHeldUpMeanwhileIsSeen) {
  calm();
  rig_.suspend(kVf, Half::initiator);
  post(30);
  rig_.advance(50 * kUs);
  rig_.resume(kVf, Half::initiator);
  send(30);
  EXPECT_EQ(judged(), 1U);
  EXPECT_EQ(rig_.violations("Q8"), 1U);
}

TEST_F(RuleQ8Unassigned, AResetEndsIt) {
  rig_.suspend(kVf, Half::initiator);
  for (int i = 0; i < 30; ++i) {
    post(1);
    send(1);
  }
  rig_.bus().emit<model::Probe::function_reset>(&model::Observer::function_reset, rig_.now(), kVf);
  EXPECT_EQ(judged(), 1U);
  EXPECT_EQ(rig_.violations("Q8"), 0U);
}

TEST_F(RuleQ8, SiblingStallsAndCatchesUp) {
  calm();
  migration(true);
  for (int i = 0; i < 50; ++i) {
    post(1);
    send(1);
  }
  post(50);
  send(50);
  EXPECT_EQ(after_migration(), 1U);
}

/// Two contexts and slow reads: 14 us a frame.
class RuleQ8Slow : public RuleQ8 {
 protected:
  RuleQ8Slow()
      : RuleQ8([](CheckContext& context) {
          context.pcie.latency_ns = 3400;
          context.nic.tx_contexts = 2;
        }) {}
};

TEST_F(RuleQ8Slow, AnOverloadedMachineIsSlow) {
  migration(true);
  post(40);  // a microsecond apart
  for (int i = 0; i < 40; ++i) {
    rig_.advance(50 * kUs);
    send(1);
  }
  EXPECT_EQ(after_migration(), 0U);
}

TEST_F(RuleQ8Slow, AnOverloadedMachineServesItsFunctionsInTurn) {
  migration(true);
  post(40);
  for (int i = 0; i < 20; ++i) {
    rig_.advance(50 * kUs);
    send(20, kVf);
    send(2);
  }
  EXPECT_EQ(after_migration(), 0U);
}

TEST_F(RuleQ8Slow, AnOverloadedMachineServesOthersOnly) {
  migration(true);
  post(40);
  for (int i = 0; i < 20; ++i) {
    rig_.advance(50 * kUs);
    send(20, kVf);
  }
  send(40);
  EXPECT_EQ(after_migration(), 1U);
}

TEST_F(RuleQ8Slow, AnOverloadedMachineServesNobody) {
  migration(true);
  post(40);
  rig_.advance(2000 * kUs);
  send(40);
  EXPECT_EQ(after_migration(), 1U);
}

TEST_F(RuleQ8, AStallNeedsNoPastToCompareWith) {
  migration(true);
  post(40);
  rig_.advance(200 * kUs);
  EXPECT_EQ(after_migration(), 1U);
}

TEST_F(RuleQ8, AFewInFlightAreNoStall) {
  migration(true);
  for (int i = 0; i < 100; ++i) {
    post(1);
    send(i < 2 ? 0 : 1);
  }
  EXPECT_EQ(after_migration(), 0U);
}

TEST_F(RuleQ8, TooLittleWorkSaysNothing) {
  migration(true);
  post(10);
  EXPECT_EQ(after_migration(), 0U);
  EXPECT_EQ(rig_.evaluations("Q8"), 0U);
}

TEST_F(RuleQ8, WhatIsAlwaysOverdueIsNotTheMigrations) {
  post(40);
  rig_.advance(20 * kUs);
  migration(true);
  for (int i = 0; i < 100; ++i) {
    post(1);
    send(1);
  }
  EXPECT_EQ(after_migration(), 0U);
}

TEST_F(RuleQ8, TheQuiesceIsAWindowOfItsOwn) {
  calm();
  migration(true);
  for (int i = 0; i < 2000; ++i) {
    post(1);
    send(1);
  }
  rig_.suspend(kVf, Half::initiator);
  post(40);
  send(40);
  rig_.resume(kVf, Half::initiator);
  for (int i = 0; i < 500; ++i) {
    post(1);
    send(1);
  }
  EXPECT_EQ(after_migration(), 1U);  // 40 are little of the migration, and all of the quiesce
}

TEST_F(RuleQ8, AcceptedFramesAreDelivered) {
  migration(true);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    receive();
    complete(i, VF_CQE_RESP_SEND);
  }
  EXPECT_EQ(after_migration(), 0U);
  EXPECT_EQ(rig_.evaluations("Q8"), 1U);
}

TEST_F(RuleQ8, CompletionsWaitBehindTheDataOfLaterFrames) {
  const std::uint32_t waiting = 2 * model::NicParams().rx_contexts;
  migration(true);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    receive();
    if (i >= waiting) {
      complete(i - waiting, VF_CQE_RESP_SEND);
    }
  }
  EXPECT_EQ(after_migration(), 0U);
  EXPECT_EQ(rig_.evaluations("Q8"), 1U);
}

TEST_F(RuleQ8, CompletionsLagByMoreThanWaits) {
  const std::uint32_t waiting =
      2 * model::NicParams().rx_contexts + model::PcieParams().posted_headers + 1000 / 20 + 1;
  migration(true);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    receive();
    if (i >= waiting) {
      complete(i - waiting, VF_CQE_RESP_SEND);
    }
  }
  EXPECT_EQ(after_migration(), 1U);
}

TEST_F(RuleQ8, AcceptedFramesPileUp) {
  migration(true);
  for (int i = 0; i < 1000; ++i) {
    receive();
  }
  EXPECT_EQ(after_migration(), 1U);
}

TEST_F(RuleQ8, SiblingIsTakenForSuspended) {
  receive(model::FrameDrop::suspended);
  EXPECT_EQ(rig_.violations("Q8"), 1U);
}

TEST_F(RuleQ8, AnotherReasonToDropIsItsOwn) {
  receive(model::FrameDrop::no_buffer);
  EXPECT_EQ(rig_.violations("Q8"), 0U);
}

TEST_F(RuleQ8, CompletionsOutOfOrder) {
  migration(true);
  complete(0);
  complete(2);
  EXPECT_EQ(rig_.violations("Q8"), 0U);  // not every entry asks for one
  complete(1);
  EXPECT_EQ(rig_.violations("Q8"), 1U);
}

}  // namespace
}  // namespace vfsim::bench
