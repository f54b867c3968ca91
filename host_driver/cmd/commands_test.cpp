#include "host_driver/cmd/commands.hpp"

#include <gtest/gtest.h>

#include "host_driver/cmd/golden.hpp"
#include "host_driver/platform/fake_device.hpp"

namespace vfsim::driver {
namespace {

/// What each typed call puts on the wire, against the golden images.
class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() { EXPECT_TRUE(channel_.start()); }
  const Bytes& sent() const { return device_.commands().back().in; }
  void reply_with(std::uint32_t opcode, const Bytes& out) {
    device_.on(opcode, [out](const FakeCommand&) {
      FakeReply reply;
      reply.out = out;
      return reply;
    });
  }

  FakeOs os_;
  FakePlatform platform_{os_};
  FakeDevice device_{platform_};
  CommandChannel channel_{platform_, {}};
};

TEST_F(CommandsTest, Migration) {
  ASSERT_TRUE(suspend_vhca(channel_, 0x1234, VF_SUSPEND_INITIATOR));
  EXPECT_EQ(sent(), golden_bytes("SUSPEND_VHCA op_mod=0"));
  ASSERT_TRUE(resume_vhca(channel_, 0x1234, VF_RESUME_RESPONDER));
  EXPECT_EQ(sent(), golden_bytes("RESUME_VHCA op_mod=0"));
  ASSERT_TRUE(resume_vhca(channel_, 0x1234, VF_RESUME_INITIATOR));
  EXPECT_EQ(sent(), golden_bytes("RESUME_VHCA op_mod=1"));
  ASSERT_TRUE(query_vhca_migration_state(channel_, 0x1234, true, false));
  EXPECT_EQ(sent(), golden_bytes("QUERY_VHCA_MIGRATION_STATE incremental=1"));
  ASSERT_TRUE(query_vhca_migration_state(channel_, 0x1234, true, true));
  EXPECT_EQ(sent(), golden_bytes("QUERY_VHCA_MIGRATION_STATE incremental=1 chunk=1"));
  ASSERT_TRUE(save_vhca_state(channel_, {0x1234, 0x00abcd42, 0x3000, false, false}));
  EXPECT_EQ(sent(), golden_bytes("size=0x3000 (full)"));
  ASSERT_TRUE(save_vhca_state(channel_, {0x1234, 0x00abcd42, 0x3000, false, true}));
  EXPECT_EQ(sent(), golden_bytes("incremental=0 set_track=1"));
  ASSERT_TRUE(save_vhca_state(channel_, {0x1234, 0x00abcd42, 0x3000, true, true}));
  EXPECT_EQ(sent(), golden_bytes("incremental=1 set_track=1"));
  ASSERT_TRUE(load_vhca_state(channel_, 0x1234, 0x00abcd42, 0x2a5c));
  EXPECT_EQ(sent(), golden_bytes("# LOAD_VHCA_STATE"));
}

TEST_F(CommandsTest, SaveFailure) {
  reply_with(VF_OP_SAVE_VHCA_STATE, golden_bytes("SAVE_VHCA_STATE output: status=0x9"));
  const auto result = save_vhca_state(channel_, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, EINVAL);
  EXPECT_EQ(result.error().status, VF_STATUS_BAD_RES_STATE);
  EXPECT_EQ(result.error().syndrome, 0x1badcafeU);
}

TEST_F(CommandsTest, ProtectionDomainsAndKeys) {
  reply_with(VF_OP_ALLOC_PD, golden_bytes("ALLOC_PD output"));
  EXPECT_EQ(alloc_pd(channel_).value(), 0x5aU);
  EXPECT_EQ(sent(), golden_bytes("# ALLOC_PD"));
  ASSERT_TRUE(dealloc_pd(channel_, 0x5a));
  EXPECT_EQ(sent(), golden_bytes("# DEALLOC_PD"));
  reply_with(VF_OP_CREATE_MKEY, golden_bytes("CREATE_MKEY output"));
  EXPECT_EQ(create_mkey(channel_, {}).value(), 0x00abcd00U);
}

TEST_F(CommandsTest, Capabilities) {
  reply_with(VF_OP_QUERY_HCA_CAP, golden_bytes("QUERY_HCA_CAP output general:"));
  const Bytes area = query_hca_cap(channel_, VF_CAP_GENERAL, CapMode::current, 3).value();
  EXPECT_EQ(sent(), golden_bytes("# QUERY_HCA_CAP general, current, other_function=1"));
  ASSERT_EQ(area.size(), 4096U);
  EXPECT_EQ(VF_GET(cmd_hca_cap, area.data(), vhca_id), 0x1234U);
  EXPECT_EQ(VF_GET(cmd_hca_cap, area.data(), migration), 1U);
  ASSERT_TRUE(query_hca_cap(channel_, VF_CAP_GENERAL_2, CapMode::maximum, 3));
  EXPECT_EQ(sent(), golden_bytes("# QUERY_HCA_CAP general_2 (0x20), maximum"));
  ASSERT_TRUE(query_hca_cap(channel_, VF_CAP_ADV_VIRTUALIZATION, CapMode::current));
  EXPECT_EQ(sent(), golden_bytes("# QUERY_HCA_CAP adv_virtualization"));
  ASSERT_TRUE(set_hca_cap(channel_, VF_CAP_GENERAL, area));
  EXPECT_EQ(Bytes(sent().begin() + 16, sent().end()), area);
}

TEST_F(CommandsTest, BringUp) {
  ASSERT_TRUE(enable_hca(channel_, 3));
  EXPECT_EQ(sent(), golden_bytes("# ENABLE_HCA"));
  reply_with(VF_OP_QUERY_ISSI, golden_bytes("QUERY_ISSI output"));
  EXPECT_EQ(query_issi(channel_).value(), 3U);
  EXPECT_EQ(sent(), golden_bytes("# QUERY_ISSI"));
  ASSERT_TRUE(set_issi(channel_, 1));
  EXPECT_EQ(sent(), golden_bytes("# SET_ISSI"));
  reply_with(VF_OP_QUERY_PAGES, golden_bytes("QUERY_PAGES output"));
  EXPECT_EQ(query_pages(channel_, VF_PAGES_BOOT, 0).value(), 5);
  EXPECT_EQ(sent(), golden_bytes("# QUERY_PAGES boot"));
  ASSERT_TRUE(give_pages(channel_, 3, {0x111000, 0x222000}));
  EXPECT_EQ(sent(), golden_bytes("# MANAGE_PAGES give"));
  EqSpec eq;
  eq.uar = 0x10;
  eq.mask[0] = 1U << VF_EVENT_CMD;
  eq.pages = {0x333000, 0x334000, 0x335000, 0x336000};
  reply_with(VF_OP_CREATE_EQ, golden_bytes("CREATE_EQ output"));
  EXPECT_EQ(create_eq(channel_, eq).value(), 4U);
  EXPECT_EQ(sent(), golden_bytes("# CREATE_EQ command EQ"));
  ASSERT_TRUE(read_register(channel_, VF_REG_DTOR, Bytes(64)));
  EXPECT_EQ(sent(), golden_bytes("# ACCESS_REG read DTOR"));
  ASSERT_TRUE(init_hca(channel_));
  EXPECT_EQ(sent(), golden_bytes("# INIT_HCA"));
  ASSERT_TRUE(teardown_hca(channel_));
  EXPECT_EQ(sent(), golden_bytes("# TEARDOWN_HCA"));
}

TEST_F(CommandsTest, TakenPages) {
  ASSERT_TRUE(give_pages(channel_, 2, {0x1000, 0x2000, 0x3000}));
  const auto pages = take_pages(channel_, 2, 5000);
  ASSERT_TRUE(pages);
  EXPECT_EQ(pages.value().size(), 3U);
  EXPECT_EQ(device_.commands().back().out_bytes,
            16U + kPagesPerTake * 8);  // what the stock driver offers
  Bytes lie(16);
  VF_SET(manage_pages_out, lie.data(), output_num_entries, 4);
  reply_with(VF_OP_MANAGE_PAGES, lie);
  EXPECT_EQ(take_pages(channel_, 2, 3).error().code, EIO);
}

TEST_F(CommandsTest, PageTracker) {
  const PageTrackSpec spec{0x1234, 31, 12, 20, 0x77, {{0, 0x40000000}, {0x100000000, 0x20000000}}};
  ASSERT_TRUE(create_page_track(channel_, spec));
  EXPECT_EQ(sent(), golden_bytes("# CREATE_GENERAL_OBJECT PAGE_TRACK"));
  ASSERT_TRUE(report_page_track(channel_, 9, {0x200000, 0x400000}));
  EXPECT_EQ(sent(), golden_bytes("# MODIFY_GENERAL_OBJECT PAGE_TRACK"));
  ASSERT_TRUE(query_page_track(channel_, 9));
  EXPECT_EQ(sent(), golden_bytes("# QUERY_GENERAL_OBJECT PAGE_TRACK"));
  ASSERT_TRUE(destroy_page_track(channel_, 9));
  EXPECT_EQ(sent(), golden_bytes("# DESTROY_GENERAL_OBJECT PAGE_TRACK"));
}

}  // namespace
}  // namespace vfsim::driver
