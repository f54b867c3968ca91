// Virtual ports, port registers, counters.
#include <gtest/gtest.h>

#include "firmware/core/object_rig.hpp"

namespace vfsim::fwtest {
namespace {

class Vport : public testing::Test {
 protected:
  Objects o{1};
  MockNic& nic = o.nic;
  void SetUp() override {
    ASSERT_TRUE(o.up);
    const std::uint32_t uar = o.uar();
    ASSERT_NE(o.eq(uar, 1ULL << VF_EVENT_PORT_CHANGE), 0U);
  }

  Reply reg(std::uint32_t fn, std::uint32_t id, std::size_t bytes, bool write,
            const Bytes& value = {}) {
    Bytes in = command(VF_OP_ACCESS_REG, write ? 0 : 1, 16 + bytes);
    VF_SET(access_register_in, in.data(), register_id, id);
    in[17] = 1;  // local port, same place in all of them
    std::copy(value.begin(), value.end(), in.begin() + 16);
    return nic.run(fn, in, static_cast<std::uint32_t>(16 + bytes));
  }
  Reply paos(std::uint32_t admin) {
    Bytes value(16);
    VF_SET(paos_reg, value.data(), local_port, 1);
    VF_SET(paos_reg, value.data(), admin_status, admin);
    return reg(1, VF_REG_PAOS, 16, true, value);
  }
  std::uint64_t state() {
    const Reply r = nic.run(1, command(VF_OP_QUERY_VPORT_STATE));
    EXPECT_TRUE(r.ok());
    return VF_GET(query_vport_state_out, r.out.data(), state);
  }
  Reply query(std::uint32_t fn, std::uint32_t list, std::uint32_t room, int other = -1) {
    Bytes in = command(VF_OP_QUERY_NIC_VPORT_CONTEXT);
    VF_SET(query_nic_vport_context_in, in.data(), allowed_list_type, list);
    if (other >= 0) {
      VF_SET(query_nic_vport_context_in, in.data(), other_vport, 1);
      VF_SET(query_nic_vport_context_in, in.data(), vport_number, static_cast<unsigned>(other));
    }
    return nic.run(fn, in, 272 + room * 8);
  }
  static Bytes mac_list(std::uint32_t type, const std::vector<std::uint64_t>& macs) {
    Bytes in = command(VF_OP_MODIFY_NIC_VPORT_CONTEXT);
    std::uint8_t* c = VF_PTR(modify_nic_vport_context_in, in.data(), nic_vport_context);
    VF_SET(modify_nic_vport_context_in, in.data(), field_select_addresses_list, 1);
    VF_SET(nic_vport_context, c, allowed_list_type, type);
    VF_SET(nic_vport_context, c, allowed_list_size, macs.size());
    in.resize(in.size() + macs.size() * 8);
    for (std::size_t i = 0; i < macs.size(); ++i) {
      vf_be64_store(&in[512 + i * 8], macs[i]);
    }
    return in;
  }
};

TEST_F(Vport, StateFollowsAdminAndLinkAndSaysSo) {
  nic.events.clear();
  EXPECT_EQ(state(), 1U);
  EXPECT_TRUE(paos(VF_PORT_ADMIN_DOWN).ok());
  EXPECT_EQ(state(), 0U);
  EXPECT_EQ(nic.ctx(1).link_up, 0);
  EXPECT_TRUE(paos(VF_PORT_ADMIN_UP).ok());
  EXPECT_EQ(state(), 1U);
  nic.set_link(false);
  nic.poll();
  EXPECT_EQ(state(), 0U);
  EXPECT_EQ(nic.ctx(1).link_up, 1) << "the driver still wants it";
  nic.set_link(true);
  nic.poll();
  ASSERT_EQ(nic.events.size(), 4U);
  const std::uint32_t want[] = {VF_PORT_CHANGE_DOWN, VF_PORT_CHANGE_ACTIVE, VF_PORT_CHANGE_DOWN,
                                VF_PORT_CHANGE_ACTIVE};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(nic.events[i].event.type, VF_EVENT_PORT_CHANGE);
    EXPECT_EQ(nic.events[i].event.sub_type, want[i]);
    EXPECT_EQ(VF_GET(eqe_port_change, nic.events[i].event.data, port_num), 1U);
  }
  EXPECT_EQ(paos(3).status(), VF_STATUS_BAD_PARAM);
}

TEST_F(Vport, PfMaySetTheAdminStateOfAVf) {
  Bytes in = command(VF_OP_MODIFY_VPORT_STATE);
  VF_SET(modify_vport_state_in, in.data(), other_vport, 1);
  VF_SET(modify_vport_state_in, in.data(), vport_number, 1);
  VF_SET(modify_vport_state_in, in.data(), admin_state, VF_VPORT_ADMIN_DOWN);
  EXPECT_TRUE(nic.run(0, in).ok());
  EXPECT_EQ(state(), 0U);
  nic.set_link(false);
  nic.poll();
  VF_SET(modify_vport_state_in, in.data(), admin_state, VF_VPORT_ADMIN_UP);
  EXPECT_TRUE(nic.run(0, in).ok());
  EXPECT_EQ(state(), 1U) << "up without a link";
  VF_SET(modify_vport_state_in, in.data(), admin_state, 3);
  EXPECT_EQ(nic.run(0, in).status(), VF_STATUS_BAD_PARAM);
}

TEST_F(Vport, AddressesReachTheSteeringTable) {
  nic.mac_updates.clear();
  ASSERT_TRUE(nic.run(1, mac_list(VF_MAC_LIST_UNICAST, {0x0200aabbccdd, 0x0200aabbccde})).ok());
  EXPECT_EQ(nic.mac_updates, std::vector<std::uint32_t>{1});
  EXPECT_EQ(nic.ctx(1).mac_count, 3);
  const std::uint8_t want[6] = {0x02, 0x00, 0xaa, 0xbb, 0xcc, 0xde};
  EXPECT_EQ(std::memcmp(nic.ctx(1).mac[2], want, 6), 0);
  Reply r = query(1, VF_MAC_LIST_UNICAST, 8);
  const std::uint8_t* c = VF_PTR(query_nic_vport_context_out, r.out.data(), nic_vport_context);
  EXPECT_EQ(VF_GET(nic_vport_context, c, allowed_list_size), 2U);
  EXPECT_EQ(vf_be64_load(&r.out[272 + 8]), 0x0200aabbccdeU);
  EXPECT_EQ(VF_GET(nic_vport_context, c, permanent_address_mac_addr_47_32), 0x0200U);
  EXPECT_EQ(VF_GET(nic_vport_context, c, permanent_address_mac_addr_31_0), 0x01000001U);
  r = query(0, VF_MAC_LIST_UNICAST, 1, 1);
  EXPECT_EQ(VF_GET(nic_vport_context,
                   VF_PTR(query_nic_vport_context_out, r.out.data(), nic_vport_context),
                   allowed_list_size),
            1U)
      << "no more than there is room for";
  ASSERT_TRUE(nic.run(1, mac_list(VF_MAC_LIST_UNICAST, {})).ok());
  EXPECT_EQ(nic.ctx(1).mac_count, 1);
}

TEST_F(Vport, ListsHaveLimits) {
  EXPECT_EQ(
      nic.run(1, mac_list(VF_MAC_LIST_UNICAST, std::vector<std::uint64_t>(VF_UC_MACS))).status(),
      VF_STATUS_LIMIT);
  EXPECT_EQ(nic.run(1, mac_list(2, {})).syndrome(), VF_SYND_UNSUPPORTED_FIELD);
  Bytes cut = mac_list(VF_MAC_LIST_MULTICAST, {1, 2});
  cut.resize(cut.size() - 8);
  EXPECT_EQ(nic.run(1, cut).status(), VF_STATUS_BAD_INPUT_LEN);
  EXPECT_TRUE(nic.run(1, mac_list(VF_MAC_LIST_MULTICAST, {0x333300000001})).ok());
  EXPECT_EQ(vf_be64_load(&query(1, VF_MAC_LIST_MULTICAST, 1).out[272]), 0x333300000001U);
}

TEST_F(Vport, PermanentAddressAndPromiscuousMode) {
  Bytes in = command(VF_OP_MODIFY_NIC_VPORT_CONTEXT);
  std::uint8_t* c = VF_PTR(modify_nic_vport_context_in, in.data(), nic_vport_context);
  VF_SET(modify_nic_vport_context_in, in.data(), other_vport, 1);
  VF_SET(modify_nic_vport_context_in, in.data(), vport_number, 1);
  VF_SET(modify_nic_vport_context_in, in.data(), field_select_permanent_address, 1);
  VF_SET(modify_nic_vport_context_in, in.data(), field_select_promisc, 1);
  VF_SET(nic_vport_context, c, permanent_address_mac_addr_31_0, 0x12345678);
  VF_SET(nic_vport_context, c, promisc_mc, 1);
  ASSERT_TRUE(nic.run(0, in).ok());
  EXPECT_EQ(nic.ctx(1).mac[0][5], 0x78);
  EXPECT_EQ(nic.ctx(1).promiscuous, 0) << "multicast only";
  VF_SET(nic_vport_context, c, promisc_all, 1);
  ASSERT_TRUE(nic.run(0, in).ok());
  EXPECT_NE(nic.ctx(1).promiscuous, 0);
}

TEST_F(Vport, MtuIsBoundedByThePort) {
  Bytes value(16);
  VF_SET(pmtu_reg, value.data(), local_port, 1);
  VF_SET(pmtu_reg, value.data(), admin_mtu, 1522);
  EXPECT_TRUE(reg(1, VF_REG_PMTU, 16, true, value).ok());
  const Reply r = reg(1, VF_REG_PMTU, 16, false);
  EXPECT_EQ(VF_GET(pmtu_reg, &r.out[16], max_mtu), 9216U + 22);
  EXPECT_EQ(VF_GET(pmtu_reg, &r.out[16], oper_mtu), 1522U);
  VF_SET(pmtu_reg, value.data(), admin_mtu, 9239);
  EXPECT_EQ(reg(1, VF_REG_PMTU, 16, true, value).status(), VF_STATUS_BAD_PARAM);
}

TEST_F(Vport, RegistersCheckSizeAndOwner) {
  EXPECT_EQ(reg(1, 0x1234, 16, false).syndrome(), VF_SYND_UNKNOWN_REGISTER);
  EXPECT_EQ(reg(1, VF_REG_DTOR, 32, false).status(), VF_STATUS_BAD_INPUT_LEN);
  EXPECT_EQ(reg(1, VF_REG_HOST_ENDIANNESS, 16, true).syndrome(), VF_SYND_NOT_PERMITTED);
  EXPECT_TRUE(reg(0, VF_REG_HOST_ENDIANNESS, 16, true).ok());
  const Reply r = reg(1, VF_REG_DTOR, 64, false);
  EXPECT_GT(VF_GET(dtor_reg, &r.out[16], tear_down_to_to_value), 0U)
      << "0 is a time-out of nothing for one driver";
  const Reply p = reg(1, VF_REG_PTYS, 64, false);
  EXPECT_NE(VF_GET(ptys_reg, &p.out[16], eth_proto_oper), 0U);
}

TEST_F(Vport, CountersOfPortAndVportClearApart) {
  vf_port_counters& c = nic.ctx(1).counters;
  c.rx_unicast_packets = 10;
  c.rx_unicast_octets = 1000;
  c.tx_multicast_packets = 4;
  nic.ctx(0).counters.rx_unicast_packets = 5;
  const auto ppcnt = [&](std::uint32_t fn, bool clear) {
    Bytes value(256);
    VF_SET(ppcnt_reg, value.data(), local_port, 1);
    VF_SET(ppcnt_reg, value.data(), clr, clear ? 1U : 0U);
    const Reply r = reg(fn, VF_REG_PPCNT, 256, false, value);
    EXPECT_TRUE(r.ok());
    return VF_GET(ieee_802_3_counters, &r.out[16 + 8], frames_received);
  };
  EXPECT_EQ(ppcnt(1, false), 10U);
  EXPECT_EQ(ppcnt(0, false), 15U) << "the port has the traffic of all";
  Bytes in = command(VF_OP_QUERY_VPORT_COUNTER);
  VF_SET(query_vport_counter_in, in.data(), clear, 1);
  Reply r = nic.run(1, in);
  EXPECT_EQ(VF_GET(query_vport_counter_out, r.out.data(), received_eth_unicast_octets), 1000U);
  EXPECT_EQ(VF_GET(query_vport_counter_out, r.out.data(), transmitted_eth_multicast_packets), 4U);
  EXPECT_EQ(c.rx_unicast_packets, 0U);
  EXPECT_EQ(ppcnt(1, true), 10U) << "the port counter goes on";
  EXPECT_EQ(ppcnt(1, false), 0U);
  EXPECT_EQ(ppcnt(0, false), 15U);
  c.rx_unicast_packets = 3;
  EXPECT_EQ(ppcnt(1, false), 3U);
}

TEST_F(Vport, QueueCounterClears) {
  const std::uint32_t id = o.counter();
  nic.ctx(1).qc[id - VF_QC_BASE].out_of_buffer = 9;
  Bytes in = command(VF_OP_QUERY_Q_COUNTER);
  VF_SET(query_q_counter_in, in.data(), counter_set_id, id);
  VF_SET(query_q_counter_in, in.data(), clear, 1);
  EXPECT_EQ(VF_GET(query_q_counter_out, o.run(in).out.data(), out_of_buffer), 9U);
  EXPECT_EQ(VF_GET(query_q_counter_out, o.run(in).out.data(), out_of_buffer), 0U);
}

}  // namespace
}  // namespace vfsim::fwtest
