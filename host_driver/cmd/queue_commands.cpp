// Typed commands of commands.hpp for queues and the page tracker.
#include <algorithm>

#include "host_driver/cmd/object_commands.hpp"

namespace vfsim::driver {
namespace {

constexpr std::uint32_t kPmMigrated = 3;
constexpr std::uint32_t kMtu4096 = 5;
constexpr std::uint32_t kFieldSelect = 3;  // MODIFY PAGE_TRACK: state and range
constexpr std::uint32_t kTrackType = 1;

Bytes transition(vf_opcode opcode, std::uint32_t qpn) {
  Bytes in = make_command(opcode);
  VF_SET(rst2init_qp_in, in.data(), qpn, qpn);
  std::uint8_t* const qpc = VF_PTR(rst2init_qp_in, in.data(), qpc);
  VF_SET(ads, VF_PTR(qpc, qpc, primary_address_path), vhca_port_num, 1);
  return in;
}

Bytes tracker_command(vf_opcode opcode, std::uint32_t id, std::size_t bytes) {
  Bytes in = make_command(opcode, 0, bytes);
  VF_SET(general_obj_in_cmd_hdr, in.data(), obj_type, VF_OBJ_TYPE_PAGE_TRACK);
  VF_SET(general_obj_in_cmd_hdr, in.data(), obj_id, id);
  return in;
}

}  // namespace

Result<std::uint8_t> create_eq(CommandChannel& channel, const EqSpec& spec) {
  Bytes in = make_command(VF_OP_CREATE_EQ, 0, spec.pages.size() * 8);
  std::uint8_t* const eqc = VF_PTR(create_eq_in, in.data(), eq_context_entry);
  VF_SET(eqc, eqc, log_eq_size, spec.log_size);
  VF_SET(eqc, eqc, uar_page, spec.uar);
  VF_SET(eqc, eqc, intr, spec.vector);
  VF_SET(create_eq_in, in.data(), event_bitmask_0, spec.mask[0]);
  VF_SET(create_eq_in, in.data(), event_bitmask_1, spec.mask[1]);
  VF_SET(create_eq_in, in.data(), event_bitmask_2, spec.mask[2]);
  VF_SET(create_eq_in, in.data(), event_bitmask_3, spec.mask[3]);
  put_page_list(in, VF_OFF(create_eq_in, pas_0) / 8, spec.pages);
  BOOST_OUTCOME_TRY(out, run_command(channel, in));
  return static_cast<std::uint8_t>(VF_GET(create_eq_out, out.data(), eq_number));
}

Result<void> destroy_eq(CommandChannel& channel, std::uint8_t eqn) {
  Bytes in = make_command(VF_OP_DESTROY_EQ);
  VF_SET(destroy_eq_in, in.data(), eq_number, eqn);
  BOOST_OUTCOME_TRYV(run_command(channel, in));
  return ok();
}

Result<std::uint32_t> create_cq(CommandChannel& channel, const CqSpec& spec) {
  Bytes in = make_command(VF_OP_CREATE_CQ, 0, spec.pages.size() * 8);
  std::uint8_t* const cqc = VF_PTR(create_cq_in, in.data(), cq_context);
  VF_SET(cqc, cqc, log_cq_size, spec.log_size);
  VF_SET(cqc, cqc, uar_page, spec.uar);
  VF_SET(cqc, cqc, c_eqn_or_apu_element, spec.eqn);
  VF_SET(cqc, cqc, dbr_addr, spec.dbr);
  put_page_list(in, VF_OFF(create_cq_in, pas_0) / 8, spec.pages);
  return create(channel, in);
}

Result<void> destroy_cq(CommandChannel& channel, std::uint32_t cqn) {
  return run_on_object(channel, VF_OP_DESTROY_CQ, cqn);
}

Result<std::uint32_t> create_qp(CommandChannel& channel, const QpSpec& spec) {
  Bytes in = make_command(VF_OP_CREATE_QP, 0, spec.pages.size() * 8);
  std::uint8_t* const qpc = VF_PTR(create_qp_in, in.data(), qpc);
  VF_SET(qpc, qpc, pm_state, kPmMigrated);
  VF_SET(qpc, qpc, pd, spec.pd);
  VF_SET(qpc, qpc, uar_page, spec.uar);
  VF_SET(qpc, qpc, user_index, spec.user_index_valid ? 0xffffff : 0);
  VF_SET(qpc, qpc, ts_format, spec.ts_format);
  VF_SET(qpc, qpc, no_sq, 1);
  VF_SET(qpc, qpc, rq_type, spec.receive_ring ? VF_QP_RQ_NORMAL : VF_QP_RQ_ZERO_SIZE);
  if (spec.receive_ring) {
    VF_SET(qpc, qpc, log_rq_size, spec.log_rq_size);
    VF_SET(qpc, qpc, log_rq_stride, spec.log_rq_stride - 4);
    VF_SET(qpc, qpc, cqn_rcv, spec.cqn_rcv);
    VF_SET(qpc, qpc, dbr_addr, spec.dbr);
  }
  put_page_list(in, VF_OFF(create_qp_in, pas_0) / 8, spec.pages);
  return create(channel, in);
}

Result<void> destroy_qp(CommandChannel& channel, std::uint32_t qpn) {
  return run_on_object(channel, VF_OP_DESTROY_QP, qpn);
}

Result<void> rst2init_qp(CommandChannel& channel, std::uint32_t qpn) {
  Bytes in = transition(VF_OP_RST2INIT_QP, qpn);
  std::uint8_t* const qpc = VF_PTR(rst2init_qp_in, in.data(), qpc);
  VF_SET(qpc, qpc, pm_state, kPmMigrated);
  VF_SET(qpc, qpc, rre, 1);
  VF_SET(qpc, qpc, rwe, 1);
  BOOST_OUTCOME_TRYV(run_command(channel, in));
  return ok();
}

Result<void> init2rtr_qp(CommandChannel& channel, std::uint32_t qpn, std::uint32_t remote_qpn,
                         std::uint8_t log_msg_max) {
  Bytes in = transition(VF_OP_INIT2RTR_QP, qpn);
  std::uint8_t* const qpc = VF_PTR(init2rtr_qp_in, in.data(), qpc);
  VF_SET(qpc, qpc, mtu, kMtu4096);
  VF_SET(qpc, qpc, log_msg_max, log_msg_max);
  VF_SET(qpc, qpc, remote_qpn, remote_qpn);
  VF_SET(qpc, qpc, min_rnr_nak, 1);
  VF_SET(ads, VF_PTR(qpc, qpc, primary_address_path), fl, 1);
  BOOST_OUTCOME_TRYV(run_command(channel, in));
  return ok();
}

Result<void> rtr2rts_qp(CommandChannel& channel, std::uint32_t qpn) {
  Bytes in = transition(VF_OP_RTR2RTS_QP, qpn);
  std::uint8_t* const qpc = VF_PTR(rtr2rts_qp_in, in.data(), qpc);
  VF_SET(qpc, qpc, retry_count, 7);
  VF_SET(qpc, qpc, rnr_retry, 7);
  VF_SET(ads, VF_PTR(qpc, qpc, primary_address_path), ack_timeout, 8);
  BOOST_OUTCOME_TRYV(run_command(channel, in));
  return ok();
}

Result<std::uint32_t> create_page_track(CommandChannel& channel, const PageTrackSpec& spec) {
  const std::size_t object = VF_BYTES(page_track) + spec.ranges.size() * VF_BYTES(page_track_range);
  Bytes in = tracker_command(VF_OP_CREATE_GENERAL_OBJECT, 0, object);
  std::uint8_t* const p = in.data();
  VF_SET(create_page_track_obj_in, p, obj_context_vhca_id, spec.vhca_id);
  VF_SET(create_page_track_obj_in, p, obj_context_track_type, kTrackType);
  VF_SET(create_page_track_obj_in, p, obj_context_log_addr_space_size, spec.log_addr_space_size);
  VF_SET(create_page_track_obj_in, p, obj_context_log_page_size, spec.log_page_size);
  VF_SET(create_page_track_obj_in, p, obj_context_log_msg_size, spec.log_msg_size);
  VF_SET(create_page_track_obj_in, p, obj_context_reporting_qpn, spec.reporting_qpn);
  VF_SET(create_page_track_obj_in, p, obj_context_num_ranges, spec.ranges.size());
  std::uint8_t* range = p + VF_BYTES(create_page_track_obj_in);
  for (const PageRange& r : spec.ranges) {
    VF_SET(page_track_range, range, start_address, r.start);
    VF_SET(page_track_range, range, length, r.length);
    range += VF_BYTES(page_track_range);
  }
  BOOST_OUTCOME_TRY(out, run_command(channel, in));
  return static_cast<std::uint32_t>(VF_GET(general_obj_out_cmd_hdr, out.data(), obj_id));
}

Result<void> report_page_track(CommandChannel& channel, std::uint32_t id, const PageRange& range) {
  Bytes in = tracker_command(VF_OP_MODIFY_GENERAL_OBJECT, id, VF_BYTES(page_track));
  VF_SET(modify_page_track_obj_in, in.data(), obj_context_modify_field_select, kFieldSelect);
  VF_SET(modify_page_track_obj_in, in.data(), obj_context_state, VF_PAGE_TRACK_REPORTING);
  VF_SET(modify_page_track_obj_in, in.data(), obj_context_range_start_address, range.start);
  VF_SET(modify_page_track_obj_in, in.data(), obj_context_length, range.length);
  BOOST_OUTCOME_TRYV(run_command(channel, in));
  return ok();
}

Result<std::uint8_t> query_page_track(CommandChannel& channel, std::uint32_t id) {
  BOOST_OUTCOME_TRY(out, run_command(channel, tracker_command(VF_OP_QUERY_GENERAL_OBJECT, id, 0)));
  return static_cast<std::uint8_t>(VF_GET(query_page_track_obj_out, out.data(), obj_context_state));
}

Result<void> destroy_page_track(CommandChannel& channel, std::uint32_t id) {
  BOOST_OUTCOME_TRYV(run_command(channel, tracker_command(VF_OP_DESTROY_GENERAL_OBJECT, id, 0)));
  return ok();
}

}  // namespace vfsim::driver
