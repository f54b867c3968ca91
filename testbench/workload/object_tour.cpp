#include "testbench/workload/object_tour.hpp"

#include "host_driver/cmd/eth_commands.hpp"
#include "host_driver/resources/dma_buffer.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;
using driver::Bytes;
using driver::CommandChannel;
using driver::Result;

constexpr std::size_t kRing = 4096;
constexpr std::uint64_t kRecords = kRing;  // doorbell records, behind the ring
constexpr driver::Mac kNobody = {0x02, 0xff, 0xff, 0xff, 0xff, 0xfe};

/// What the objects hang on.
struct Base {
  CommandChannel& channel;
  const driver::DmaBuffer& memory;
  std::uint32_t pd = 0;
  std::uint32_t uar = 0;
  std::uint32_t td = 0;
  std::uint32_t eqn = 0;
  std::uint32_t cqn = 0;

  [[nodiscard]] std::vector<std::uint64_t> ring() const { return memory.pages(kRing); }
  [[nodiscard]] std::uint64_t record() const { return memory.address() + kRecords; }
};

Result<void> run(CommandChannel& channel, const Bytes& in) {
  BOOST_OUTCOME_TRYV(driver::run_command(channel, in));
  return success();
}

/// A command that only names its object.
Result<void> on_object(CommandChannel& channel, vf_opcode opcode, std::uint32_t number) {
  Bytes in = driver::make_command(opcode);
  VF_SET(object_in, in.data(), number, number);
  return run(channel, in);
}

Result<void> tour_function(CommandChannel& channel) {
  BOOST_OUTCOME_TRYV(driver::query_adapter(channel));
  BOOST_OUTCOME_TRYV(driver::query_issi(channel));
  BOOST_OUTCOME_TRYV(run(channel, driver::make_command(VF_OP_QUERY_SPECIAL_CONTEXTS)));
  BOOST_OUTCOME_TRYV(run(channel, driver::make_command(VF_OP_QUERY_VPORT_COUNTER)));
  BOOST_OUTCOME_TRY(port, driver::query_vport_state(channel));
  Bytes in = driver::make_command(VF_OP_MODIFY_VPORT_STATE);
  VF_SET(modify_vport_state_in, in.data(), admin_state, port.admin_state);
  BOOST_OUTCOME_TRYV(run(channel, in));
  BOOST_OUTCOME_TRYV(driver::query_nic_vport_context(channel));
  return success();
}

/// What would take the traffic of a function away.
Result<void> tour_steering(CommandChannel& channel) {
  BOOST_OUTCOME_TRYV(driver::set_unicast_list(channel, {kNobody}));
  BOOST_OUTCOME_TRY(flow, driver::create_flow_table(channel, 0, 1));
  BOOST_OUTCOME_TRYV(driver::set_flow_table_root(channel, flow));
  return driver::destroy_flow_table(channel, flow);
}

Result<void> tour_key(const Base& b) {
  driver::MkeySpec spec;
  spec.pd = b.pd;
  spec.access = driver::kLocalRead;
  spec.length = kRing;
  spec.pages = b.ring();
  BOOST_OUTCOME_TRY(key, driver::create_mkey(b.channel, spec));
  Bytes in = driver::make_command(VF_OP_QUERY_MKEY);
  VF_SET(query_mkey_in, in.data(), mkey_index, key >> 8);
  BOOST_OUTCOME_TRYV(run(b.channel, in));
  return driver::destroy_mkey(b.channel, key);
}

Result<void> tour_events(const Base& b) {
  Bytes query = driver::make_command(VF_OP_QUERY_EQ);
  VF_SET(query_eq_in, query.data(), eq_number, b.eqn);
  BOOST_OUTCOME_TRYV(run(b.channel, query));
  Bytes event = driver::make_command(VF_OP_GEN_EQE);
  VF_SET(gen_eqe_in, event.data(), eq_number, b.eqn);
  VF_SET(eqe, VF_PTR(gen_eqe_in, event.data(), eqe), event_type, VF_EVENT_PORT_CHANGE);
  BOOST_OUTCOME_TRYV(run(b.channel, event));
  BOOST_OUTCOME_TRYV(on_object(b.channel, VF_OP_QUERY_CQ, b.cqn));
  Bytes in = driver::make_command(VF_OP_MODIFY_CQ);
  VF_SET(modify_cq_in, in.data(), cqn, b.cqn);
  return run(b.channel, in);
}

Result<void> tour_receive(const Base& b) {
  BOOST_OUTCOME_TRY(counters, driver::alloc_q_counter(b.channel));
  Bytes query = driver::make_command(VF_OP_QUERY_Q_COUNTER);
  VF_SET(query_q_counter_in, query.data(), counter_set_id, counters);
  BOOST_OUTCOME_TRYV(run(b.channel, query));
  driver::WorkQueueSpec spec;
  spec.log_size = 4;
  spec.log_stride = 4;
  spec.pd = b.pd;
  spec.cqn = b.cqn;
  spec.counter_set = counters;
  spec.dbr = b.record();
  spec.pages = b.ring();
  BOOST_OUTCOME_TRY(rqn, driver::create_rq(b.channel, spec));
  BOOST_OUTCOME_TRYV(driver::set_rq_ready(b.channel, rqn));
  BOOST_OUTCOME_TRYV(on_object(b.channel, VF_OP_QUERY_RQ, rqn));
  BOOST_OUTCOME_TRY(rqtn, driver::create_rqt(b.channel, {rqn}));
  Bytes table = driver::make_command(VF_OP_MODIFY_RQT);
  VF_SET(modify_rqt_in, table.data(), rqtn, rqtn);
  BOOST_OUTCOME_TRYV(run(b.channel, table));
  BOOST_OUTCOME_TRY(tirn, driver::create_indirect_tir(b.channel, b.td, rqtn));
  Bytes target = driver::make_command(VF_OP_MODIFY_TIR);
  VF_SET(modify_tir_in, target.data(), tirn, tirn);
  BOOST_OUTCOME_TRYV(run(b.channel, target));
  BOOST_OUTCOME_TRY(flow, driver::create_flow_table(b.channel, 1, 1));
  BOOST_OUTCOME_TRY(group, driver::create_dmac_group(b.channel, flow, 0, 0));
  BOOST_OUTCOME_TRYV(driver::set_dmac_entry(b.channel, flow, group, 0, kNobody, tirn));
  BOOST_OUTCOME_TRYV(driver::delete_flow_entry(b.channel, flow, 0));
  BOOST_OUTCOME_TRYV(driver::destroy_flow_group(b.channel, flow, group));
  BOOST_OUTCOME_TRYV(driver::destroy_flow_table(b.channel, flow));
  BOOST_OUTCOME_TRYV(driver::destroy_tir(b.channel, tirn));
  BOOST_OUTCOME_TRYV(driver::destroy_rqt(b.channel, rqtn));
  BOOST_OUTCOME_TRYV(driver::destroy_rq(b.channel, rqn));
  return driver::dealloc_q_counter(b.channel, counters);
}

Result<void> tour_send(const Base& b) {
  BOOST_OUTCOME_TRY(tisn, driver::create_tis(b.channel, b.td, 0));
  driver::WorkQueueSpec spec;
  spec.log_size = 4;
  spec.pd = b.pd;
  spec.uar = b.uar;
  spec.cqn = b.cqn;
  spec.tisn = tisn;
  spec.dbr = b.record();
  spec.pages = b.ring();
  BOOST_OUTCOME_TRY(sqn, driver::create_sq(b.channel, spec));
  BOOST_OUTCOME_TRYV(driver::set_sq_ready(b.channel, sqn));
  BOOST_OUTCOME_TRYV(on_object(b.channel, VF_OP_QUERY_SQ, sqn));
  BOOST_OUTCOME_TRYV(driver::destroy_sq(b.channel, sqn));
  return driver::destroy_tis(b.channel, tisn);
}

Result<void> tour_pair(const Base& b) {
  driver::QpSpec spec;
  spec.pd = b.pd;
  spec.uar = b.uar;
  spec.receive_ring = true;
  spec.log_rq_size = 2;
  spec.cqn_rcv = b.cqn;
  spec.dbr = b.record();
  spec.pages = b.ring();
  BOOST_OUTCOME_TRY(qpn, driver::create_qp(b.channel, spec));
  BOOST_OUTCOME_TRYV(driver::rst2init_qp(b.channel, qpn));
  BOOST_OUTCOME_TRYV(driver::init2rtr_qp(b.channel, qpn, qpn, 20));
  BOOST_OUTCOME_TRYV(driver::rtr2rts_qp(b.channel, qpn));
  for (const vf_opcode opcode : {VF_OP_QUERY_QP, VF_OP_2ERR_QP, VF_OP_2RST_QP}) {
    BOOST_OUTCOME_TRYV(on_object(b.channel, opcode, qpn));
  }
  return driver::destroy_qp(b.channel, qpn);
}

}  // namespace

Result<void> tour_objects(driver::Platform& platform, CommandChannel& channel, bool idle) {
  BOOST_OUTCOME_TRY(memory, driver::DmaBuffer::allocate(platform, 2 * kRing));
  BOOST_OUTCOME_TRYV(tour_function(channel));
  if (idle) {
    BOOST_OUTCOME_TRYV(tour_steering(channel));
  }
  Base b{channel, memory};
  BOOST_OUTCOME_TRY(pd, driver::alloc_pd(channel));
  BOOST_OUTCOME_TRY(uar, driver::alloc_uar(channel));
  BOOST_OUTCOME_TRY(td, driver::alloc_transport_domain(channel));
  driver::EqSpec events;
  events.log_size = 4;
  events.uar = uar;
  events.pages = b.ring();
  BOOST_OUTCOME_TRY(eqn, driver::create_eq(channel, events));
  driver::CqSpec completions;
  completions.log_size = 4;
  completions.eqn = eqn;
  completions.uar = uar;
  completions.dbr = b.record();
  completions.pages = b.ring();
  BOOST_OUTCOME_TRY(cqn, driver::create_cq(channel, completions));
  b.pd = pd;
  b.uar = uar;
  b.td = td;
  b.eqn = eqn;
  b.cqn = cqn;
  for (auto part : {tour_key, tour_events, tour_receive, tour_send, tour_pair}) {
    BOOST_OUTCOME_TRYV(part(b));
  }
  BOOST_OUTCOME_TRYV(driver::destroy_cq(channel, cqn));
  BOOST_OUTCOME_TRYV(driver::destroy_eq(channel, eqn));
  BOOST_OUTCOME_TRYV(driver::dealloc_transport_domain(channel, td));
  BOOST_OUTCOME_TRYV(driver::dealloc_uar(channel, uar));
  return driver::dealloc_pd(channel, pd);
}

}  // namespace vfsim::bench
