// Send and receive paths from doorbell or wire to completion, event and interrupt.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "systemc/nic/nic_test_bed.hpp"

namespace vfsim::model {
namespace {

using testing::ElementsAre;
using Bed = NicTestBed;

constexpr std::uint32_t kFn = 1;

std::string write_at(std::uint64_t iova) {
  return "W " + std::to_string(iova);
}

class DatapathTest : public testing::Test {
 protected:
  DatapathTest() {
    bed.enable_vfs(2);
    bed.make_queues(kFn);
  }
  void post(std::uint32_t index, std::uint32_t bytes = 100) {
    bed.write(kFn, Bed::kBuffers + index * 4096ULL,
              test_frame(9, bytes, static_cast<std::uint8_t>(index)));
    bed.put_send(kFn, index, Bed::kBuffers + index * 4096ULL, bytes);
  }
  vf_function& context() { return bed.context(kFn); }
  Bed bed;
};

TEST_F(DatapathTest, send_reaches_wire_then_cqe_then_eqe_then_interrupt) {
  bed.arm_cq(kFn, 0);
  bed.eq_doorbell(kFn, 0, true);
  post(0, 1000);
  bed.ring_send(kFn, 0);
  bed.run(20 * kUs);
  ASSERT_EQ(bed.wire.frames.size(), 1U);
  EXPECT_EQ(bed.wire.frames[0], test_frame(9, 1000));
  EXPECT_THAT(bed.trace.events,
              ElementsAre(write_at(Bed::kCqRing), write_at(Bed::kEqRing), "I 1.0"));
  const Bytes cqe = bed.cqe(kFn, 0);
  EXPECT_EQ(VF_GET(cqe, cqe.data(), opcode), VF_CQE_REQ);
  EXPECT_EQ(VF_GET(cqe, cqe.data(), qpn), VF_SQ_BASE);
  EXPECT_EQ(VF_GET(cqe, cqe.data(), wqe_counter), 0U);
  EXPECT_EQ(VF_GET(cqe, cqe.data(), owner), 0U);
  const Bytes eqe = bed.eqe(kFn, 0);
  EXPECT_EQ(VF_GET(eqe, eqe.data(), event_type), VF_EVENT_COMPLETION);
  EXPECT_EQ(vf_be32_load(&eqe[0x38]), static_cast<std::uint32_t>(VF_CQ_BASE));
  EXPECT_EQ(context().sq[0].hw_counter, 1U);
  EXPECT_EQ(context().cq[0].st, VF_QUEUE_FIRED);
  EXPECT_EQ(context().eq[0].st, VF_QUEUE_FIRED);
  EXPECT_EQ(context().counters.tx_unicast_octets, 1000U);
}

TEST_F(DatapathTest, order_counters_and_owner_parity_over_ring_wraps) {
  const std::uint32_t size = 16;
  for (std::uint32_t i = 0; i < 3 * size; ++i) {
    post(i);
    bed.ring_send(kFn, i);
    if (i % 5 == 4) {
      bed.run(20 * kUs);
    }
    VF_SET(cq_dbr, bed.memory(kFn, Bed::kCqRecord), ci, i / 8 * 8);  // the consumer lags
  }
  bed.run(50 * kUs);
  ASSERT_EQ(bed.wire.frames.size(), 3 * size);
  for (std::uint32_t i = 0; i < 3 * size; ++i) {
    EXPECT_EQ(bed.wire.frames[i], test_frame(9, 100, static_cast<std::uint8_t>(i)));
  }
  for (std::uint32_t slot = 0; slot < size; ++slot) {
    const Bytes cqe = bed.cqe(kFn, slot);
    EXPECT_EQ(VF_GET(cqe, cqe.data(), owner), 0U);  // third pass
    EXPECT_EQ(VF_GET(cqe, cqe.data(), wqe_counter), 2 * size + slot);
  }
  EXPECT_EQ(context().sq[0].hw_counter, 3 * size);
  EXPECT_EQ(context().cq[0].error, 0);
}

TEST_F(DatapathTest, wqe_of_several_blocks_over_the_ring_end) {
  context().sq[0].hw_counter = context().sq[0].sw_counter = 15;
  std::uint8_t* first = bed.memory(kFn, Bed::kSqRing + 15 * 64);
  VF_SET(wqe_ctrl, first, opcode, VF_WQE_SEND);
  VF_SET(wqe_ctrl, first, ds, 6);  // ctrl, eth, 4 data: 2 of them behind the wrap
  VF_SET(wqe_ctrl, first, ce, 2);
  const Bytes frame = test_frame(9, 400);
  bed.write(kFn, Bed::kBuffers, frame);
  for (std::uint32_t i = 0; i < 4; ++i) {
    std::uint8_t* seg =
        i < 2 ? first + 32 + i * 16 : bed.memory(kFn, Bed::kSqRing + (i - 2) * 16ULL);
    VF_SET(wqe_data, seg, byte_count, 100);
    VF_SET(wqe_data, seg, lkey, Bed::kKey);
    VF_SET(wqe_data, seg, addr, Bed::kBuffers + i * 100ULL);
  }
  std::uint8_t db[8] = {};
  VF_SET(uar_send_db, db, wqe_index, 15);
  VF_SET(uar_send_db, db, sqn, VF_SQ_BASE);
  VF_SET(uar_send_db, db, ds, 6);
  // As two writes of 4 bytes, at an odd doorbell register.
  const std::uint64_t at = VF_BAR_FIRST_UAR * 4096ULL + 0xa00;
  bed.bar_write(kFn, at, db, 4);
  bed.bar_write(kFn, at + 4, db + 4, 4);
  bed.run(20 * kUs);
  ASSERT_EQ(bed.wire.frames.size(), 1U);
  EXPECT_EQ(bed.wire.frames[0], frame);
  EXPECT_EQ(context().sq[0].hw_counter, 17U);
}

/// Three functions with more work than the two contexts take.
class FewContextsTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kFunctions = 3, kPosted = 60;
  static NicParams params() {
    NicParams params;
    params.tx_contexts = 2;
    return params;
  }
  FewContextsTest() {
    bed.enable_vfs(kFunctions);
    for (std::uint32_t fn = 1; fn <= kFunctions; ++fn) {
      bed.make_queues(fn, 6);
      bed.write(fn, Bed::kBuffers, test_frame(fn, 100));
      for (std::uint32_t i = 0; i < kPosted; ++i) {
        bed.put_send(fn, i, Bed::kBuffers, 100);
      }
    }
  }
  void ring_all() {
    for (std::uint32_t fn = 1; fn <= kFunctions; ++fn) {
      bed.ring_send(fn, kPosted - 1);
    }
  }
  std::uint32_t sent(std::uint32_t fn) { return bed.context(fn).sq[0].hw_counter; }
  Bed bed{params()};
};

TEST_F(FewContextsTest, functions_take_turns_of_what_one_fetch_brings) {
  ring_all();
  std::uint32_t apart = 0;
  for (int i = 0; i < 2000 && sent(1) + sent(2) + sent(3) < 3 * kPosted; ++i) {
    bed.run(kUs / 4);
    const auto counts = {sent(1), sent(2), sent(3)};
    apart = std::max(apart, std::max(counts) - std::min(counts));
  }
  EXPECT_EQ(bed.wire.frames.size(), std::size_t{3} * kPosted);
  EXPECT_LE(apart, 8U);
}

TEST_F(FewContextsTest, fetched_work_that_waits_is_no_obstacle_to_a_drain_and_is_not_lost) {
  ring_all();
  while (sent(1) == 0) {
    bed.run(kUs / 4);  // now the others wait with what they fetched
  }
  ASSERT_EQ(sent(2), 0U);
  bed.set_reg(2, FW_FN_CTRL, FW_CTRL_READY | FW_CTRL_INITIATOR_STOP);
  EXPECT_NE(bed.reg(2, FW_FN_STATUS) & FW_STATUS_DRAINED, 0U);
  bed.nic.impl().control.function_level_reset(3);
  bed.run(200 * kUs);
  EXPECT_EQ(bed.wire.frames.size(), kPosted);
  bed.set_reg(2, FW_FN_CTRL, FW_CTRL_READY);
  bed.run(200 * kUs);
  EXPECT_EQ(sent(2), kPosted);
  EXPECT_EQ(bed.wire.frames.size(), std::size_t{2} * kPosted);
}

TEST_F(DatapathTest, bad_key_gives_an_error_cqe_and_flushes_behind) {
  post(0);
  bed.put_send(kFn, 1, Bed::kBuffers, 100, Bed::kKey ^ 1);
  post(2);
  bed.ring_send(kFn, 2);
  bed.run(30 * kUs);
  EXPECT_EQ(bed.wire.frames.size(), 1U);
  const Bytes failed = bed.cqe(kFn, 1);
  EXPECT_EQ(VF_GET(cqe, failed.data(), opcode), VF_CQE_REQ_ERR);
  EXPECT_EQ(VF_GET(cqe, failed.data(), syndrome), 4U);
  const Bytes flushed = bed.cqe(kFn, 2);
  EXPECT_EQ(VF_GET(cqe, flushed.data(), opcode), VF_CQE_REQ_ERR);
  EXPECT_EQ(VF_GET(cqe, flushed.data(), syndrome), 5U);
  EXPECT_EQ(context().sq[0].state, VF_WQ_ERR);
}

TEST_F(DatapathTest, no_completion_possible_gives_a_queue_error_event) {
  context().cq[0].valid = 0;
  bed.eq_doorbell(kFn, 0, true);
  bed.put_send(kFn, 0, Bed::kBuffers, 100, 0x12345678);
  bed.ring_send(kFn, 0);
  bed.run(20 * kUs);
  const Bytes eqe = bed.eqe(kFn, 0);
  EXPECT_EQ(VF_GET(eqe, eqe.data(), event_type), VF_EVENT_WQ_CATAS_ERROR);
  EXPECT_EQ(eqe[0x34], 2);
  EXPECT_EQ(vf_be32_load(&eqe[0x38]), static_cast<std::uint32_t>(VF_SQ_BASE));
}

TEST_F(DatapathTest, full_cq_waits_for_the_record_and_overruns_if_it_does_not_move) {
  for (std::uint32_t i = 0; i < 17; ++i) {
    post(i % 16);
    bed.put_send(kFn, i, Bed::kBuffers, 100);
    bed.ring_send(kFn, i);
    bed.run(5 * kUs);
  }
  bed.run(20 * kUs);
  EXPECT_EQ(context().cq[0].error, 1);
  const Bytes eqe = bed.eqe(kFn, 0);
  EXPECT_EQ(VF_GET(eqe, eqe.data(), event_type), VF_EVENT_CQ_ERROR);
  EXPECT_EQ(eqe[0x2b], 1);
}

TEST_F(DatapathTest, arming_a_queue_with_unconsumed_entries_fires_at_once) {
  post(0);
  bed.ring_send(kFn, 0);
  bed.run(20 * kUs);
  EXPECT_EQ(context().eq[0].pi, 0U) << "not armed: no event";
  bed.arm_cq(kFn, 0);
  bed.run(5 * kUs);
  EXPECT_EQ(context().eq[0].pi, 1U);
  EXPECT_THAT(bed.trace.events, ElementsAre(write_at(Bed::kCqRing), write_at(Bed::kEqRing)));
  bed.eq_doorbell(kFn, 0, true);
  bed.run(5 * kUs);
  EXPECT_EQ(bed.trace.events.back(), "I 1.0");
  bed.eq_doorbell(kFn, 1, true);
  bed.arm_cq(kFn, 1);
  bed.run(5 * kUs);
  EXPECT_EQ(bed.trace.events.size(), 3U) << "all consumed: stays armed";
  EXPECT_EQ(context().cq[0].st, VF_QUEUE_ARMED);
  bed.eq_doorbell(kFn, 1, false);
  EXPECT_EQ(context().eq[0].st, VF_QUEUE_ARMED);
}

TEST_F(DatapathTest, eq_overrun_is_a_health_syndrome) {
  for (std::uint32_t i = 0; i < 20; ++i) {
    context().eqe_stage.type = VF_EVENT_PORT_CHANGE;
    bed.set_reg(kFn, FW_FN_EQE_POST, VF_EQ_BASE);
  }
  bed.run(20 * kUs);
  EXPECT_EQ(context().eq[0].pi, 16U);
  EXPECT_EQ(bed.bar_read(kFn, VF_BAR_HEALTH + 0x3c) >> 16 & 0xff, 0xcU);
}

TEST_F(DatapathTest, receive_scatters_and_completes) {
  bed.arm_cq(kFn, 0);
  bed.eq_doorbell(kFn, 0, true);
  bed.put_receive(kFn, 0, Bed::kBuffers + 0xf80, 2048);  // over a page boundary
  const Bytes frame = test_frame(kFn, 600);
  ASSERT_EQ(bed.deliver(frame), FrameDrop::none);
  bed.run(10 * kUs);
  EXPECT_EQ(bed.read(kFn, Bed::kBuffers + 0xf80, 600), frame);
  const Bytes cqe = bed.cqe(kFn, 0);
  EXPECT_EQ(VF_GET(cqe, cqe.data(), opcode), VF_CQE_RESP_SEND);
  EXPECT_EQ(VF_GET(cqe, cqe.data(), byte_cnt), 600U);
  EXPECT_EQ(VF_GET(cqe, cqe.data(), qpn), static_cast<std::uint64_t>(VF_RQ_BASE));
  EXPECT_EQ(VF_GET(cqe, cqe.data(), check_sum), ones_sum(frame.data() + 14, 586));
  EXPECT_EQ(context().rq[0].hw_counter, 1U);
  ASSERT_GE(bed.trace.events.size(), 3U);
  EXPECT_EQ(bed.trace.events.back(), "I 1.0");
  EXPECT_EQ(bed.trace.events[bed.trace.events.size() - 3], write_at(Bed::kCqRing));
  EXPECT_EQ(context().counters.rx_unicast_packets, 1U);
}

TEST_F(DatapathTest, frames_without_owner_or_buffer_are_refused) {
  const Bytes stranger = test_frame(77, 100);
  EXPECT_EQ(bed.deliver(stranger), FrameDrop::no_owner);
  const Bytes frame = test_frame(kFn, 100);
  EXPECT_EQ(bed.deliver(frame), FrameDrop::no_buffer);
  EXPECT_EQ(context().counters.rx_dropped, 1U);
  bed.put_receive(kFn, 0, Bed::kBuffers, 2048);
  bed.deliver(frame);
  bed.run(5 * kUs);
  EXPECT_EQ(bed.deliver(frame), FrameDrop::none);
  EXPECT_EQ(bed.nic.frame_arrived(Bytes(1700).data(), 1700), FrameDrop::too_long);
  bed.nic.set_link(false);
  EXPECT_EQ(bed.deliver(frame), FrameDrop::link_down);
  EXPECT_FALSE(bed.nic.owns_mac(frame.data()));
}

TEST_F(DatapathTest, a_multicast_frame_that_comes_back_is_not_for_its_sender) {
  bed.make_queues(2);
  Bytes frame = test_frame(0, 100);
  std::fill_n(frame.begin(), 6, std::uint8_t{0xff});
  frame[10] = 0;
  frame[11] = kFn;  // 02:00:00:00:00:<fn> sent it
  for (const std::uint32_t fn : {kFn, 2U}) {
    bed.put_receive(fn, 0, Bed::kBuffers, 2048);
  }
  EXPECT_EQ(bed.deliver(frame), FrameDrop::none);
  bed.run(10 * kUs);
  EXPECT_EQ(context().rq[0].hw_counter, 0U);
  EXPECT_EQ(bed.context(2).rq[0].hw_counter, 1U);
  frame[11] = 9;  // and somebody else's is for both
  bed.put_receive(2, 1, Bed::kBuffers, 2048);
  EXPECT_EQ(bed.deliver(frame), FrameDrop::none);
  bed.run(10 * kUs);
  EXPECT_EQ(context().rq[0].hw_counter, 1U);
}

TEST_F(DatapathTest, multicast_frames_wait_for_the_first_look_at_the_receive_record) {
  Bytes frame = test_frame(0, 100);
  std::fill_n(frame.begin(), 6, std::uint8_t{0xff});
  bed.put_receive(kFn, 0, Bed::kBuffers, 2048);
  bed.put_receive(kFn, 1, Bed::kBuffers + 4096, 2048);
  for (std::uint8_t i = 0; i < 3; ++i) {  // no buffer is known yet, and the third has none
    frame.back() = i;
    EXPECT_EQ(bed.nic.frame_arrived(frame.data(), static_cast<std::uint32_t>(frame.size())),
              FrameDrop::none);
  }
  bed.run(20 * kUs);
  EXPECT_EQ(context().rq[0].hw_counter, 2U);
  EXPECT_EQ(bed.read(kFn, Bed::kBuffers + 99, 1), Bytes{0});
  EXPECT_EQ(bed.read(kFn, Bed::kBuffers + 4096 + 99, 1), Bytes{1});
  EXPECT_EQ(context().counters.rx_dropped, 1U);
}

TEST_F(DatapathTest, a_frame_longer_than_its_buffers_is_an_error) {
  bed.put_receive(kFn, 0, Bed::kBuffers, 64);
  ASSERT_EQ(bed.deliver(test_frame(kFn, 100)), FrameDrop::none);
  bed.run(10 * kUs);
  const Bytes cqe = bed.cqe(kFn, 0);
  EXPECT_EQ(VF_GET(cqe, cqe.data(), opcode), VF_CQE_RESP_ERR);
  EXPECT_EQ(VF_GET(cqe, cqe.data(), syndrome), 1U);
  EXPECT_EQ(context().rq[0].state, VF_WQ_ERR);
}

TEST_F(DatapathTest, hash_spreads_over_the_table_and_flow_entries_choose_the_tir) {
  vf_function& c = context();
  bed.put_receive(kFn, 0, Bed::kBuffers, 2048);
  c.rq[5] = c.rq[0];
  c.rqt[0].valid = 1;
  c.rqt[0].actual = 1;
  c.rqt[0].rqn[0] = VF_RQ_BASE;
  c.tir[0].valid = 1;
  c.tir[0].disp_type = VF_TIR_DISP_INDIRECT;
  c.tir[0].rqtn = VF_RQT_BASE;
  c.tir[1].valid = 1;
  c.tir[1].disp_type = VF_TIR_DISP_DIRECT;
  c.tir[1].inline_rqn = VF_RQ_BASE + 5;
  c.fg[0].valid = 1;
  VF_SET(match_l2_l4, c.fg[0].mask, dmac_47_16, 0xffffffff);
  VF_SET(match_l2_l4, c.fg[0].mask, dmac_15_0, 0xffff);
  c.fte[3].valid = 1;
  c.fte[3].dest_type = VF_FLOW_DEST_TIR;
  c.fte[3].dest_id = VF_TIR_BASE + 1;
  c.fte[3].group = VF_FG_BASE;
  VF_SET(match_l2_l4, c.fte[3].value, dmac_47_16, 0x02000000);
  VF_SET(match_l2_l4, c.fte[3].value, dmac_15_0, kFn);
  const Bytes frame = test_frame(kFn, 100);
  const PacketView view = parse_packet(frame.data(), 100);
  EXPECT_EQ(bed.nic.impl().receivers.steering().target(kFn, frame.data(), view).rq, 5);
  c.fte[3].value[13] = 99;
  EXPECT_EQ(bed.nic.impl().receivers.steering().target(kFn, frame.data(), view).rq, 0);
}

// Verification vector of the Microsoft RSS specification: 66.9.149.187:2794 -> 161.142.100.80:1766,
// 0x51ccc178.
TEST_F(DatapathTest, toeplitz_hash_of_the_published_vector) {
  vf_function& c = context();
  const std::uint32_t key[10] = {0x6d5a56da, 0x255b0ec2, 0x4167253d, 0x43a38fb0, 0xd0ca2bcb,
                                 0xae7b30b4, 0x77cb2da3, 0x8030f20c, 0x6a42b73b, 0xbeac01fa};
  c.rqt[0].valid = 1;
  c.rqt[0].actual = 1;
  c.rqt[0].rqn[0] = VF_RQ_BASE;
  c.tir[0].valid = 1;
  c.tir[0].disp_type = VF_TIR_DISP_INDIRECT;
  c.tir[0].rqtn = VF_RQT_BASE;
  c.tir[0].hash_fn = 2;
  c.tir[0].hash_fields = 0xf;
  std::copy(key, key + 10, c.tir[0].toeplitz);
  Bytes f(54, 0);
  be16_store(&f[12], 0x0800);
  const Bytes ip{0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 66, 9, 149, 187, 161, 142, 100, 80};
  std::copy(ip.begin(), ip.end(), f.begin() + 14);
  be16_store(&f[34], 2794);
  be16_store(&f[36], 1766);
  f[46] = 0x50;
  const RxTarget target =
      bed.nic.impl().receivers.steering().target(kFn, f.data(), parse_packet(f.data(), 54));
  EXPECT_EQ(target.hash, 0x51ccc178U);
  EXPECT_EQ(target.hash_type, 0xcc);
}

}  // namespace
}  // namespace vfsim::model
