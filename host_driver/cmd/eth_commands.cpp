#include "host_driver/cmd/eth_commands.hpp"

#include "host_driver/cmd/object_commands.hpp"

namespace vfsim::driver {
namespace {

constexpr std::uint32_t kTableNicReceive = 0;
constexpr std::uint32_t kMatchOuterHeaders = 1;
constexpr std::uint32_t kHashToeplitz = 2;
constexpr std::uint32_t kHashAddressesAndPorts = 0xf;  // IPv4, TCP: source and destination of both
constexpr std::uint32_t kToeplitzSeed = 0x6d5a56da;
constexpr std::size_t kMacEntryBytes = 8;
constexpr std::size_t kRqEntryBytes = 4;

void fill_wq(std::uint8_t* wq, const WorkQueueSpec& spec) {
  VF_SET(wq, wq, wq_type, VF_WQ_TYPE_CYCLIC);
  VF_SET(wq, wq, pd, spec.pd);
  VF_SET(wq, wq, uar_page, spec.uar);
  VF_SET(wq, wq, dbr_addr, spec.dbr);
  VF_SET(wq, wq, log_wq_stride, spec.log_stride);
  VF_SET(wq, wq, log_wq_sz, spec.log_size);
}

Bytes on_table(vf_opcode opcode, std::uint32_t table) {
  Bytes in = make_command(opcode);
  VF_SET(destroy_flow_table_in, in.data(), table_type, kTableNicReceive);
  VF_SET(destroy_flow_table_in, in.data(), table_id, table);
  return in;
}

std::uint64_t to_number(const Mac& mac) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : mac) {
    value = value << 8 | byte;
  }
  return value;
}

void put_dmac(std::uint8_t* match, std::uint64_t mac) {
  VF_SET(match_l2_l4, match, dmac_47_16, mac >> 16);
  VF_SET(match_l2_l4, match, dmac_15_0, mac);
}

}  // namespace

Result<std::uint32_t> alloc_transport_domain(CommandChannel& channel) {
  return create(channel, make_command(VF_OP_ALLOC_TRANSPORT_DOMAIN));
}
Result<void> dealloc_transport_domain(CommandChannel& channel, std::uint32_t td) {
  return run_on_object(channel, VF_OP_DEALLOC_TRANSPORT_DOMAIN, td);
}

Result<std::uint32_t> create_tis(CommandChannel& channel, std::uint32_t td, std::uint8_t priority) {
  Bytes in = make_command(VF_OP_CREATE_TIS);
  std::uint8_t* const tisc = VF_PTR(create_tis_in, in.data(), ctx);
  VF_SET(tisc, tisc, prio, priority);
  VF_SET(tisc, tisc, transport_domain, td);
  return create(channel, in);
}
Result<void> destroy_tis(CommandChannel& channel, std::uint32_t tisn) {
  return run_on_object(channel, VF_OP_DESTROY_TIS, tisn);
}

Result<std::uint32_t> create_sq(CommandChannel& channel, const WorkQueueSpec& spec) {
  Bytes in = make_command(VF_OP_CREATE_SQ, 0, spec.pages.size() * 8);
  std::uint8_t* const sqc = VF_PTR(create_sq_in, in.data(), ctx);
  VF_SET(sqc, sqc, flush_in_error_en, 1);
  VF_SET(sqc, sqc, min_wqe_inline_mode, spec.min_inline_mode);
  VF_SET(sqc, sqc, state, VF_WQ_RST);
  VF_SET(sqc, sqc, cqn, spec.cqn);
  VF_SET(sqc, sqc, tis_lst_sz, 1);
  VF_SET(sqc, sqc, tis_num_0, spec.tisn);
  fill_wq(VF_PTR(sqc, sqc, wq), spec);
  put_page_list(in, VF_BYTES(create_sq_in), spec.pages);
  return create(channel, in);
}

Result<void> set_sq_ready(CommandChannel& channel, std::uint32_t sqn) {
  Bytes in = make_command(VF_OP_MODIFY_SQ);
  VF_SET(modify_sq_in, in.data(), sq_state, VF_WQ_RST);
  VF_SET(modify_sq_in, in.data(), sqn, sqn);
  VF_SET(sqc, VF_PTR(modify_sq_in, in.data(), ctx), state, VF_WQ_RDY);
  return run(channel, in);
}

Result<void> destroy_sq(CommandChannel& channel, std::uint32_t sqn) {
  return run_on_object(channel, VF_OP_DESTROY_SQ, sqn);
}

Result<std::uint32_t> create_rq(CommandChannel& channel, const WorkQueueSpec& spec) {
  Bytes in = make_command(VF_OP_CREATE_RQ, 0, spec.pages.size() * 8);
  std::uint8_t* const rqc = VF_PTR(create_rq_in, in.data(), ctx);
  VF_SET(rqc, rqc, vsd, 1);  // VLAN tags stay in the frame
  VF_SET(rqc, rqc, flush_in_error_en, 1);
  VF_SET(rqc, rqc, state, VF_WQ_RST);
  VF_SET(rqc, rqc, cqn, spec.cqn);
  VF_SET(rqc, rqc, counter_set_id, spec.counter_set);
  fill_wq(VF_PTR(rqc, rqc, wq), spec);
  put_page_list(in, VF_BYTES(create_rq_in), spec.pages);
  return create(channel, in);
}

Result<void> set_rq_ready(CommandChannel& channel, std::uint32_t rqn) {
  Bytes in = make_command(VF_OP_MODIFY_RQ);
  VF_SET(modify_rq_in, in.data(), rq_state, VF_WQ_RST);
  VF_SET(modify_rq_in, in.data(), rqn, rqn);
  VF_SET(rqc, VF_PTR(modify_rq_in, in.data(), ctx), state, VF_WQ_RDY);
  return run(channel, in);
}

Result<void> destroy_rq(CommandChannel& channel, std::uint32_t rqn) {
  return run_on_object(channel, VF_OP_DESTROY_RQ, rqn);
}

Result<std::uint32_t> create_rqt(CommandChannel& channel, const std::vector<std::uint32_t>& rqns) {
  Bytes in = make_command(VF_OP_CREATE_RQT, 0, rqns.size() * kRqEntryBytes);
  std::uint8_t* const rqtc = VF_PTR(create_rqt_in, in.data(), rqt_context);
  VF_SET(rqtc, rqtc, rqt_max_size, rqns.size());
  VF_SET(rqtc, rqtc, rqt_actual_size, rqns.size());
  for (std::size_t i = 0; i < rqns.size(); ++i) {
    VF_SET(rqtc, rqtc + i * kRqEntryBytes, rq_num_0_rq_num, rqns[i]);
  }
  return create(channel, in);
}
Result<void> destroy_rqt(CommandChannel& channel, std::uint32_t rqtn) {
  return run_on_object(channel, VF_OP_DESTROY_RQT, rqtn);
}

Result<std::uint32_t> create_indirect_tir(CommandChannel& channel, std::uint32_t td,
                                          std::uint32_t rqtn) {
  Bytes in = make_command(VF_OP_CREATE_TIR);
  std::uint8_t* const tirc = VF_PTR(create_tir_in, in.data(), ctx);
  VF_SET(tirc, tirc, disp_type, VF_TIR_DISP_INDIRECT);
  VF_SET(tirc, tirc, indirect_table, rqtn);
  VF_SET(tirc, tirc, rx_hash_fn, kHashToeplitz);
  VF_SET(tirc, tirc, rx_hash_symmetric, 1);
  VF_SET(tirc, tirc, transport_domain, td);
  VF_SET(tirc, tirc, rx_hash_field_selector_outer, kHashAddressesAndPorts);
  const std::size_t key = VF_OFF(tirc, rx_hash_toeplitz_key_0) / 8;
  for (std::uint32_t word = 0; word < 10; ++word) {
    vf_be32_store(tirc + key + std::size_t{word} * 4, kToeplitzSeed * (2 * word + 1));
  }
  return create(channel, in);
}
Result<void> destroy_tir(CommandChannel& channel, std::uint32_t tirn) {
  return run_on_object(channel, VF_OP_DESTROY_TIR, tirn);
}

Result<std::uint32_t> create_flow_table(CommandChannel& channel, std::uint8_t level,
                                        std::uint8_t log_size) {
  Bytes in = make_command(VF_OP_CREATE_FLOW_TABLE);
  VF_SET(create_flow_table_in, in.data(), table_type, kTableNicReceive);
  std::uint8_t* const context = VF_PTR(create_flow_table_in, in.data(), flow_table_context);
  VF_SET(flow_table_context, context, level, level);
  VF_SET(flow_table_context, context, log_size, log_size);
  return create(channel, in);
}
Result<void> set_flow_table_root(CommandChannel& channel, std::uint32_t table) {
  return run(channel, on_table(VF_OP_SET_FLOW_TABLE_ROOT, table));
}
Result<void> destroy_flow_table(CommandChannel& channel, std::uint32_t table) {
  return run(channel, on_table(VF_OP_DESTROY_FLOW_TABLE, table));
}

Result<std::uint32_t> create_dmac_group(CommandChannel& channel, std::uint32_t table,
                                        std::uint32_t first, std::uint32_t last) {
  Bytes in = on_table(VF_OP_CREATE_FLOW_GROUP, table);
  VF_SET(create_flow_group_in, in.data(), start_flow_index, first);
  VF_SET(create_flow_group_in, in.data(), end_flow_index, last);
  VF_SET(create_flow_group_in, in.data(), match_criteria_enable, kMatchOuterHeaders);
  put_dmac(VF_PTR(create_flow_group_in, in.data(), match_criteria), ~std::uint64_t{0});
  return create(channel, in);
}
Result<void> destroy_flow_group(CommandChannel& channel, std::uint32_t table, std::uint32_t group) {
  Bytes in = on_table(VF_OP_DESTROY_FLOW_GROUP, table);
  VF_SET(destroy_flow_group_in, in.data(), group_id, group);
  return run(channel, in);
}

Result<void> set_dmac_entry(CommandChannel& channel, std::uint32_t table, std::uint32_t group,
                            std::uint32_t index, const Mac& mac, std::uint32_t tirn) {
  Bytes in = make_command(VF_OP_SET_FLOW_TABLE_ENTRY, 0, VF_BYTES(dest_format_struct));
  VF_SET(set_fte_in, in.data(), table_type, kTableNicReceive);
  VF_SET(set_fte_in, in.data(), table_id, table);
  VF_SET(set_fte_in, in.data(), flow_index, index);
  std::uint8_t* const context = VF_PTR(set_fte_in, in.data(), flow_context);
  VF_SET(flow_context, context, group_id, group);
  VF_SET(flow_context, context, action, VF_FLOW_ACTION_FORWARD);
  VF_SET(flow_context, context, destination_list_size, 1);
  put_dmac(VF_PTR(flow_context, context, match_value), to_number(mac));
  std::uint8_t* const destination = in.data() + VF_BYTES(set_fte_in);
  VF_SET(dest_format_struct, destination, destination_type, VF_FLOW_DEST_TIR);
  VF_SET(dest_format_struct, destination, destination_id, tirn);
  return run(channel, in);
}
Result<void> delete_flow_entry(CommandChannel& channel, std::uint32_t table, std::uint32_t index) {
  Bytes in = on_table(VF_OP_DELETE_FLOW_TABLE_ENTRY, table);
  VF_SET(delete_fte_in, in.data(), flow_index, index);
  return run(channel, in);
}

Result<std::uint8_t> alloc_q_counter(CommandChannel& channel) {
  BOOST_OUTCOME_TRY(out, run_command(channel, make_command(VF_OP_ALLOC_Q_COUNTER)));
  return static_cast<std::uint8_t>(VF_GET(alloc_q_counter_out, out.data(), counter_set_id));
}
Result<void> dealloc_q_counter(CommandChannel& channel, std::uint8_t counter_set) {
  Bytes in = make_command(VF_OP_DEALLOC_Q_COUNTER);
  VF_SET(dealloc_q_counter_in, in.data(), counter_set_id, counter_set);
  return run(channel, in);
}

Result<VportContext> query_nic_vport_context(CommandChannel& channel) {
  BOOST_OUTCOME_TRY(out, run_command(channel, make_command(VF_OP_QUERY_NIC_VPORT_CONTEXT)));
  const std::uint8_t* const raw =
      VF_PTR(query_nic_vport_context_out, out.data(), nic_vport_context);
  VportContext context;
  std::uint64_t mac = VF_GET(nic_vport_context, raw, permanent_address_mac_addr_47_32) << 32 |
                      VF_GET(nic_vport_context, raw, permanent_address_mac_addr_31_0);
  for (auto byte = context.mac.rbegin(); byte != context.mac.rend(); ++byte, mac >>= 8) {
    *byte = static_cast<std::uint8_t>(mac);
  }
  context.mtu = static_cast<std::uint16_t>(VF_GET(nic_vport_context, raw, mtu));
  context.min_inline_mode =
      static_cast<std::uint8_t>(VF_GET(nic_vport_context, raw, min_wqe_inline_mode));
  return context;
}

Result<void> set_unicast_list(CommandChannel& channel, const std::vector<Mac>& macs) {
  Bytes in = make_command(VF_OP_MODIFY_NIC_VPORT_CONTEXT, 0, macs.size() * kMacEntryBytes);
  VF_SET(modify_nic_vport_context_in, in.data(), field_select_addresses_list, 1);
  std::uint8_t* const context = VF_PTR(modify_nic_vport_context_in, in.data(), nic_vport_context);
  VF_SET(nic_vport_context, context, allowed_list_type, VF_MAC_LIST_UNICAST);
  VF_SET(nic_vport_context, context, allowed_list_size, macs.size());
  for (std::size_t i = 0; i < macs.size(); ++i) {
    VF_SET(nic_vport_context, context + i * kMacEntryBytes, current_uc_mac_address_0,
           to_number(macs[i]));
  }
  return run(channel, in);
}

}  // namespace vfsim::driver
