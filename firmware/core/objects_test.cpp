// Objects: what CREATE takes and refuses, who may be destroyed when, what QUERY tells.
#include <gtest/gtest.h>

#include "firmware/core/object_rig.hpp"

namespace vfsim::fwtest {
namespace {

/// A function with one object of every kind, each referring to the others.
class Web : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(o.up);
    uar = o.uar();
    pd = o.pd();
    td = o.td();
    qc = o.counter();
    eq = o.eq(uar, 0);
    cq = o.cq(uar, eq);
    tis = o.tis(td, pd);
    sq = o.made(Objects::wq_in(VF_OP_CREATE_SQ, cq, pd, uar, tis));
    Bytes in = Objects::wq_in(VF_OP_CREATE_RQ, cq, pd, 0, 0);
    VF_SET(rqc, VF_PTR(create_rq_in, in.data(), ctx), counter_set_id, qc);
    rq = o.made(in);
    rqt = o.made(Objects::rqt_in(VF_OP_CREATE_RQT, rq));
    direct = o.tir(td, VF_TIR_DISP_DIRECT, rq);
    spread = o.tir(td, VF_TIR_DISP_INDIRECT, rqt);
    mkey = o.made(Objects::mkey_in(pd, 3, 3 * 4096));
    table = o.table(5, 4);
    other_table = o.table(6, 0);
    group = o.group(table, 0, 7, 1);
    ASSERT_TRUE(o.run(Objects::entry_in(table, group, 0, VF_FLOW_DEST_TIR, direct)).ok());
    ASSERT_TRUE(
        o.run(Objects::entry_in(table, group, 1, VF_FLOW_DEST_FLOW_TABLE, other_table)).ok());
  }
  Objects o{1};
  std::uint32_t uar{}, pd{}, td{}, qc{}, eq{}, cq{}, tis{}, sq{}, rq{}, rqt{}, direct{}, spread{},
      mkey{}, table{}, other_table{}, group{};

  Reply destroy_table(std::uint32_t number) {
    Bytes in = command(VF_OP_DESTROY_FLOW_TABLE);
    VF_SET(destroy_flow_table_in, in.data(), table_id, number);
    return o.run(in);
  }
  Reply destroy_group() {
    Bytes in = command(VF_OP_DESTROY_FLOW_GROUP);
    VF_SET(destroy_flow_group_in, in.data(), table_id, table);
    VF_SET(destroy_flow_group_in, in.data(), group_id, group);
    return o.run(in);
  }
};

void expect(const Reply& r, std::uint32_t status, std::uint32_t syndrome) {
  EXPECT_EQ(r.status(), status);
  EXPECT_EQ(r.syndrome(), syndrome);
}
void busy(const Reply& r) {
  expect(r, VF_STATUS_RES_BUSY, VF_SYND_OBJECT_IN_USE);
}

TEST_F(Web, NumbersBeginAtTheirBase) {
  EXPECT_EQ(uar, static_cast<std::uint32_t>(VF_BAR_FIRST_UAR));
  EXPECT_EQ(eq, static_cast<std::uint32_t>(VF_EQ_BASE));
  EXPECT_EQ(cq, static_cast<std::uint32_t>(VF_CQ_BASE));
  EXPECT_EQ(sq, static_cast<std::uint32_t>(VF_SQ_BASE));
  EXPECT_EQ(rq, static_cast<std::uint32_t>(VF_RQ_BASE));
  EXPECT_EQ(mkey, static_cast<std::uint32_t>(VF_MKEY_BASE));
}

TEST_F(Web, NothingInUseIsDestroyedAndThenEverythingCanBe) {
  busy(o.on(VF_OP_DEALLOC_UAR, uar));
  busy(o.on(VF_OP_DEALLOC_PD, pd));
  busy(o.on(VF_OP_DEALLOC_TRANSPORT_DOMAIN, td));
  busy(o.on(VF_OP_DEALLOC_Q_COUNTER, qc));
  busy(o.on(VF_OP_DESTROY_EQ, eq));
  busy(o.on(VF_OP_DESTROY_CQ, cq));
  busy(o.on(VF_OP_DESTROY_TIS, tis));
  busy(o.on(VF_OP_DESTROY_RQ, rq));
  busy(o.on(VF_OP_DESTROY_RQT, rqt));
  busy(o.on(VF_OP_DESTROY_TIR, direct));
  busy(destroy_table(table));
  busy(destroy_table(other_table));
  EXPECT_TRUE(destroy_group().ok()) << "with its entries";
  EXPECT_TRUE(destroy_table(table).ok());
  EXPECT_TRUE(destroy_table(other_table).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_TIR, direct).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_TIR, spread).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_RQT, rqt).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_RQ, rq).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_SQ, sq).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_TIS, tis).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_CQ, cq).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_EQ, eq).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_MKEY, mkey).ok());
  EXPECT_TRUE(o.on(VF_OP_DEALLOC_Q_COUNTER, qc).ok());
  EXPECT_TRUE(o.on(VF_OP_DEALLOC_TRANSPORT_DOMAIN, td).ok());
  EXPECT_TRUE(o.on(VF_OP_DEALLOC_PD, pd).ok());
  EXPECT_TRUE(o.on(VF_OP_DEALLOC_UAR, uar).ok());
  expect(o.on(VF_OP_DEALLOC_UAR, uar), VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_OBJECT);
}

TEST_F(Web, MissingReferencesAreNamed) {
  const auto missing = [](const Reply& r) {
    expect(r, VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_REFERENCE);
  };
  missing(o.run(Objects::cq_in(uar, eq + 1)));
  missing(o.run(Objects::cq_in(uar + 1, eq)));
  missing(o.run(Objects::eq_in(uar + 1, 0)));
  missing(o.run(Objects::wq_in(VF_OP_CREATE_SQ, cq + 1, pd, uar, tis)));
  missing(o.run(Objects::wq_in(VF_OP_CREATE_SQ, cq, pd + 1, uar, tis)));
  missing(o.run(Objects::wq_in(VF_OP_CREATE_SQ, cq, pd, uar + 1, tis)));
  missing(o.run(Objects::wq_in(VF_OP_CREATE_SQ, cq, pd, uar, tis + 1)));
  missing(o.run(Objects::wq_in(VF_OP_CREATE_RQ, cq + 1, pd, 0, 0)));
  missing(o.run(Objects::wq_in(VF_OP_CREATE_RQ, cq, pd + 1, 0, 0)));
  missing(o.run(Objects::wq_in(VF_OP_CREATE_SQ, cq, 0, uar, tis)));
  EXPECT_TRUE(o.run(Objects::wq_in(VF_OP_CREATE_RQ, cq, 0, 0, 0)).ok()) << "a drop queue has no domain";
  missing(o.run(Objects::rqt_in(VF_OP_CREATE_RQT, rq + 2)));
  missing(o.run(Objects::mkey_in(pd + 1, 1, 4096)));
  missing(o.run(Objects::entry_in(table, group, 2, VF_FLOW_DEST_TIR, 99)));
  missing(o.run(Objects::entry_in(table, group + 1, 2, VF_FLOW_DEST_TIR, direct)));
}

TEST_F(Web, SizesAndListsAreChecked) {
  Bytes in = Objects::eq_in(uar, 0, 8);
  in.resize(in.size() - 8);
  expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_LIST);
  expect(o.run(Objects::eq_in(uar, 0, 6, VF_MSIX_VECTORS)), VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  expect(o.run(Objects::eq_in(uar, 0, 17)), VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  expect(o.run(Objects::wq_in(VF_OP_CREATE_SQ, cq, pd, uar, tis, 16)), VF_STATUS_BAD_PARAM,
         VF_SYND_BAD_SIZE);
  in = Objects::wq_in(VF_OP_CREATE_RQ, cq, pd, 0, 0);
  VF_SET(wq, VF_PTR(rqc, VF_PTR(create_rq_in, in.data(), ctx), wq), wq_type, 0);
  expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  in = Objects::cq_in(uar, eq);
  VF_SET(cqc, VF_PTR(create_cq_in, in.data(), cq_context), cqe_comp_en, 1);
  expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  expect(o.run(Objects::entry_in(table, group, 8, VF_FLOW_DEST_TIR, direct)), VF_STATUS_BAD_PARAM,
         VF_SYND_BAD_SIZE);
  in = Objects::rqt_in(VF_OP_CREATE_RQT, rq, 4);
  in.resize(in.size() - 4);
  expect(o.run(in), VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
}

TEST_F(Web, QueueStatesFollowTheirGraph) {
  constexpr std::uint32_t kStates[] = {VF_WQ_RST, VF_WQ_RDY, VF_WQ_ERR};
  const auto allowed = [](std::uint32_t from, std::uint32_t to) {
    return from == to || to == VF_WQ_RST || (from == VF_WQ_RST && to == VF_WQ_RDY) ||
           (from == VF_WQ_RDY && to == VF_WQ_ERR);
  };
  for (const auto& [opcode, number, queue] :
       {std::tuple{VF_OP_MODIFY_SQ, sq, &o.nic.ctx(1).sq[0]},
        std::tuple{VF_OP_MODIFY_RQ, rq, &o.nic.ctx(1).rq[0]}}) {
    for (const std::uint32_t from : kStates) {
      for (const std::uint32_t to : kStates) {
        queue->state = static_cast<std::uint8_t>(from);
        queue->hw_counter = 7;
        const Reply r = o.modify_wq(opcode, number, from, to);
        EXPECT_EQ(r.ok(), allowed(from, to)) << from << "->" << to;
        EXPECT_EQ(queue->state, r.ok() ? to : from);
        EXPECT_EQ(queue->hw_counter, r.ok() && to == VF_WQ_RST && from != VF_WQ_RST ? 0 : 7);
      }
    }
    queue->state = VF_WQ_RDY;
    expect(o.modify_wq(opcode, number, VF_WQ_RST, VF_WQ_RDY), VF_STATUS_BAD_RES_STATE,
           VF_SYND_BAD_STATE_TRANSITION);
  }
}

TEST_F(Web, QueriesShowWhatWasCreatedAndWhatHardwareCounts) {
  o.nic.ctx(1).sq[0].hw_counter = 0x1234;
  o.nic.ctx(1).sq[0].sw_counter = 0x1240;
  Reply r = o.on(VF_OP_QUERY_SQ, sq);
  const std::uint8_t* sqc = VF_PTR(query_wq_out, r.out.data(), ctx);
  const std::uint8_t* wq = VF_PTR(sqc, sqc, wq);
  EXPECT_EQ(VF_GET(sqc, sqc, cqn), cq);
  EXPECT_EQ(VF_GET(sqc, sqc, tis_num_0), tis);
  EXPECT_EQ(VF_GET(wq, wq, hw_counter), 0x1234U);
  EXPECT_EQ(VF_GET(wq, wq, sw_counter), 0x1240U);
  EXPECT_EQ(VF_GET(wq, wq, log_wq_sz), 6U);
  o.nic.ctx(1).cq[0].pi = 0x1000005;
  r = o.on(VF_OP_QUERY_CQ, cq);
  const std::uint8_t* cqc = VF_PTR(query_cq_out, r.out.data(), cq_context);
  EXPECT_EQ(VF_GET(cqc, cqc, producer_counter), 5U) << "24 bits";
  EXPECT_EQ(VF_GET(cqc, cqc, c_eqn_or_apu_element), eq);
  EXPECT_EQ(VF_GET(cqc, cqc, st), VF_QUEUE_FIRED) << "not armed until the first doorbell";
  r = o.on(VF_OP_QUERY_EQ, eq);
  EXPECT_EQ(VF_GET(eqc, VF_PTR(query_eq_out, r.out.data(), eq_context_entry), uar_page), uar);
  r = o.on(VF_OP_QUERY_RQ, rq);
  EXPECT_EQ(VF_GET(rqc, VF_PTR(query_wq_out, r.out.data(), ctx), counter_set_id), qc);
  r = o.on(VF_OP_QUERY_MKEY, mkey);
  const std::uint8_t* mkc = VF_PTR(query_mkey_out, r.out.data(), memory_key_mkey_entry);
  EXPECT_EQ(VF_GET(mkc, mkc, len), 3U * 4096);
  EXPECT_EQ(VF_GET(mkc, mkc, translations_octword_size), 2U);
}

TEST_F(Web, ModifyCqChangesSelectedFieldsOnly) {
  Bytes in = command(VF_OP_MODIFY_CQ);
  std::uint8_t* cqc = VF_PTR(modify_cq_in, in.data(), cq_context);
  VF_SET(modify_cq_in, in.data(), cqn, cq);
  VF_SET(modify_cq_in, in.data(), modify_field_select, VF_CQ_MODIFY_COUNT);
  VF_SET(cqc, cqc, cq_period, 99);
  VF_SET(cqc, cqc, cq_max_count, 32);
  EXPECT_TRUE(o.run(in).ok());
  EXPECT_EQ(o.nic.ctx(1).cq[0].max_count, 32);
  EXPECT_EQ(o.nic.ctx(1).cq[0].period, 0);
}

TEST_F(Web, GenEqePostsOnTheNamedQueue) {
  Bytes in = command(VF_OP_GEN_EQE);
  VF_SET(gen_eqe_in, in.data(), eq_number, eq);
  std::uint8_t* eqe = VF_PTR(gen_eqe_in, in.data(), eqe);
  VF_SET(eqe, eqe, event_type, VF_EVENT_GENERAL_EVENT);
  eqe[0x20] = 0x77;
  o.nic.events.clear();
  EXPECT_TRUE(o.run(in).ok());
  ASSERT_EQ(o.nic.events.size(), 1U);
  EXPECT_EQ(o.nic.events[0].event.eqn, eq);
  EXPECT_EQ(o.nic.events[0].event.data[0], 0x77);
}

TEST_F(Web, FlowEntriesForwardAndCanBeDeletedOnce) {
  const vf_flow_entry& e = o.nic.ctx(1).fte[0];
  EXPECT_EQ(e.dest_type, VF_FLOW_DEST_TIR);
  EXPECT_EQ(e.dest_id, direct);
  Bytes in = command(VF_OP_DELETE_FLOW_TABLE_ENTRY);
  VF_SET(delete_fte_in, in.data(), table_id, table);
  VF_SET(delete_fte_in, in.data(), flow_index, 0);
  EXPECT_TRUE(o.run(in).ok());
  EXPECT_EQ(e.valid, 0);
  expect(o.run(in), VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_OBJECT);
  Bytes change = Objects::entry_in(table, group, 0, VF_FLOW_DEST_TIR, spread);
  VF_SET(cmd_in, change.data(), op_mod, 1);
  expect(o.run(change), VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_OBJECT);
  Bytes root = command(VF_OP_SET_FLOW_TABLE_ROOT);
  VF_SET(set_flow_table_root_in, root.data(), table_id, table);
  EXPECT_TRUE(o.run(root).ok());
  EXPECT_EQ(o.nic.ctx(1).rx_root_table, table);
}

// ---- memory keys ----

class Keys : public testing::Test {
 protected:
  Objects o;
  std::uint32_t pd = o.pd();
  vf_mkey& first = o.nic.ctx(0).mkey[0];
  static std::uint8_t* key_of(Bytes& in) {
    return VF_PTR(create_mkey_in, in.data(), memory_key_mkey_entry);
  }
};

TEST_F(Keys, PaKeyOfTheEthernetDriver) {
  ASSERT_TRUE(o.run(Objects::pa_mkey_in(pd)).ok());
  EXPECT_EQ(first.mode, VF_MKC_MODE_PA);
  EXPECT_TRUE(first.length64 && first.local_read && first.local_write && !first.remote_read);
}

TEST_F(Keys, ListIsKeptWithoutPaddingAndPermissionBits) {
  Bytes in = Objects::mkey_in(pd, 3, 3 * 4096);
  in[279] = 3;  // permission bits of the first entry
  ASSERT_TRUE(o.run(in).ok());
  EXPECT_EQ(first.pages.pages, 3U);
  EXPECT_EQ(o.nic.ram().mtt[first.pages.mtt], 0x40'0000U);
  EXPECT_EQ(o.nic.ram().mtt[first.pages.mtt + 2], 0x40'2000U);
}

TEST_F(Keys, ListMustCoverTheRegion) {
  Bytes in = Objects::mkey_in(pd, 2, 2 * 4096 + 1);
  expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_LIST);
  in = Objects::mkey_in(pd, 2, 2 * 4096);
  VF_SET(mkc, key_of(in), start_addr, 0x800);  // reaches into a third page
  expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_LIST);
  in = Objects::mkey_in(pd, 4, 4 * 4096);
  in.resize(in.size() - 8);
  expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_LIST);
  in = Objects::mkey_in(pd, 2, ~std::uint64_t{0});
  expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_LIST);
}

TEST_F(Keys, OtherModesAreRefused) {
  for (const std::uint32_t mode : {VF_MKC_MODE_KLM, VF_MKC_MODE_KSM}) {
    Bytes in = Objects::mkey_in(pd, 2, 4096);
    VF_SET(mkc, key_of(in), access_mode_1_0, mode);
    expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  Bytes in = Objects::mkey_in(pd, 2, 4096);
  VF_SET(mkc, key_of(in), access_mode_4_2, 1);
  expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
}

TEST_F(Keys, LargePagesByTheSixBitField) {
  Bytes in = Objects::mkey_in(pd, 2, 4 << 20);
  VF_SET(mkc, key_of(in), log_page_size, 21);
  ASSERT_TRUE(o.run(in).ok());
  EXPECT_EQ(first.pages.log_page, 21);
  EXPECT_EQ(first.pages.pages, 2U);
}

TEST_F(Keys, TranslationsAreGivenBack) {
  for (int round = 0; round < 300; ++round) {
    const std::uint32_t key = o.made(Objects::mkey_in(pd, 8000, 8000 * 4096));
    ASSERT_NE(key, 0U) << round;
    ASSERT_TRUE(o.on(VF_OP_DESTROY_MKEY, key).ok());
  }
  EXPECT_EQ(first.gen, 600) << "each creation and each destruction counts";
}

TEST_F(Keys, FullTableIsALimitNotACrash) {
  std::uint32_t keys = 0;
  Reply r;
  while ((r = o.run(Objects::mkey_in(pd, 8192, 8192 * 4096))).ok()) {
    ++keys;
  }
  EXPECT_EQ(keys, 128U);
  expect(r, VF_STATUS_NO_RESOURCES, VF_SYND_OUT_OF_TRANSLATIONS);
  for (keys = 128; (r = o.run(Objects::pa_mkey_in(pd))).ok(); ++keys) {
  }
  EXPECT_EQ(keys, static_cast<std::uint32_t>(VF_MKEY_COUNT));
  expect(r, VF_STATUS_LIMIT, VF_SYND_OUT_OF_CONTEXTS);
}

// ---- queue pairs ----

class Pairs : public testing::Test {
 protected:
  Objects o;
  std::uint32_t pd = o.pd(), uar = o.uar(), cq = o.cq(uar, o.eq(uar, 0));
  Bytes create(std::uint32_t rq_type) const {
    Bytes in = command(VF_OP_CREATE_QP);
    std::uint8_t* qpc = VF_PTR(create_qp_in, in.data(), qpc);
    VF_SET(qpc, qpc, pd, pd);
    VF_SET(qpc, qpc, uar_page, uar);
    VF_SET(qpc, qpc, no_sq, 1);
    VF_SET(qpc, qpc, rq_type, rq_type);
    VF_SET(qpc, qpc, log_rq_size, 8);
    VF_SET(qpc, qpc, cqn_rcv, rq_type == VF_QP_RQ_NORMAL ? cq : 0);
    return rq_type == VF_QP_RQ_NORMAL ? with_pages(in, 1) : in;
  }
  Reply to(std::uint32_t opcode, std::uint32_t qpn, std::uint32_t remote = 0) {
    Bytes in = command(opcode);
    VF_SET(rst2init_qp_in, in.data(), qpn, qpn);
    if (opcode == VF_OP_INIT2RTR_QP) {
      VF_SET(qpc, VF_PTR(init2rtr_qp_in, in.data(), qpc), remote_qpn, remote);
    }
    return o.run(in);
  }
};

TEST_F(Pairs, ConnectAsThePageTrackerDoes) {
  const std::uint32_t host = o.made(create(VF_QP_RQ_NORMAL));
  const std::uint32_t device = o.made(create(VF_QP_RQ_ZERO_SIZE));
  ASSERT_TRUE(host != 0 && device != 0);
  expect(to(VF_OP_INIT2RTR_QP, host, device), VF_STATUS_BAD_QP_STATE, VF_SYND_BAD_STATE_TRANSITION);
  EXPECT_TRUE(to(VF_OP_RST2INIT_QP, host).ok() && to(VF_OP_INIT2RTR_QP, host, device).ok());
  EXPECT_TRUE(to(VF_OP_RST2INIT_QP, device).ok());
  expect(to(VF_OP_INIT2RTR_QP, device, 0x1ff), VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_REFERENCE);
  EXPECT_TRUE(to(VF_OP_INIT2RTR_QP, device, host).ok() && to(VF_OP_RTR2RTS_QP, device).ok());
  const Reply r = o.on(VF_OP_QUERY_QP, device);
  const std::uint8_t* qpc = VF_PTR(query_qp_out, r.out.data(), qpc);
  EXPECT_EQ(VF_GET(qpc, qpc, state), VF_QP_RTS);
  EXPECT_EQ(VF_GET(qpc, qpc, remote_qpn), host);
  busy(o.on(VF_OP_DESTROY_CQ, cq));
  EXPECT_TRUE(to(VF_OP_2ERR_QP, host).ok() && to(VF_OP_2RST_QP, host).ok());
  EXPECT_EQ(o.nic.ctx(0).qp[0].state, VF_QP_RST);
  EXPECT_TRUE(o.on(VF_OP_DESTROY_QP, host).ok() && o.on(VF_OP_DESTROY_QP, device).ok());
  EXPECT_TRUE(o.on(VF_OP_DESTROY_CQ, cq).ok());
}

TEST_F(Pairs, PairWithRingNeedsItsCompletionQueue) {
  Bytes in = create(VF_QP_RQ_NORMAL);
  VF_SET(qpc, VF_PTR(create_qp_in, in.data(), qpc), cqn_rcv, cq + 1);
  expect(o.run(in), VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_REFERENCE);
  in = create(VF_QP_RQ_NORMAL);
  in.resize(272);
  expect(o.run(in), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_LIST);
}

}  // namespace
}  // namespace vfsim::fwtest
