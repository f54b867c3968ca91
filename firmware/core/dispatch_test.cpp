// What is checked alike for all commands, and the life of a function.
#include <gtest/gtest.h>

#include "firmware/core/object_rig.hpp"
#include "firmware/interface/tables.hpp"

namespace vfsim::fwtest {
namespace {

Reply enable_self(MockNic& nic, std::uint32_t fn) {
  return nic.run(fn, command(VF_OP_ENABLE_HCA));
}

void expect(const Reply& r, std::uint32_t status, std::uint32_t syndrome,
            const std::string& what = "") {
  EXPECT_TRUE(r.completed) << what;
  EXPECT_EQ(r.delivery, VF_DELIVERY_OK) << what;
  EXPECT_EQ(r.status(), status) << what;
  EXPECT_EQ(r.syndrome(), syndrome) << what;
}

TEST(Dispatch, UnknownOpcodeAndOpMod) {
  Objects o;
  expect(o.run(command(0x2ff)), VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OPCODE);
  expect(o.run(command(0)), VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OPCODE);
  expect(o.run(command(VF_OP_ALLOC_PD, 1)), VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
  expect(o.run(command(VF_OP_QUERY_PAGES, 0)), VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
  expect(o.run(command(VF_OP_QUERY_PAGES, 4)), VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
  expect(o.run(command(VF_OP_ACCESS_REG, 2)), VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
  expect(o.run(command(VF_OP_SET_HCA_CAP, 1)), VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
}

/// Every command of the table that is one byte short in either direction says so and changes
/// nothing.
TEST(Dispatch, EveryCommandChecksItsLengths) {
  Objects o;
  for (const contract::OpcodeRow& row : contract::kOpcodes) {
    Bytes in = command(row.value);
    if (row.value == VF_OP_QUERY_PAGES) {
      in = command(row.value, VF_PAGES_BOOT);
    }
    const std::string name(row.name);
    if (row.in_bytes > 16) {
      Bytes shorter = in;
      shorter.resize(row.in_bytes - 1);
      expect(o.run(shorter), VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT, name);
    }
    expect(o.run(in, row.out_bytes - 1), VF_STATUS_BAD_OUTPUT_LEN, VF_SYND_SHORT_OUTPUT, name);
  }
  EXPECT_EQ(o.pd(), static_cast<std::uint32_t>(VF_PD_BASE)) << "nothing was allocated";
}

TEST(Dispatch, NeedsEnableAndInit) {
  MockNic nic;
  expect(nic.run(0, command(VF_OP_QUERY_ISSI)), VF_STATUS_BAD_SYS_STATE,
         VF_SYND_FUNCTION_NOT_ENABLED);
  EXPECT_TRUE(nic.enable(0).ok());
  EXPECT_TRUE(nic.run(0, command(VF_OP_QUERY_ISSI)).ok());
  expect(nic.run(0, command(VF_OP_ALLOC_PD)), VF_STATUS_BAD_SYS_STATE, VF_SYND_HCA_NOT_INITIALIZED);
  EXPECT_TRUE(nic.run(0, command(VF_OP_INIT_HCA)).ok());
  EXPECT_TRUE(nic.run(0, command(VF_OP_ALLOC_PD)).ok());
  EXPECT_TRUE(nic.run(0, command(VF_OP_TEARDOWN_HCA)).ok());
  expect(nic.run(0, command(VF_OP_ALLOC_PD)), VF_STATUS_BAD_SYS_STATE, VF_SYND_HCA_NOT_INITIALIZED);
}

TEST(Dispatch, VfRunsOnceThePfEnabledIt) {
  MockNic nic;
  ASSERT_TRUE(nic.bring_up(0));
  expect(enable_self(nic, 2), VF_STATUS_BAD_SYS_STATE, VF_SYND_FUNCTION_NOT_ENABLED);
  ASSERT_TRUE(nic.enable(2).ok());
  EXPECT_TRUE(enable_self(nic, 2).ok());
  EXPECT_TRUE(nic.run(2, command(VF_OP_INIT_HCA)).ok());
  EXPECT_TRUE(nic.run(2, command(VF_OP_DISABLE_HCA)).ok());
  EXPECT_TRUE(enable_self(nic, 2).ok()) << "its driver may come back";

  Bytes disable = command(VF_OP_DISABLE_HCA);
  VF_SET(disable_hca_in, disable.data(), function_id, 2);
  EXPECT_TRUE(nic.run(0, disable).ok());
  nic.set_queue(2, MockNic::queue_of(2));
  expect(enable_self(nic, 2), VF_STATUS_BAD_SYS_STATE, VF_SYND_FUNCTION_NOT_ENABLED);
}

TEST(Dispatch, VfMayNotActForOthers) {
  MockNic nic;
  ASSERT_TRUE(nic.bring_up(1) && nic.bring_up(2));
  Bytes in = command(VF_OP_ENABLE_HCA);
  VF_SET(enable_hca_in, in.data(), function_id, 2);
  expect(nic.run(1, in), VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
  in = command(VF_OP_QUERY_HCA_CAP, 1);
  VF_SET(query_hca_cap_in, in.data(), other_function, 1);
  expect(nic.run(1, in), VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
  in = command(VF_OP_QUERY_VPORT_STATE);
  VF_SET(query_vport_state_in, in.data(), other_vport, 1);
  expect(nic.run(1, in), VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
  for (const std::uint32_t op :
       {VF_OP_SUSPEND_VHCA, VF_OP_RESUME_VHCA, VF_OP_QUERY_VHCA_MIGRATION_STATE,
        VF_OP_SAVE_VHCA_STATE, VF_OP_LOAD_VHCA_STATE}) {
    expect(nic.run(1, command(op)), VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED, std::to_string(op));
  }
  in = command(VF_OP_ENABLE_HCA);
  VF_SET(enable_hca_in, in.data(), function_id, 9);
  expect(nic.run(0, in), VF_STATUS_BAD_PARAM, VF_SYND_BAD_FUNCTION_ID);
}

TEST(Dispatch, SuspendedFunctionKeepsItsDoorbells) {
  MockNic nic;
  ASSERT_TRUE(nic.bring_up(1));
  Bytes in = command(VF_OP_SUSPEND_VHCA, VF_SUSPEND_INITIATOR);
  VF_SET(suspend_vhca_in, in.data(), vhca_id, VF_VHCA_ID_BASE + 1);
  ASSERT_TRUE(nic.run(0, in).ok());
  nic.submit(1, 4, command(VF_OP_QUERY_ISSI), 112);
  nic.poll();
  EXPECT_EQ(nic.reg(1, FW_FN_CMD_DB), 1U << 4);
  EXPECT_TRUE(nic.run(0, command(VF_OP_QUERY_ISSI)).ok()) << "others are served";
  in = command(VF_OP_RESUME_VHCA, VF_RESUME_INITIATOR);
  VF_SET(resume_vhca_in, in.data(), vhca_id, VF_VHCA_ID_BASE + 1);
  ASSERT_TRUE(nic.run(0, in).ok());
  nic.poll();
  EXPECT_TRUE(nic.reply(1, 4).ok());
}

TEST(Reset, FreesEverythingOfTheFunctionOnly) {
  Objects o(1);
  ASSERT_TRUE(o.nic.bring_up(2));
  const std::uint32_t uar = o.uar();
  const std::uint32_t eqn = o.eq(uar, 1ULL << VF_EVENT_CMD);
  ASSERT_NE(o.cq(uar, eqn), 0U);
  ASSERT_TRUE(o.nic.run(2, command(VF_OP_ALLOC_PD)).ok());
  const std::uint16_t gen = o.nic.ctx(1).eq[0].gen;
  o.nic.flr(1);
  o.nic.poll();
  EXPECT_EQ(o.nic.reg(1, FW_FN_CTRL), static_cast<std::uint32_t>(FW_CTRL_READY));
  EXPECT_EQ(o.nic.reg(1, FW_FN_STATUS) & FW_STATUS_IN_RESET, 0U);
  EXPECT_EQ(o.nic.ctx(1).eq[0].valid, 0);
  EXPECT_NE(o.nic.ctx(1).eq[0].gen, gen) << "hardware sees that its work is void";
  EXPECT_EQ(o.nic.ctx(1).cq[0].valid, 0);
  EXPECT_EQ(o.nic.ctx(2).pd[0], 1);
  EXPECT_EQ(o.nic.ctx(1).enabled, 1);
  o.nic.set_queue(1, MockNic::queue_of(1));
  expect(o.nic.run(1, command(VF_OP_ALLOC_PD)), VF_STATUS_BAD_SYS_STATE,
         VF_SYND_HCA_NOT_INITIALIZED);
}

TEST(Reset, OfThePfDisablesAll) {
  MockNic nic;
  ASSERT_TRUE(nic.bring_up(1));
  for (std::uint32_t fn = 0; fn <= 8; ++fn) {
    nic.flr(fn);
  }
  nic.poll();
  nic.set_queue(0, MockNic::queue_of(0));
  nic.set_queue(1, MockNic::queue_of(1));
  expect(enable_self(nic, 1), VF_STATUS_BAD_SYS_STATE, VF_SYND_FUNCTION_NOT_ENABLED);
  EXPECT_TRUE(nic.bring_up(1));
}

TEST(Startup, FunctionsAreReadyAndTellMacsApart) {
  MockNic nic;
  EXPECT_NE(nic.reg(0, FW_FN_CTRL) & FW_CTRL_READY, 0U);
  EXPECT_NE(nic.reg(8, FW_FN_CTRL) & FW_CTRL_READY, 0U);
  const std::uint8_t want[6] = {0x02, 0x00, 0x01, 0x00, 0x00, 0x03};
  EXPECT_EQ(std::memcmp(nic.ctx(3).mac[0], want, 6), 0);
  EXPECT_EQ(nic.ctx(3).vhca_id, VF_VHCA_ID_BASE + 3);
}

}  // namespace
}  // namespace vfsim::fwtest
