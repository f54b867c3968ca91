// Capabilities: what drivers of both generations must find, and what they may change.
#include <gtest/gtest.h>

#include "firmware/core/object_rig.hpp"

namespace vfsim::fwtest {
namespace {

constexpr std::uint32_t kMaximum = 0;
constexpr std::uint32_t kCurrent = 1;

class Caps : public testing::Test {
 protected:
  MockNic nic;
  void SetUp() override { ASSERT_TRUE(nic.enable(0).ok() && nic.enable(1).ok()); }

  /// Capability area; function_id >= 0: of another function.
  Bytes area(std::uint32_t fn, std::uint32_t type, std::uint32_t mode, int function_id = -1) {
    const Reply r = nic.run(fn, input(VF_OP_QUERY_HCA_CAP, type * 2 + mode, function_id));
    EXPECT_TRUE(r.ok()) << type;
    return Bytes(r.out.begin() + 16, r.out.end());
  }
  static Bytes input(std::uint32_t opcode, std::uint32_t op_mod, int function_id) {
    Bytes in = command(opcode, op_mod);
    if (function_id >= 0) {
      VF_SET(query_hca_cap_in, in.data(), other_function, 1);
      VF_SET(query_hca_cap_in, in.data(), function_id, static_cast<unsigned>(function_id));
    }
    return in;
  }
  Reply set(std::uint32_t fn, std::uint32_t type, const Bytes& value, int function_id = -1) {
    Bytes in = input(VF_OP_SET_HCA_CAP, type * 2, function_id);
    std::copy(value.begin(), value.end(), in.begin() + 16);
    return nic.run(fn, in);
  }
};

TEST_F(Caps, OldMigrationDriverFindsWhatItNeeds) {
  const Bytes pf = area(0, VF_CAP_GENERAL, kCurrent);
  EXPECT_EQ(VF_GET(cmd_hca_cap, pf.data(), migration), 1U);
  const Bytes vf = area(0, VF_CAP_GENERAL, kCurrent, 3);
  EXPECT_EQ(VF_GET(cmd_hca_cap, vf.data(), vhca_id), VF_VHCA_ID_BASE + 3U);
  EXPECT_EQ(VF_GET(cmd_hca_cap, vf.data(), migration), 0U);
}

TEST_F(Caps, NewMigrationDriverFindsWhatItNeeds) {
  EXPECT_EQ(VF_GET(cmd_hca_cap, area(0, VF_CAP_GENERAL, kCurrent).data(), hca_cap_2), 1U);
  const Bytes pf = area(0, VF_CAP_GENERAL_2, kCurrent);
  EXPECT_EQ(VF_GET(cmd_hca_cap_2, pf.data(), migration_multi_load), 1U);
  EXPECT_EQ(VF_GET(cmd_hca_cap_2, pf.data(), migration_tracking_state), 1U);
  EXPECT_EQ(VF_GET(cmd_hca_cap_2, pf.data(), migration_state), 1U);
  EXPECT_EQ(VF_GET(cmd_hca_cap_2, pf.data(), migration_in_chunks), 0U);
  EXPECT_EQ(VF_GET(cmd_hca_cap_2, pf.data(), migratable), 0U);
  EXPECT_EQ(VF_GET(cmd_hca_cap_2, area(0, VF_CAP_GENERAL_2, kMaximum, 3).data(), migratable), 1U);
}

TEST_F(Caps, ChunkModeIsAChoice) {
  Bytes pf = area(0, VF_CAP_GENERAL_2, kCurrent);
  VF_SET(cmd_hca_cap_2, pf.data(), migration_in_chunks, 1);
  EXPECT_TRUE(set(0, VF_CAP_GENERAL_2, pf).ok());
  EXPECT_EQ(VF_GET(cmd_hca_cap_2, area(0, VF_CAP_GENERAL_2, kCurrent).data(), migration_in_chunks),
            1U);
  fw_config config = MockNic::default_config();
  config.chunk_mode = true;
  Objects o(0, config);
  const Reply r = o.run(command(VF_OP_QUERY_HCA_CAP, VF_CAP_GENERAL_2 * 2 + 1));
  EXPECT_EQ(VF_GET(cmd_hca_cap_2, &r.out[16], migration_in_chunks), 1U);
}

TEST_F(Caps, DirtyTrackingLimits) {
  EXPECT_EQ(VF_GET(cmd_hca_cap, area(0, VF_CAP_GENERAL, kCurrent).data(), adv_virtualization), 1U);
  const Bytes a = area(0, VF_CAP_ADV_VIRTUALIZATION, kCurrent);
  EXPECT_EQ(VF_GET(adv_virtualization_cap, a.data(), pg_track_max_num_range),
            static_cast<unsigned>(VF_TRACK_RANGES));
  EXPECT_EQ(VF_GET(adv_virtualization_cap, a.data(), pg_track_log_min_addr_space), 12U);
  EXPECT_EQ(VF_GET(adv_virtualization_cap, a.data(), pg_track_log_max_addr_space), 52U);
  EXPECT_EQ(VF_GET(adv_virtualization_cap, a.data(), pg_track_log_max_msg_size),
            static_cast<unsigned>(VF_TRACK_LOG_MAX_MSG));
}

/// Each of these alone keeps the stock Ethernet driver from coming up if it is missing.
TEST_F(Caps, EthernetDriverFindsWhatItNeeds) {
  for (const std::uint32_t fn : {0U, 1U}) {
    const Bytes g = area(fn, VF_CAP_GENERAL, kCurrent);
    EXPECT_EQ(VF_GET(cmd_hca_cap, g.data(), port_type), 1U);
    EXPECT_GE(VF_GET(cmd_hca_cap, g.data(), log_max_eq), 2U);
    EXPECT_EQ(VF_GET(cmd_hca_cap, g.data(), eth_net_offloads), 1U);
    EXPECT_EQ(VF_GET(cmd_hca_cap, g.data(), nic_flow_table), 1U);
    EXPECT_GE(VF_GET(cmd_hca_cap, g.data(), max_wqe_sz_sq), 1024U);
    const Bytes e = area(fn, VF_CAP_ETHERNET, kCurrent);
    EXPECT_EQ(VF_GET(per_protocol_networking_offload_caps, e.data(), csum_cap), 1U);
    EXPECT_EQ(VF_GET(per_protocol_networking_offload_caps, e.data(), vlan_cap), 1U);
    EXPECT_GE(VF_GET(per_protocol_networking_offload_caps, e.data(), rss_ind_tbl_cap), 1U);
    EXPECT_GT(VF_GET(per_protocol_networking_offload_caps, e.data(), max_lso_cap), 0U);
    const Bytes f = area(fn, VF_CAP_FLOW_TABLE, kCurrent);
    EXPECT_EQ(VF_GET(flow_table_nic_cap, f.data(), flow_table_properties_nic_receive_ft_support),
              1U);
    EXPECT_EQ(VF_GET(flow_table_nic_cap, f.data(), flow_table_properties_nic_receive_max_ft_level),
              64U);
    EXPECT_EQ(
        VF_GET(flow_table_nic_cap, f.data(), flow_table_properties_nic_receive_log_max_ft_size),
        16U);
  }
}

/// Where the device's public interface header has the field.
TEST_F(Caps, SendWqeLimitIsInTheUpperDwordOfItsPair) {
  EXPECT_EQ(VF_OFF(cmd_hca_cap, max_wqe_sz_sq), 0x290U);
  EXPECT_EQ(VF_OFF(cmd_hca_cap, max_wqe_sz_rq), 0x2b0U);
}

TEST_F(Caps, MoreThanTheMaximumIsRefusedAndChangesNothing) {
  Bytes g = area(0, VF_CAP_GENERAL, kCurrent);
  VF_SET(cmd_hca_cap, g.data(), log_max_qp, 31);
  const Reply r = set(0, VF_CAP_GENERAL, g);
  EXPECT_EQ(r.status(), VF_STATUS_BAD_PARAM);
  EXPECT_EQ(r.syndrome(), VF_SYND_BAD_CAP_VALUE);
  VF_SET(cmd_hca_cap, g.data(), log_max_qp, 4);
  EXPECT_TRUE(set(0, VF_CAP_GENERAL, g).ok());
  EXPECT_EQ(VF_GET(cmd_hca_cap, area(0, VF_CAP_GENERAL, kCurrent).data(), log_max_qp), 4U);
  EXPECT_EQ(VF_GET(cmd_hca_cap, area(0, VF_CAP_GENERAL, kMaximum).data(), log_max_qp), 8U);
  Bytes v = area(1, VF_CAP_GENERAL, kCurrent);
  VF_SET(cmd_hca_cap, v.data(), migration, 1);
  EXPECT_EQ(set(1, VF_CAP_GENERAL, v).syndrome(), VF_SYND_BAD_CAP_VALUE)
      << "a VF cannot migrate others";
}

TEST_F(Caps, PfChangesAVfAndResetUndoesIt) {
  Bytes v = area(0, VF_CAP_GENERAL, kCurrent, 1);
  VF_SET(cmd_hca_cap, v.data(), log_max_eq, 2);
  EXPECT_TRUE(set(0, VF_CAP_GENERAL, v, 1).ok());
  EXPECT_EQ(VF_GET(cmd_hca_cap, area(1, VF_CAP_GENERAL, kCurrent).data(), log_max_eq), 2U);
  nic.flr(1);
  nic.poll();
  nic.set_queue(1, MockNic::queue_of(1));
  EXPECT_EQ(VF_GET(cmd_hca_cap, area(1, VF_CAP_GENERAL, kCurrent).data(), log_max_eq), 4U);
}

TEST_F(Caps, TypesThatNoBitOpensAreUnknown) {
  for (const std::uint32_t type : {0x02U, 0x08U, 0x0cU, 0x14U, 0x25U, 0x7fffU}) {
    const Reply r = nic.run(0, command(VF_OP_QUERY_HCA_CAP, type * 2));
    EXPECT_EQ(r.status(), VF_STATUS_BAD_OP) << type;
    EXPECT_EQ(r.syndrome(), VF_SYND_UNKNOWN_CAP_TYPE) << type;
  }
}

}  // namespace
}  // namespace vfsim::fwtest
