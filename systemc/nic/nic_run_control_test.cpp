// Gates, drain, reset, SR-IOV, interrupts and BAR0 of the functions.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"
#include "systemc/nic/nic_test_bed.hpp"

namespace vfsim::model {
namespace {

using testing::ElementsAre;
using Bed = NicTestBed;

constexpr std::uint32_t kFn = 1;
constexpr std::uint32_t kRun = FW_CTRL_READY;
constexpr std::uint32_t kGateClosed = FW_CTRL_READY | FW_CTRL_INITIATOR_STOP;
constexpr std::uint32_t kStopped = kGateClosed | FW_CTRL_RESPONDER_STOP;

/// Keeps the last TLP that the NIC sends.
struct AnswerSink final : PciePort {
  bool can_send(TlpKind, std::uint32_t) override { return true; }
  void send(const Tlp& tlp, const std::uint8_t*) override { last = tlp; }
  [[nodiscard]] Ps tx_free_at() const override { return 0; }
  Tlp last;
};

class RunControlTest : public testing::Test {
 protected:
  RunControlTest() {
    bed.enable_vfs(2);
    bed.make_queues(kFn);
    bed.make_queues(2);
  }
  void send(std::uint32_t fn, std::uint32_t index) {
    bed.write(fn, Bed::kBuffers, test_frame(9, 1000));
    bed.put_send(fn, index, Bed::kBuffers, 1000);
    bed.ring_send(fn, index);
  }
  std::uint32_t drain_bits() { return bed.nic.impl().registers.reg_read(FW_DRAIN_FN0); }
  std::uint32_t irq() { return bed.nic.impl().registers.irq_level(); }
  vf_function& context() { return bed.context(kFn); }
  Bed bed;
};

TEST_F(RunControlTest, gate_lets_work_in_progress_end_and_reports_drained) {
  for (std::uint32_t i = 0; i < 4; ++i) {
    send(kFn, i);
  }
  bed.run(900 * kNs);  // WQEs are fetched, payload is on its way
  ASSERT_NE(bed.nic.outstanding_reads(kFn), 0U);
  bed.set_reg(kFn, FW_FN_CTRL, kGateClosed);
  EXPECT_EQ(bed.reg(kFn, FW_FN_STATUS) & FW_STATUS_DRAINED, 0U);
  EXPECT_EQ(drain_bits(), 0U);
  bed.run(50 * kUs);
  EXPECT_EQ(drain_bits(), 1U << kFn);
  EXPECT_NE(irq() & FW_IRQ_PENDING_DRAIN, 0U);
  EXPECT_NE(bed.reg(kFn, FW_FN_STATUS) & FW_STATUS_DRAINED, 0U);
  EXPECT_EQ(bed.reg(kFn, FW_FN_OUTSTANDING), 0U);
  const std::size_t sent = bed.wire.frames.size();
  EXPECT_EQ(context().sq[0].hw_counter, sent);
  bed.nic.impl().registers.reg_write(FW_DRAIN_FN0, ~0U);
  EXPECT_EQ(irq() & FW_IRQ_PENDING_DRAIN, 0U);
  bed.set_reg(kFn, FW_FN_CTRL, kRun);
  bed.run(50 * kUs);
  EXPECT_EQ(bed.wire.frames.size(), 4U) << "every WQE exactly once";
}

TEST_F(RunControlTest, closed_gate_holds_doorbells_arms_and_events_until_it_opens) {
  bed.set_reg(kFn, FW_FN_CTRL, kGateClosed);
  EXPECT_EQ(drain_bits(), 1U << kFn) << "nothing to drain";
  send(kFn, 0);
  bed.eq_doorbell(kFn, 0, true);
  context().eqe_stage.type = VF_EVENT_PORT_CHANGE;
  context().eqe_stage.sub_type = VF_PORT_CHANGE_DOWN;
  bed.set_reg(kFn, FW_FN_EQE_POST, VF_EQ_BASE);
  EXPECT_EQ(bed.deliver(test_frame(kFn, 100)), FrameDrop::suspended);
  EXPECT_FALSE(bed.nic.owns_mac(test_frame(kFn, 14).data()));
  bed.run(50 * kUs);
  EXPECT_TRUE(bed.trace.events.empty());
  EXPECT_TRUE(bed.wire.frames.empty());
  EXPECT_EQ(context().sq[0].sw_counter, 1U);
  EXPECT_EQ(context().held_events, 1U);
  send(2, 0);  // the sibling works
  bed.run(20 * kUs);
  EXPECT_EQ(bed.wire.frames.size(), 1U);
  bed.set_reg(kFn, FW_FN_CTRL, kRun);
  bed.run(50 * kUs);
  EXPECT_EQ(bed.wire.frames.size(), 2U);
  EXPECT_EQ(context().held_events, 0U);
  const Bytes eqe = bed.eqe(kFn, 0);
  EXPECT_EQ(VF_GET(eqe, eqe.data(), event_type), VF_EVENT_PORT_CHANGE);
  EXPECT_EQ(std::count(bed.trace.events.begin(), bed.trace.events.end(), "I 1.0"), 1);
}

TEST_F(RunControlTest, rescan_fires_armed_queues_of_a_loaded_image) {
  bed.set_reg(kFn, FW_FN_CTRL, kGateClosed);
  context().cq[0].pi = 3;
  context().cq[0].ci = 2;
  context().cq[0].st = VF_QUEUE_ARMED;
  context().eq[0].st = VF_QUEUE_ARMED;
  bed.set_reg(kFn, FW_FN_CTRL, kRun);
  bed.run(10 * kUs);
  EXPECT_THAT(bed.trace.events, ElementsAre("W " + std::to_string(Bed::kEqRing), "I 1.0"));
}

TEST_F(RunControlTest, commands_are_hidden_while_the_gate_is_closed) {
  std::uint8_t dword[4];
  bed.nic.impl().registers.reg_write(FW_CMD_ROOM, FW_CMD_ROOM_ANY | FW_CMD_ROOM_LAST);
  vf_be32_store(dword, 1U << 5);
  bed.bar_write(kFn, VF_BAR_CMD_DB, dword, 4);
  EXPECT_EQ(bed.reg(kFn, FW_FN_CMD_DB), 0U) << "no queue address yet";
  vf_be32_store(dword, 0x12);
  bed.bar_write(kFn, VF_BAR_CMDQ_HI, dword, 4);
  EXPECT_EQ(bed.reg(kFn, FW_FN_CMDQ_HI), 0U) << "latched by the lower half";
  vf_be32_store(dword, 0x3456789a);
  bed.bar_write(kFn, VF_BAR_CMDQ_LO, dword, 4);
  EXPECT_EQ(bed.reg(kFn, FW_FN_CMDQ_HI), 0x12U);
  EXPECT_EQ(bed.reg(kFn, FW_FN_CMDQ_LO), 0x34567000U);
  EXPECT_EQ(bed.bar_read(kFn, VF_BAR_CMDQ_LO), 0x34567056U) << "log sizes 5 and 6";
  bed.set_reg(kFn, FW_FN_CTRL, kGateClosed);
  vf_be32_store(dword, 1U << 5);
  bed.bar_write(kFn, VF_BAR_CMD_DB, dword, 4);
  EXPECT_EQ(bed.reg(kFn, FW_FN_CMD_DB), 1U << 5);
  EXPECT_EQ(irq() & FW_IRQ_PENDING_CMD, 0U);
  bed.set_reg(kFn, FW_FN_CTRL, kRun);
  EXPECT_NE(irq() & FW_IRQ_PENDING_CMD, 0U);
  EXPECT_EQ(bed.nic.impl().registers.reg_read(FW_CMD_OFFER),
            FW_CMD_OFFER_VALID | kFn << FW_CMD_FN_SHIFT | 5U);
  bed.set_reg(kFn, FW_FN_CMD_DB, 1U << 5);
  EXPECT_EQ(irq() & FW_IRQ_PENDING_CMD, 0U);
}

TEST_F(RunControlTest, stopped_responder_reads_zero_drops_writes_keeps_msix_and_digest) {
  bed.run(600 * kUs);
  EXPECT_NE(bed.bar_read(kFn, VF_BAR_CMDIF_REV), 0U);
  bed.set_reg(kFn, FW_FN_CTRL, kStopped);
  const std::uint64_t digest = bed.nic.state_digest(kFn);
  EXPECT_EQ(bed.bar_read(kFn, VF_BAR_CMDIF_REV), 0U);
  EXPECT_EQ(bed.bar_read(kFn, VF_BAR_HEALTH_COUNTER), 0U);
  send(kFn, 0);
  bed.arm_cq(kFn, 0);
  bed.run(10 * kUs);
  EXPECT_EQ(bed.nic.state_digest(kFn), digest);
  EXPECT_EQ(context().sq[0].sw_counter, 0U);
  const std::uint8_t vector_control[4] = {1, 0, 0, 0};
  bed.bar_write(kFn, VF_BAR_MSIX_TABLE + 12, vector_control, 4);
  EXPECT_EQ(bed.bar_read(kFn, VF_BAR_MSIX_TABLE + 12), 0x01000000U) << "little-endian 1";
  EXPECT_EQ(bed.nic.state_digest(kFn), digest);
  context().cq[0].pi++;
  EXPECT_NE(bed.nic.state_digest(kFn), digest);
}

TEST_F(RunControlTest, masked_and_held_vectors_stay_pending_and_leave_once) {
  const std::uint8_t masked[4] = {1, 0, 0, 0};
  const std::uint8_t unmasked[4] = {0, 0, 0, 0};
  bed.bar_write(kFn, VF_BAR_MSIX_TABLE + 12, masked, 4);
  bed.nic.impl().interrupts.raise(kFn, 0);
  bed.nic.impl().interrupts.raise(kFn, 0);
  bed.run(5 * kUs);
  EXPECT_TRUE(bed.trace.events.empty());
  EXPECT_EQ(bed.reg(kFn, FW_FN_MSIX_PEND), 1U);
  bed.bar_write(kFn, VF_BAR_MSIX_TABLE + 12, unmasked, 4);
  bed.run(5 * kUs);
  EXPECT_THAT(bed.trace.events, ElementsAre("I 1.0"));
  bed.set_reg(kFn, FW_FN_CTRL, kStopped);
  bed.set_reg(kFn, FW_FN_MSIX_PEND, 1);  // of a loaded image
  bed.run(5 * kUs);
  EXPECT_EQ(bed.trace.events.size(), 1U);
  bed.set_reg(kFn, FW_FN_CTRL, kGateClosed);
  bed.run(5 * kUs);
  EXPECT_EQ(bed.trace.events.size(), 2U) << "interrupts of completed work may leave in P2P";
  EXPECT_EQ(bed.reg(kFn, FW_FN_MSIX_PEND), 0U);
}

TEST_F(RunControlTest, flr_with_outstanding_reads_touches_nobody_else) {
  send(2, 0);
  for (std::uint32_t i = 0; i < 8; ++i) {
    send(kFn, i);
  }
  bed.run(900 * kNs);
  ASSERT_NE(bed.nic.outstanding_reads(kFn), 0U);
  ConfigSpace& config = bed.nic.impl().control.function(kFn).config();
  config.write(ConfigSpace::kPcieCap + 8, 0x8000, 2);
  EXPECT_EQ(bed.nic.outstanding_reads(kFn), 0U);
  EXPECT_NE(bed.bar_read(kFn, VF_BAR_INITIALIZING), 0U);
  EXPECT_EQ(bed.nic.impl().registers.reg_read(FW_FLR_FN0), 1U << kFn);
  EXPECT_NE(irq() & FW_IRQ_PENDING_FLR, 0U);
  EXPECT_NE(bed.reg(kFn, FW_FN_STATUS) & FW_STATUS_IN_RESET, 0U);
  bed.run(50 * kUs);
  EXPECT_EQ(bed.wire.frames.size(), 1U) << "the sibling's frame only";
  EXPECT_NE(bed.nic.stats().unexpected_completions, 0U) << "late completions are discarded";
  std::memset(&context().eq, 0, sizeof context().eq);
  std::memset(&context().cq, 0, sizeof context().cq);
  std::memset(&context().sq, 0, sizeof context().sq);
  bed.set_reg(kFn, FW_FN_CTRL, FW_CTRL_READY | FW_CTRL_RESET_DONE);
  EXPECT_EQ(irq() & FW_IRQ_PENDING_FLR, 0U);
  bed.run(600 * kUs);
  EXPECT_EQ(bed.bar_read(kFn, VF_BAR_INITIALIZING), 0U);
  bed.make_queues(kFn);
  bed.set_command(kFn, Bed::kMaster);  // the reset took it away
  send(kFn, 0);
  bed.run(20 * kUs);
  EXPECT_EQ(bed.wire.frames.size(), 2U);
}

TEST_F(RunControlTest, functions_that_are_not_enabled_do_not_answer) {
  AnswerSink sink;
  bed.nic.connect(sink, bed.wire);
  Tlp read;
  read.kind = TlpKind::mem_read;
  read.completer = Bed::kRid + 3;
  read.bytes = 4;
  bed.nic.receive(read, nullptr);
  bed.run(kUs);
  EXPECT_EQ(sink.last.status, CplStatus::unsupported_request);
  EXPECT_EQ(bed.nic.impl().registers.reg_read(FW_NUM_VFS), 2U);
  read.completer = Bed::kRid + 2;
  read.addr = VF_BAR_CMDIF_REV;
  bed.nic.receive(read, nullptr);
  bed.run(kUs);
  EXPECT_EQ(sink.last.status, CplStatus::successful);
  EXPECT_EQ(sink.last.bytes, 4U);
  bed.nic.impl().control.function(0).config().write(ConfigSpace::kSriovCap + 0x08, 0, 2);
  EXPECT_EQ(bed.nic.impl().registers.reg_read(FW_FLR_FN0), 6U)
      << "VF Enable cleared resets both VFs";
  bed.nic.receive(read, nullptr);
  bed.run(kUs);
  EXPECT_EQ(sink.last.status, CplStatus::unsupported_request);
}

TEST_F(RunControlTest, function_that_is_no_bus_master_sends_nothing_until_it_is) {
  bed.set_command(kFn, 0);
  send(kFn, 0);
  send(2, 0);
  context().eq[0].st = VF_QUEUE_ARMED;
  context().eqe_stage.type = VF_EVENT_PORT_CHANGE;
  bed.set_reg(kFn, FW_FN_EQE_POST, VF_EQ_BASE);
  bed.run(100 * kUs);
  EXPECT_EQ(bed.nic.stats().fn[kFn].reads_sent + bed.nic.stats().fn[kFn].writes_sent, 0U);
  EXPECT_EQ(bed.wire.frames.size(), 1U) << "its sibling's";
  bed.set_command(kFn, Bed::kMaster);
  bed.run(100 * kUs);
  EXPECT_EQ(bed.wire.frames.size(), 2U) << "held, not lost";
  EXPECT_EQ(bed.eqe(kFn, 0)[1], VF_EVENT_PORT_CHANGE);
  EXPECT_EQ(bed.nic.stats().fn[kFn].interrupts, 1U);
}

TEST_F(RunControlTest, bus_master_taken_away_ends_the_wait_after_a_time_out) {
  send(kFn, 0);
  bed.run(100 * kNs);  // the WQE's fetch is submitted
  bed.set_command(kFn, 0);
  bed.set_reg(kFn, FW_FN_CTRL, kGateClosed);
  bed.run(10 * kMs);
  send(kFn, 1);
  bed.run(60 * kMs);
  EXPECT_NE(bed.reg(kFn, FW_FN_STATUS) & FW_STATUS_DRAINED, 0U) << "a quiesce is live";
  EXPECT_TRUE(bed.wire.frames.empty());
}

TEST_F(RunControlTest, memory_space_enable_gates_the_bars) {
  AnswerSink sink;
  bed.nic.connect(sink, bed.wire);
  const auto status = [&](std::uint32_t fn) {
    Tlp read;
    read.kind = TlpKind::mem_read;
    read.completer = static_cast<Rid>(Bed::kRid + fn);
    read.addr = VF_BAR_CMDIF_REV;
    read.bytes = 4;
    bed.nic.receive(read, nullptr);
    bed.run(kUs);
    return sink.last.status;
  };
  std::vector<CplStatus> seen{status(0), status(1)};
  bed.set_command(0, Bed::kMaster);
  seen.push_back(status(0));
  seen.push_back(status(1));
  bed.nic.impl().control.function(0).config().write(ConfigSpace::kSriovCap + 0x08, 1, 2);
  seen.push_back(status(1));
  constexpr CplStatus kGood = CplStatus::successful, kNone = CplStatus::unsupported_request;
  EXPECT_THAT(seen, ElementsAre(kGood, kGood, kNone, kGood, kNone));
}

TEST_F(RunControlTest, timers_and_health_counter_follow_simulated_time) {
  bed.run(kMs);
  EXPECT_EQ(bed.bar_read(kFn, VF_BAR_TIMER_L), 1000000U);
  const std::uint32_t before = bed.bar_read(kFn, VF_BAR_HEALTH_COUNTER);
  bed.run(kMs);
  EXPECT_NE(bed.bar_read(kFn, VF_BAR_HEALTH_COUNTER), before);
}

TEST_F(RunControlTest, link_change_reaches_the_firmware) {
  bed.nic.set_link(false);
  EXPECT_EQ(bed.nic.impl().registers.reg_read(FW_PORT_STATUS), 2U);
  EXPECT_NE(irq() & FW_IRQ_PENDING_PORT, 0U);
  bed.nic.impl().registers.reg_write(FW_PORT_STATUS, 2);
  EXPECT_EQ(irq() & FW_IRQ_PENDING_PORT, 0U);
}

TEST_F(RunControlTest, snapshot_holds_pages_of_writes_in_flight_twice) {
  vf_function& c = context();
  c.track_log_page = 12;
  c.track_range_count = 1;
  c.track_range[0] = {0, Bed::kFunctionBytes};
  bed.set_reg(kFn, FW_FN_TRACK_CTRL, 1);
  c.snap_len = Bed::kFunctionBytes;
  bed.put_receive(kFn, 0, Bed::kBuffers, 2048);
  ASSERT_EQ(bed.deliver(test_frame(kFn, 200)), FrameDrop::none);
  while (bed.nic.inflight_writes(kFn) == 0) {
    bed.run(10 * kNs);
  }
  bed.set_reg(kFn, FW_FN_TRACK_SNAP, 1);
  ASSERT_EQ(c.snap_count, 1U) << "in flight";
  EXPECT_EQ(c.snap_page[0], Bed::kBuffers);
  bed.run(10 * kUs);
  bed.set_reg(kFn, FW_FN_TRACK_SNAP, 1);
  ASSERT_EQ(c.snap_count, 2U) << "landed; and the completion entry";
  EXPECT_EQ(c.snap_page[0], Bed::kCqRing);
  EXPECT_EQ(c.snap_page[1], Bed::kBuffers);
  bed.set_reg(kFn, FW_FN_TRACK_SNAP, 1);
  EXPECT_EQ(c.snap_count, 0U);
}

TEST_F(RunControlTest, faults_break_what_they_say) {
  bed.nic.set_faults(contract::fault_set({VF_FAULT_p2p_doorbell_lost, VF_FAULT_dma_after_suspend}));
  bed.set_reg(kFn, FW_FN_CTRL, kGateClosed);
  send(kFn, 0);
  bed.run(20 * kUs);
  EXPECT_EQ(context().sq[0].sw_counter, 0U) << "forgotten";
  bed.nic.set_faults(contract::fault_set({VF_FAULT_dma_after_suspend}));
  send(kFn, 0);
  bed.run(20 * kUs);
  EXPECT_EQ(bed.wire.frames.size(), 1U) << "sent through the closed gate";
  bed.nic.set_faults(contract::fault_set({VF_FAULT_stop_executes_mmio}));
  bed.set_reg(kFn, FW_FN_CTRL, kStopped);
  EXPECT_NE(bed.bar_read(kFn, VF_BAR_CMDIF_REV), 0U);
}

TEST_F(RunControlTest, interrupt_overtakes_its_event_by_fault) {
  bed.nic.set_faults(contract::fault_set({VF_FAULT_msi_before_eqe}));
  bed.arm_cq(kFn, 0);
  bed.eq_doorbell(kFn, 0, true);
  send(kFn, 0);
  bed.run(20 * kUs);
  EXPECT_THAT(bed.trace.events, ElementsAre("W " + std::to_string(Bed::kCqRing), "I 1.0",
                                            "W " + std::to_string(Bed::kEqRing)));
}

}  // namespace
}  // namespace vfsim::model
