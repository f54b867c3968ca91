// The verilated gate at its bridge: clocking, queues, levels that change between two edges.
#include "systemc/rtl_bridge/dma_gate_rtl.hpp"

#include "rtl_models/common/rtl_session.hpp"
#include "rtl_models/dma_gate/tb/feeder_duty.hpp"
#include "systemc/nic/dma_gate_rig.hpp"

namespace vfsim::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

NicParams all_functions() {
  NicParams params;
  params.vfs = VF_MAX_FUNCTIONS - 1;
  params.dma_tags = 256;
  params.completion_timeout_us = 100;
  return params;
}

class DmaGateRtlTest : public DmaGateRig, private rtl::AssertionListener {
 protected:
  explicit DmaGateRtlTest(const NicParams& params = rig_params())
      : DmaGateRig(params), gate(core, session, "dma_gate") {
    use(gate);
  }
  void assertion_failed(const char* assertion) override {
    if (rtl::is_feeder_duty(assertion)) {
      ++asked_when_quiet;
    } else {
      ADD_FAILURE() << assertion;
    }
  }
  /// Cycles that the clock ran meanwhile.
  std::uint64_t cycles_of(Ps duration) {
    const std::uint64_t before = session.cycles();
    run(duration);
    return session.cycles() - before;
  }
  std::uint64_t asked_when_quiet = 0;  // cycles in which the feeder did not do its duty
  rtl::RtlSession session{*this};
  DmaGateRtl gate;
};

TEST_F(DmaGateRtlTest, grants_at_the_next_edge_and_counts) {
  run(300);
  read(1, 1);
  post(2, GatePosted::write);
  EXPECT_THAT(granted, IsEmpty());
  run(kNs);
  EXPECT_EQ(granted.size(), 1U);
  EXPECT_THAT(sent, ElementsAre(2));
  EXPECT_EQ(gate.outstanding(1), 1U);
  EXPECT_EQ(gate.posted(2), 1U);
  gate.completed(granted[0].tag);
  gate.landed(2);
  EXPECT_EQ(gate.outstanding(1) + gate.posted(2), 0U);
}

TEST_F(DmaGateRtlTest, is_clocked_only_while_it_has_work) {
  EXPECT_EQ(cycles_of(kUs), 0U);
  post(1, GatePosted::write);
  EXPECT_LE(cycles_of(kUs), 3U);
  gate.landed(1);
  EXPECT_LE(cycles_of(kUs), 3U);
  port.reads = false;
  read(1, 1);
  EXPECT_LE(cycles_of(10 * kUs), 3U) << "without credits nothing can happen";
  port.reads = true;
  gate.link_ready();
  run(kUs);
  EXPECT_EQ(granted.size(), 1U);
  gate.completed(granted[0].tag);
  run(kUs);
  EXPECT_LE(cycles_of(100 * kUs), 10U) << "one tick at most finds no tag in use";
}

TEST_F(DmaGateRtlTest, own_tag_comes_in_its_slot_when_the_pool_is_empty) {
  read(1, 9);
  run(kUs);
  EXPECT_EQ(gate.outstanding(1), 5U) << "four of the pool and its own";
  read(2, 1);
  run(kUs);
  EXPECT_EQ(granted.back(), (Grant{2, 2}));
}

TEST_F(DmaGateRtlTest, a_gate_that_opens_and_closes_between_two_edges_drains_again) {
  gate.quiesce(1, true);
  run(10 * kNs);
  ASSERT_THAT(acknowledged, ElementsAre(1));
  gate.quiesce(1, false);
  EXPECT_FALSE(gate.is_quiet(1));
  busy_now[1] = true;
  read(1, 1);  // of what was held, now in work
  gate.quiesce(1, true);
  run(10 * kNs);
  EXPECT_EQ(granted.size(), 1U) << "work in progress leaves";
  EXPECT_THAT(acknowledged, ElementsAre(1));
  gate.completed(granted[0].tag);
  busy_now[1] = false;
  gate.work_ended(1);
  run(10 * kNs);
  EXPECT_THAT(acknowledged, ElementsAre(1, 1));
}

TEST_F(DmaGateRtlTest, a_quiet_function_sends_messages_and_tells_when_they_have_landed) {
  gate.quiesce(1, true);
  run(10 * kNs);
  read(1, 1);
  post(1, GatePosted::message);
  run(10 * kNs);
  EXPECT_THAT(granted, IsEmpty());
  EXPECT_THAT(sent, ElementsAre(1));
  EXPECT_GT(asked_when_quiet, 0U) << "the checker notices that work goes on";
  gate.request_read(1, false);
  gate.landed(1);
  run(10 * kNs);
  EXPECT_THAT(drained_again, ElementsAre(1));
}

TEST_F(DmaGateRtlTest, expires_on_time_or_a_little_later_and_says_so) {
  read(1, 1);
  run(kNs);
  gate.quiesce(1, true);
  run(kTimeoutUs * kUs - 2 * kNs);
  EXPECT_THAT(expired, IsEmpty());
  run(DmaGateRtl::lateness(core.params) + 2 * kNs);
  EXPECT_THAT(expired, ElementsAre(granted.at(0).tag));
  EXPECT_TRUE(gate.timed_out(1));
  EXPECT_THAT(acknowledged, ElementsAre(1));
  EXPECT_EQ(gate.outstanding(1), 0U);
}

class AllFunctionsTest : public DmaGateRtlTest {
 protected:
  AllFunctionsTest() : DmaGateRtlTest(all_functions()) {}
};

TEST_F(AllFunctionsTest, requests_wait_for_the_reset_before_them) {
  for (std::uint32_t fn = 0; fn < VF_MAX_FUNCTIONS; ++fn) {
    read(fn, 1);
  }
  run(kUs);
  ASSERT_EQ(take_granted().size(), VF_MAX_FUNCTIONS);
  for (std::uint32_t fn = 0; fn < VF_MAX_FUNCTIONS; ++fn) {
    gate.reset(fn);  // one a cycle
  }
  read(100, 1);
  run(20 * kNs);
  EXPECT_THAT(granted, IsEmpty());
  run(kUs);
  ASSERT_EQ(granted.size(), 1U);
  EXPECT_EQ(gate.outstanding(100), 1U);
  gate.quiesce(100, true);
  run(kUs);
  EXPECT_THAT(acknowledged, IsEmpty()) << "the read was not taken for one from before";
  gate.completed(granted[0].tag);
  run(kUs);
  EXPECT_THAT(acknowledged, ElementsAre(100));
}

TEST_F(AllFunctionsTest, completions_and_landings_come_one_a_cycle) {
  for (std::uint32_t fn = 0; fn < 64; ++fn) {
    read(fn, 1);
    post(fn, GatePosted::write);
  }
  run(kUs);
  for (const Grant& grant : take_granted()) {
    gate.completed(grant.tag);
    gate.landed(grant.fn);
  }
  gate.quiesce(63, true);
  EXPECT_GE(cycles_of(kUs), 64U);
  EXPECT_THAT(acknowledged, ElementsAre(63));
}

}  // namespace
}  // namespace vfsim::model
