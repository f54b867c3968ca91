// The quiesce gate: turns, tags, counts, handshake, time-outs, resets.
#include "systemc/nic/dma_gate_rig.hpp"
#include "systemc/nic/dma_gate_tlm.hpp"

namespace vfsim::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DmaGateTest : public DmaGateRig {
 protected:
  DmaGateTest() : gate(core) { use(gate); }
  DmaGateTlm gate;
};

TEST_F(DmaGateTest, own_tag_first_then_the_pool_then_nothing) {
  read(1, 6);
  EXPECT_THAT(take_granted(),
              ElementsAre(Grant{1, 1}, Grant{1, 3}, Grant{1, 4}, Grant{1, 5}, Grant{1, 6}));
  EXPECT_EQ(gate.outstanding(1), 5U);
  read(2, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{2, 2})) << "nobody takes another's own tag";
  gate.completed(2);
  EXPECT_THAT(take_granted(), IsEmpty()) << "function 1 waits for a tag that it may have";
  gate.completed(4);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 4}));
}

TEST_F(DmaGateTest, a_freed_own_tag_passes_those_who_wait_for_the_pool) {
  read(1, 6);
  read(2, 2);
  take_granted();
  gate.completed(2);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{2, 2}));
  EXPECT_EQ(gate.outstanding(2), 1U);
}

TEST_F(DmaGateTest, functions_take_turns_in_both_channels) {
  port.reads = port.posted = false;
  read(1, 2);
  read(2, 2);
  for (const std::uint32_t fn : {1U, 1U, 2U, 2U}) {
    post(fn, GatePosted::write);
  }
  EXPECT_THAT(sent, IsEmpty());
  port.reads = port.posted = true;
  gate.link_ready();
  EXPECT_THAT(sent, ElementsAre(1, 2, 1, 2));
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 1}, Grant{2, 2}, Grant{1, 3}, Grant{2, 4}));
  EXPECT_EQ(gate.posted(1), 2U);
}

TEST_F(DmaGateTest, acknowledges_when_the_last_has_ended) {
  busy_now[1] = true;
  read(1, 1);
  post(1, GatePosted::write);
  gate.quiesce(1, true);
  read(1, 1);  // of the work in progress
  EXPECT_EQ(gate.outstanding(1), 2U);
  gate.completed(1);
  gate.completed(3);
  gate.landed(1);
  EXPECT_THAT(acknowledged, IsEmpty()) << "busy";
  busy_now[1] = false;
  gate.work_ended(1);
  EXPECT_THAT(acknowledged, ElementsAre(1));
  EXPECT_TRUE(gate.is_quiet(1));
  gate.quiesce(2, true);
  EXPECT_THAT(acknowledged, ElementsAre(1, 2)) << "nothing to wait for";
}

TEST_F(DmaGateTest, a_quiet_function_sends_messages_only) {
  gate.quiesce(1, true);
  take_granted();
  read(1, 1);
  EXPECT_THAT(granted, IsEmpty());
  post(1, GatePosted::message);
  EXPECT_THAT(sent, ElementsAre(1));
  post(1, GatePosted::write);
  post(2, GatePosted::write);
  EXPECT_THAT(sent, ElementsAre(1, 2)) << "its sibling is not concerned";
  gate.quiesce(1, false);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 1})) << "held, not lost";
  EXPECT_THAT(sent, ElementsAre(1, 2, 1));
  EXPECT_FALSE(gate.is_quiet(1));
}

TEST_F(DmaGateTest, tells_when_a_message_of_a_quiet_function_has_landed) {
  gate.quiesce(1, true);
  post(1, GatePosted::message);
  EXPECT_THAT(drained_again, IsEmpty());
  gate.landed(1);
  EXPECT_THAT(drained_again, ElementsAre(1));
  EXPECT_THAT(acknowledged, ElementsAre(1)) << "once";
}

TEST_F(DmaGateTest, an_expired_tag_rests_until_its_completion_or_one_more_time_out) {
  read(1, 1);
  read(2, 1);
  gate.quiesce(1, true);
  run(kTimeoutUs * kUs + kNs);
  EXPECT_THAT(expired, ElementsAre(1, 2));
  EXPECT_TRUE(gate.timed_out(1));
  EXPECT_FALSE(gate.timed_out(2)) << "its gate is open";
  EXPECT_THAT(acknowledged, ElementsAre(1));
  gate.quiesce(1, false);
  take_granted();
  read(1, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 3})) << "not its own one";
  gate.completed(1);  // late
  read(1, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 1}));
  read(2, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{2, 4}));
  run(kTimeoutUs * kUs + kNs);
  read(2, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{2, 2}));
  gate.quiesce(1, true);
  EXPECT_FALSE(gate.timed_out(1)) << "counted from here";
}

TEST_F(DmaGateTest, a_reset_forgets_the_function_and_quarantines_its_tags) {
  read(1, 6);
  post(1, GatePosted::write);
  gate.quiesce(1, true);
  gate.reset(1);
  EXPECT_EQ(gate.outstanding(1), 0U);
  EXPECT_EQ(gate.posted(1), 1U) << "still lands";
  EXPECT_FALSE(gate.is_quiet(1));
  take_granted();
  read(1, 1);
  EXPECT_THAT(granted, IsEmpty()) << "all its tags rest";
  gate.completed(5);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 5}));
  EXPECT_EQ(gate.outstanding(1), 1U);
  gate.completed(0);  // free: nobody's
  EXPECT_EQ(gate.outstanding(1), 1U);
  EXPECT_THAT(acknowledged, IsEmpty());
}

TEST_F(DmaGateTest, small_tag_files_give_no_guarantees) {
  NicParams params = rig_params();
  params.dma_tags = 5;
  EXPECT_EQ(tag_share(params).own, 0U);
  EXPECT_EQ(tag_share(params).of_one(), 5U);
  params.dma_tags = 6;
  EXPECT_EQ(tag_share(params).own, 3U);
  EXPECT_EQ(tag_share(params).of_one(), 4U);
}

}  // namespace
}  // namespace vfsim::model
