#include <gtest/gtest.h>

#include "firmware/core/migration_rig.hpp"
#include "firmware/interface/fault_set.hpp"

namespace vfsim::fwtest {
namespace {

void expect_refused(const Reply& reply, std::uint32_t status, std::uint32_t syndrome) {
  EXPECT_TRUE(reply.completed);
  EXPECT_EQ(reply.status(), status);
  EXPECT_EQ(reply.syndrome(), syndrome) << std::hex << reply.syndrome();
}

std::uint32_t ctrl(Rig& rig, std::uint32_t fn) {
  return rig.nic.reg(fn, FW_FN_CTRL);
}

TEST(Quiesce, OrderIsEnforced) {
  Rig rig;
  ASSERT_TRUE(rig.good);
  const auto bad = [](const Reply& r, std::uint32_t syndrome) {
    expect_refused(r, VF_STATUS_BAD_RES_STATE, syndrome);
  };
  bad(rig.suspend(1, VF_SUSPEND_RESPONDER), VF_SYND_SUSPEND_ORDER);
  bad(rig.resume(1, VF_RESUME_INITIATOR), VF_SYND_NOT_SUSPENDED);
  bad(rig.resume(1, VF_RESUME_RESPONDER), VF_SYND_NOT_SUSPENDED);
  EXPECT_TRUE(rig.suspend(1, VF_SUSPEND_INITIATOR).ok());
  EXPECT_EQ(ctrl(rig, 1) & (FW_CTRL_INITIATOR_STOP | FW_CTRL_RESPONDER_STOP),
            std::uint32_t{FW_CTRL_INITIATOR_STOP});
  bad(rig.suspend(1, VF_SUSPEND_INITIATOR), VF_SYND_ALREADY_SUSPENDED);
  bad(rig.resume(1, VF_RESUME_RESPONDER), VF_SYND_NOT_SUSPENDED);
  EXPECT_TRUE(rig.suspend(1, VF_SUSPEND_RESPONDER).ok());
  EXPECT_EQ(ctrl(rig, 1) & (FW_CTRL_INITIATOR_STOP | FW_CTRL_RESPONDER_STOP),
            static_cast<std::uint32_t>(FW_CTRL_INITIATOR_STOP | FW_CTRL_RESPONDER_STOP));
  bad(rig.suspend(1, VF_SUSPEND_RESPONDER), VF_SYND_ALREADY_SUSPENDED);
  bad(rig.resume(1, VF_RESUME_INITIATOR), VF_SYND_RESUME_ORDER);
  EXPECT_TRUE(rig.resume(1, VF_RESUME_RESPONDER).ok());
  EXPECT_TRUE(rig.resume(1, VF_RESUME_INITIATOR).ok());
  EXPECT_EQ(ctrl(rig, 1) & (FW_CTRL_INITIATOR_STOP | FW_CTRL_RESPONDER_STOP), 0U);
  EXPECT_NE(ctrl(rig, 1) & FW_CTRL_READY, 0U);
}

TEST(Quiesce, WhoMayAndWhom) {
  Rig rig;
  expect_refused(rig.nic.run(1, Rig::vhca_command(VF_OP_SUSPEND_VHCA, 2)), VF_STATUS_BAD_PARAM,
                 VF_SYND_NOT_PERMITTED);
  expect_refused(rig.suspend(0, 0), VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
  expect_refused(rig.suspend(5, 0), VF_STATUS_BAD_PARAM, VF_SYND_BAD_VHCA_ID);
  expect_refused(rig.suspend(500, 0), VF_STATUS_BAD_PARAM, VF_SYND_BAD_VHCA_ID);
  expect_refused(rig.suspend(1, 2), VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
  expect_refused(rig.resume(1, 7), VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
}

TEST(Quiesce, AcknowledgesAfterTheDrainOnly) {
  Rig rig;
  rig.nic.auto_drain = false;
  rig.nic.drained(1, false);
  rig.nic.submit(0, 3, Rig::vhca_command(VF_OP_SUSPEND_VHCA, 1, VF_SUSPEND_INITIATOR), 16);
  rig.nic.poll();
  EXPECT_NE(ctrl(rig, 1) & FW_CTRL_INITIATOR_STOP, 0U) << "gate is closed";
  EXPECT_FALSE(rig.nic.reply(0, 3).completed);
  expect_refused(rig.suspend(1, VF_SUSPEND_INITIATOR), VF_STATUS_BAD_RES_STATE,
                 VF_SYND_ALREADY_SUSPENDED);
  expect_refused(rig.resume(1, VF_RESUME_INITIATOR), VF_STATUS_BAD_RES_STATE,
                 VF_SYND_NOT_SUSPENDED);
  rig.nic.drained(1, true);
  rig.nic.poll();
  EXPECT_TRUE(rig.nic.reply(0, 3).ok());
  EXPECT_TRUE(rig.state(1).suspended_initiator);
}

TEST(Quiesce, FaultAcknowledgesWithoutTheDrain) {
  fw_config config = MockNic::default_config();
  config.faults = contract::fault_set({VF_FAULT_ack_before_drain});
  Rig rig(config);
  rig.nic.auto_drain = false;
  rig.nic.drained(1, false);
  EXPECT_TRUE(rig.suspend(1, VF_SUSPEND_INITIATOR).ok());
}

TEST(Quiesce, RunningCommandsEndFirstAndNewOnesWait) {
  Rig rig;
  rig.nic.defer_dma = true;
  rig.nic.submit(1, 0, command(VF_OP_ALLOC_PD), 16);
  rig.nic.poll();  // the entry of the VF's command is being fetched
  ASSERT_EQ(rig.state(1).commands_running, 1U);
  rig.nic.submit(0, 1, Rig::vhca_command(VF_OP_SUSPEND_VHCA, 1, VF_SUSPEND_INITIATOR), 16);
  rig.nic.poll();
  const auto step = [&] {
    rig.nic.finish_dma(1);
    rig.nic.poll();
  };
  rig.nic.finish_dma();  // VF entry and PF entry
  rig.nic.poll();
  EXPECT_EQ(ctrl(rig, 1) & FW_CTRL_INITIATOR_STOP, 0U) << "the VF's command has not answered yet";
  rig.nic.submit(1, 1, command(VF_OP_ALLOC_PD), 16);
  for (int i = 0; i < 20 && !rig.nic.reply(0, 1).completed; ++i) {
    step();
  }
  EXPECT_TRUE(rig.nic.reply(0, 1).ok());
  EXPECT_TRUE(rig.nic.reply(1, 0).ok());
  EXPECT_FALSE(rig.nic.reply(1, 1).completed) << "stays in the doorbell vector";
  EXPECT_EQ(rig.nic.reg(1, FW_FN_CMD_DB), 2U);
  rig.nic.defer_dma = false;
  EXPECT_TRUE(rig.suspend(1, VF_SUSPEND_RESPONDER).ok());
  EXPECT_TRUE(rig.run(1));
  rig.nic.poll();
  EXPECT_TRUE(rig.nic.reply(1, 1).ok()) << "runs after resume";
}

TEST(Quiesce, CompletionTimeOutReopensTheGate) {
  Rig rig;
  rig.nic.reg(1, FW_FN_STATUS) |= FW_STATUS_CPL_TIMEOUT;
  expect_refused(rig.suspend(1, VF_SUSPEND_INITIATOR), VF_STATUS_INTERNAL, VF_SYND_DRAIN_TIMEOUT);
  EXPECT_EQ(ctrl(rig, 1) & FW_CTRL_INITIATOR_STOP, 0U);
  rig.nic.reg(1, FW_FN_STATUS) &= ~std::uint32_t{FW_STATUS_CPL_TIMEOUT};
  EXPECT_TRUE(rig.nic.run(1, command(VF_OP_ALLOC_PD)).ok()) << "the function runs";
  EXPECT_TRUE(rig.stop(1));
}

TEST(Quiesce, ResetDuringTheDrain) {
  Rig rig;
  rig.nic.auto_drain = false;
  rig.nic.drained(1, false);
  rig.nic.submit(0, 3, Rig::vhca_command(VF_OP_SUSPEND_VHCA, 1, VF_SUSPEND_INITIATOR), 16);
  rig.nic.poll();
  rig.nic.flr(1);
  rig.nic.poll();
  expect_refused(rig.nic.reply(0, 3), VF_STATUS_BAD_RES_STATE, VF_SYND_FUNCTION_RESET);
  EXPECT_EQ(ctrl(rig, 1) & FW_CTRL_INITIATOR_STOP, 0U);
  rig.nic.auto_drain = true;
  EXPECT_TRUE(rig.stop(1)) << "a new suspend starts from the running state";
  rig.nic.flr(1);
  rig.nic.poll();
  EXPECT_FALSE(rig.state(1).suspended_initiator || rig.state(1).suspended_responder);
}

TEST(Quiesce, ResponderWaitsForInterruptsOnTheirWay) {
  Rig rig;
  ASSERT_TRUE(rig.suspend(1, VF_SUSPEND_INITIATOR).ok());
  rig.nic.reg(1, FW_FN_STATUS) &= ~std::uint32_t{FW_STATUS_DRAINED};
  rig.nic.submit(0, 3, Rig::vhca_command(VF_OP_SUSPEND_VHCA, 1, VF_SUSPEND_RESPONDER), 16);
  rig.nic.poll(50);
  EXPECT_NE(ctrl(rig, 1) & FW_CTRL_RESPONDER_STOP, 0U);
  EXPECT_FALSE(rig.nic.reply(0, 3).completed);
  rig.nic.reg(1, FW_FN_STATUS) |= FW_STATUS_DRAINED;  // no interrupt announces it
  rig.nic.poll();
  EXPECT_TRUE(rig.nic.reply(0, 3).ok());
}

TEST(Quiesce, LinkChangeWaitsForTheResume) {
  Rig rig;
  rig.populate(1);
  rig.nic.ctx(1).eq[0].mask[0] |= 1ULL << VF_EVENT_PORT_CHANGE;
  ASSERT_TRUE(rig.stop(1));
  const Digest stopped = rig.digest(1);
  const std::size_t events = rig.nic.events.size();
  rig.nic.set_link(false);
  rig.nic.poll();
  EXPECT_TRUE(rig.digest(1) == stopped) << "nothing of a stopped function changes";
  ASSERT_TRUE(rig.run(1));
  const auto said = [&] {
    std::size_t n = 0;
    for (std::size_t i = events; i < rig.nic.events.size(); ++i) {
      const auto& e = rig.nic.events[i];
      n += e.fn == 1 && e.event.type == VF_EVENT_PORT_CHANGE &&
           e.event.sub_type == VF_PORT_CHANGE_DOWN;
    }
    return n;
  };
  EXPECT_EQ(said(), 1U);
}

/// An image that another NIC with another link saved: the function is what the image says until it
/// runs.
TEST(Quiesce, LoadIsTheIdentityWhateverTheLink) {
  Rig source;
  source.populate(1);
  ASSERT_TRUE(source.stop(1));
  const Saved first = source.save(1);
  Rig destination;
  destination.nic.set_link(false);
  destination.nic.poll();
  ASSERT_TRUE(destination.stop(1));
  ASSERT_TRUE(destination.load(1, first.image).ok());
  EXPECT_EQ(destination.save(1).image, first.image);
}

TEST(Quiesce, PfResetUndoesHalfASuspend) {
  Rig rig;
  rig.nic.auto_drain = false;
  rig.nic.drained(1, false);
  rig.nic.submit(0, 3, Rig::vhca_command(VF_OP_SUSPEND_VHCA, 1, VF_SUSPEND_INITIATOR), 16);
  rig.nic.poll();
  rig.nic.flr(0);
  rig.nic.poll();
  EXPECT_EQ(ctrl(rig, 1) & FW_CTRL_INITIATOR_STOP, 0U);
  EXPECT_FALSE(rig.state(1).suspending);
}

}  // namespace
}  // namespace vfsim::fwtest
