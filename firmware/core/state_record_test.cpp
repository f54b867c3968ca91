// The image carries every member of every context, and what real commands make survives a
// migration.
#include <gtest/gtest.h>

#include "firmware/core/migration_rig.hpp"
#include "firmware/core/object_rig.hpp"
extern "C" {
#include "firmware/core/state_record.h"
}

namespace vfsim::fwtest {
namespace {

/// Bytes that are all different, so that a swapped or forgotten member shows.
template <class T>
void fill(T& object, std::uint32_t seed) {
  auto* p = reinterpret_cast<std::uint8_t*>(&object);
  for (std::size_t i = 0; i < sizeof object; ++i) {
    p[i] = static_cast<std::uint8_t>(seed = seed * 1664525 + 1013904223 + (seed >> 16));
  }
  p[0] = 1;  // valid
}

void neutral(vf_pages& pages) {
  pages.mtt = 0;
  std::memset(pages.rsvd, 0, sizeof pages.rsvd);
}
void neutral(vf_eq& o) {
  o.gen = 0;
  o.rsvd = 0;
  neutral(o.ring);
}
template <class T>
void neutral_ring(T& o) {
  o.gen = 0;
  neutral(o.ring);
}
/// Bytes between two members that no member owns.
template <class T>
void clear_hole(T& o, std::size_t first, std::size_t end) {
  std::memset(reinterpret_cast<std::uint8_t*>(&o) + first, 0, end - first);
}
void neutral(vf_cq& o) {
  neutral_ring(o);
  clear_hole(o, offsetof(vf_cq, arm_sn) + sizeof o.arm_sn, offsetof(vf_cq, dbr_addr));
}
void neutral(vf_wq& o) {
  neutral_ring(o);
}
void neutral(vf_qp& o) {
  neutral_ring(o);
}
void neutral(vf_mkey& o) {
  o.gen = 0;
  clear_hole(o, offsetof(vf_mkey, qpn) + sizeof o.qpn, offsetof(vf_mkey, start));
  neutral(o.pages);
}
void neutral(vf_tis& o) {
  o.gen = 0;
}
void neutral(vf_tir&) {}
void neutral(vf_rqt& o) {
  std::memset(o.rsvd, 0, sizeof o.rsvd);
  std::fill(o.rqn + o.actual, o.rqn + VF_RQT_ENTRIES, 0);
}
void neutral(vf_flow_table&) {}
void neutral(vf_flow_group& o) {
  o.rsvd = 0;
}
void neutral(vf_flow_entry&) {}
void neutral(vf_q_counter& o) {
  std::memset(o.rsvd, 0, sizeof o.rsvd);
}

/// Structures have holes; only members count. Encoding the copy again compares them all.
template <class T>
void same_after_decode(Rig& rig, unsigned kind, T& object) {
  fill(object, kind * 77 + 1);
  if (vf_pages* pages = fw_state_pages(kind, &object); pages != nullptr) {
    *pages = rig.pages_at(0x1234'5000, 3);
    pages->log_page = 14;
  }
  if constexpr (std::is_same_v<T, vf_rqt>) {
    object.actual = 7;
  }
  Bytes payload(FW_IMAGE_RECORD_MAX);
  const std::uint32_t bytes = fw_state_encode(&rig.firmware(), 1, kind, 0, payload.data());
  EXPECT_EQ(bytes, fw_state_bytes(&rig.firmware(), 1, kind, 0));
  fw_state_object decoded;
  fw_state_decode(kind, payload.data(), &decoded);
  T got;
  T expected = object;
  std::memcpy(&got, &decoded, sizeof got);
  neutral(expected);
  neutral(got);
  EXPECT_EQ(bytes_of(got), bytes_of(expected)) << fw_image_kind_info(kind)->name;
}

TEST(StateRecord, CarriesEveryMemberOfEveryContext) {
  Rig rig;
  vf_function& f = rig.nic.ctx(1);
  same_after_decode(rig, FW_IMAGE_EQ, f.eq[0]);
  same_after_decode(rig, FW_IMAGE_CQ, f.cq[0]);
  same_after_decode(rig, FW_IMAGE_SQ, f.sq[0]);
  same_after_decode(rig, FW_IMAGE_RQ, f.rq[0]);
  same_after_decode(rig, FW_IMAGE_QP, f.qp[0]);
  same_after_decode(rig, FW_IMAGE_MKEY, f.mkey[0]);
  same_after_decode(rig, FW_IMAGE_TIS, f.tis[0]);
  same_after_decode(rig, FW_IMAGE_TIR, f.tir[0]);
  same_after_decode(rig, FW_IMAGE_RQT, f.rqt[0]);
  same_after_decode(rig, FW_IMAGE_FT, f.ft[0]);
  same_after_decode(rig, FW_IMAGE_FG, f.fg[0]);
  same_after_decode(rig, FW_IMAGE_FTE, f.fte[0]);
  same_after_decode(rig, FW_IMAGE_QC, f.qc[0]);
}

TEST(StateRecord, CarriesTheFunctionsOwnState) {
  Rig rig;
  fw_function& src = rig.state(1);
  vf_function& ctx = rig.nic.ctx(1);
  src.initialized = true;
  src.issi = 1;
  src.port_admin_up = 0;
  src.vport_admin = 1;
  src.vport_up = !src.vport_up;
  src.promisc = 5;
  src.mc_count = 3;
  src.pages_asked = 12;
  fill(src.mc, 3);
  fill(src.driver_version, 4);
  src.system_image_guid = 0x1122334455667788;
  src.port_guid = 0x99;
  src.node_guid = 0xaabb;
  ctx.promiscuous = 1;
  ctx.mac_count = 2;
  fill(ctx.mac, 5);
  ctx.mtu = 4321;
  ctx.link_up = 0;
  ctx.rx_root_table = 9;
  fill(ctx.counters, 6);
  fill(rig.firmware().port_base[1], 7);
  ctx.pd[3] = ctx.td[15] = ctx.uar[63] = 1;
  for (unsigned kind = FW_IMAGE_FUNCTION; kind < FW_IMAGE_EQ; ++kind) {
    for (std::uint32_t i = 0; i < fw_image_kind_info(kind)->count; ++i) {
      if (fw_state_exists(&rig.firmware(), 1, kind, i)) {
        Bytes payload(FW_IMAGE_RECORD_MAX);
        fw_state_encode(&rig.firmware(), 1, kind, i, payload.data());
        fw_state_install(&rig.firmware(), 2, kind, i, payload.data(), 0);
      }
    }
  }
  vf_function& copy = rig.nic.ctx(2);
  fw_function& dst = rig.state(2);
  EXPECT_EQ(bytes_of(copy.mac), bytes_of(ctx.mac));
  EXPECT_EQ(bytes_of(copy.counters), bytes_of(ctx.counters));
  EXPECT_EQ(bytes_of(rig.firmware().port_base[2]), bytes_of(rig.firmware().port_base[1]));
  EXPECT_EQ(bytes_of(copy.pd), bytes_of(ctx.pd));
  EXPECT_EQ(bytes_of(copy.td), bytes_of(ctx.td));
  EXPECT_EQ(bytes_of(copy.uar), bytes_of(ctx.uar));
  EXPECT_EQ(copy.mtu, 4321);
  EXPECT_EQ(copy.promiscuous, 1);
  EXPECT_EQ(copy.mac_count, 2);
  EXPECT_EQ(copy.link_up, 0);
  EXPECT_EQ(copy.rx_root_table, 9U);
  // What belongs to the command queue of the moment is not state.
  for (fw_function* f : {&src, &dst}) {
    f->commands_running = 0;
  }
  EXPECT_EQ(bytes_of(dst), bytes_of(src))
      << "a new member of fw_function must go into the image, or be cleared above";
}

/// The objects of an Ethernet driver and of a page tracker, made by commands.
void make_objects(Objects& vf) {
  const std::uint32_t pd = vf.pd();
  const std::uint32_t td = vf.td();
  const std::uint32_t uar = vf.uar();
  const std::uint32_t eqn = vf.eq(uar, 1ULL << VF_EVENT_CMD);
  const std::uint32_t cqn = vf.cq(uar, eqn);
  const std::uint32_t tisn = vf.tis(td);
  const std::uint32_t sqn = vf.made(Objects::wq_in(VF_OP_CREATE_SQ, cqn, pd, uar, tisn));
  const std::uint32_t rqn = vf.made(Objects::wq_in(VF_OP_CREATE_RQ, cqn, pd, 0, 0));
  EXPECT_TRUE(vf.modify_wq(VF_OP_MODIFY_SQ, sqn, VF_WQ_RST, VF_WQ_RDY).ok());
  EXPECT_TRUE(vf.modify_wq(VF_OP_MODIFY_RQ, rqn, VF_WQ_RST, VF_WQ_RDY).ok());
  const std::uint32_t rqtn = vf.made(Objects::rqt_in(VF_OP_CREATE_RQT, rqn, 4));
  const std::uint32_t tirn = vf.tir(td, VF_TIR_DISP_INDIRECT, rqtn);
  EXPECT_NE(vf.tir(td, VF_TIR_DISP_DIRECT, rqn), 0U);
  EXPECT_NE(vf.counter(), 0U);
  EXPECT_NE(vf.made(Objects::mkey_in(pd, 5, 5 * VF_PAGE_BYTES)), 0U);
  EXPECT_NE(vf.made(Objects::pa_mkey_in(pd)), 0U);
  const std::uint32_t table = vf.table(0, 4);
  const std::uint32_t group = vf.group(table, 0, 7, 1);
  EXPECT_TRUE(vf.run(Objects::entry_in(table, group, 3, VF_FLOW_DEST_TIR, tirn)).ok());
  Bytes root = command(VF_OP_SET_FLOW_TABLE_ROOT);
  VF_SET(flow_table_header, root.data(), table_id, table);
  EXPECT_TRUE(vf.run(root).ok());
}

TEST(StateRecord, WhatCommandsMakeSurvives) {
  Objects vf(1);
  ASSERT_TRUE(vf.up);
  make_objects(vf);
  Rig a(vf.nic);
  Rig b;
  ASSERT_TRUE(a.good && b.good);
  ASSERT_TRUE(a.stop(1) && b.stop(1));
  const Bytes image = a.save(1).image;
  const Reply loaded = b.load(1, image);
  ASSERT_TRUE(loaded.ok()) << std::hex << loaded.syndrome();
  EXPECT_EQ(b.save(1).image, image);
  ASSERT_TRUE(b.run(1));
  // The driver goes on with the numbers it knows: the same QUERY answers, and DESTROY in the usual
  // order.
  const auto query = [](MockNic& nic, std::uint32_t opcode, std::uint32_t number) {
    Bytes in = command(opcode);
    VF_SET(object_in, in.data(), number, number);
    return nic.run(1, in).out;
  };
  ASSERT_TRUE(a.run(1));
  EXPECT_EQ(query(b.nic, VF_OP_QUERY_CQ, VF_CQ_BASE), query(vf.nic, VF_OP_QUERY_CQ, VF_CQ_BASE));
  EXPECT_EQ(query(b.nic, VF_OP_QUERY_SQ, VF_SQ_BASE), query(vf.nic, VF_OP_QUERY_SQ, VF_SQ_BASE));
  EXPECT_EQ(query(b.nic, VF_OP_QUERY_RQ, VF_RQ_BASE), query(vf.nic, VF_OP_QUERY_RQ, VF_RQ_BASE));
  EXPECT_EQ(query(b.nic, VF_OP_QUERY_EQ, VF_EQ_BASE), query(vf.nic, VF_OP_QUERY_EQ, VF_EQ_BASE));
  EXPECT_NE(query(b.nic, VF_OP_DESTROY_CQ, VF_CQ_BASE)[0], VF_STATUS_OK)
      << "still used by the queues";
  EXPECT_EQ(query(b.nic, VF_OP_DESTROY_SQ, VF_SQ_BASE)[0], VF_STATUS_OK);
  // ALLOC goes on behind the numbers in use.
  EXPECT_EQ(number_of(b.nic.run(1, command(VF_OP_ALLOC_PD))),
            number_of(vf.nic.run(1, command(VF_OP_ALLOC_PD))));
}

TEST(StateRecord, EveryFieldLiesInItsLayoutAndInNoOther) {
  static const std::size_t layout_bytes[] = {
#define LAYOUT(s, bytes, doc) bytes,
#define FIELD(s, f, off, w, doc)
#define BLOB(s, f, off, w, doc)
#include "firmware/interface/image_layouts.def"
#undef LAYOUT
#undef FIELD
#undef BLOB
  };
  std::size_t count = 0;
  const fw_image_field* fields = fw_image_fields(&count);
  std::vector<std::vector<bool>> used;
  for (const std::size_t bytes : layout_bytes) {
    EXPECT_EQ(bytes % 8, 0U);
    used.emplace_back(bytes * 8, false);
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<bool>& bits = used[fields[i].layout];
    ASSERT_LE(fields[i].bit + fields[i].width, bits.size()) << fields[i].name;
    for (std::size_t b = fields[i].bit; b < std::size_t{fields[i].bit} + fields[i].width; ++b) {
      EXPECT_FALSE(bits[b]) << fields[i].name;
      bits[b] = true;
    }
  }
}

}  // namespace
}  // namespace vfsim::fwtest
