// What the tests of object commands share: commands with sensible inputs as calls, on a function
// that is up.
#pragma once

#include <string>

#include "firmware/core/mock_hal.hpp"

namespace vfsim::fwtest {

/// Appends `count` page addresses.
inline Bytes with_pages(Bytes in, std::size_t count, std::uint64_t first = 0x40'0000) {
  const std::size_t at = in.size();
  in.resize(at + count * 8);
  for (std::size_t i = 0; i < count; ++i) {
    vf_be64_store(&in[at + i * 8], first + i * VF_PAGE_BYTES);
  }
  return in;
}

inline std::uint32_t number_of(const Reply& r) {
  return static_cast<std::uint32_t>(VF_GET(object_out, r.out.data(), number));
}

class Objects {
 public:
  explicit Objects(std::uint32_t function = 0, const fw_config& config = MockNic::default_config())
      : nic(config), fn(function), up(nic.bring_up(function)) {}

  MockNic nic;
  std::uint32_t fn;
  bool up;

  Reply run(const Bytes& in, std::uint32_t out_len = 0) { return nic.run(fn, in, out_len); }
  std::uint32_t made(const Bytes& in) {
    const Reply r = run(in);
    return r.ok() ? number_of(r) : 0;
  }
  /// DESTROY, DEALLOC or QUERY of an object.
  Reply on(std::uint32_t opcode, std::uint32_t number) {
    Bytes in = command(opcode);
    VF_SET(object_in, in.data(), number, number);
    return run(in);
  }

  std::uint32_t pd() { return made(command(VF_OP_ALLOC_PD)); }
  std::uint32_t td() { return made(command(VF_OP_ALLOC_TRANSPORT_DOMAIN)); }
  std::uint32_t uar() { return made(command(VF_OP_ALLOC_UAR)); }
  std::uint32_t counter() { return made(command(VF_OP_ALLOC_Q_COUNTER)); }

  static Bytes eq_in(std::uint32_t uar, std::uint64_t mask, std::uint32_t log_size = 6,
                     std::uint32_t vector = 0) {
    Bytes in = command(VF_OP_CREATE_EQ);
    std::uint8_t* eqc = VF_PTR(create_eq_in, in.data(), eq_context_entry);
    VF_SET(eqc, eqc, log_eq_size, log_size);
    VF_SET(eqc, eqc, uar_page, uar);
    VF_SET(eqc, eqc, intr, vector);
    VF_SET(create_eq_in, in.data(), event_bitmask_0, mask);
    return with_pages(in, ((std::size_t{64} << log_size) + 4095) / 4096);
  }
  std::uint32_t eq(std::uint32_t uar, std::uint64_t mask, std::uint32_t log_size = 6) {
    return made(eq_in(uar, mask, log_size));
  }
  static Bytes cq_in(std::uint32_t uar, std::uint32_t eqn, std::uint32_t log_size = 6) {
    Bytes in = command(VF_OP_CREATE_CQ);
    std::uint8_t* cqc = VF_PTR(create_cq_in, in.data(), cq_context);
    VF_SET(cqc, cqc, log_cq_size, log_size);
    VF_SET(cqc, cqc, uar_page, uar);
    VF_SET(cqc, cqc, c_eqn_or_apu_element, eqn);
    VF_SET(cqc, cqc, dbr_addr, 0x5000);
    return with_pages(in, ((std::size_t{64} << log_size) + 4095) / 4096);
  }
  std::uint32_t cq(std::uint32_t uar, std::uint32_t eqn, std::uint32_t log_size = 6) {
    return made(cq_in(uar, eqn, log_size));
  }
  /// CREATE_SQ or CREATE_RQ.
  static Bytes wq_in(std::uint32_t opcode, std::uint32_t cqn, std::uint32_t pd, std::uint32_t uar,
                     std::uint32_t tisn, std::uint32_t log_size = 6) {
    const bool sq = opcode == VF_OP_CREATE_SQ;
    const std::uint32_t log_stride = sq ? 6 : 4;
    Bytes in = command(opcode);
    std::uint8_t* ctx = VF_PTR(create_sq_in, in.data(), ctx);
    std::uint8_t* wq = VF_PTR(sqc, ctx, wq);
    VF_SET(sqc, ctx, cqn, cqn);
    if (sq) {
      VF_SET(sqc, ctx, tis_lst_sz, tisn != 0 ? 1U : 0U);
      VF_SET(sqc, ctx, tis_num_0, tisn);
    }
    VF_SET(wq, wq, wq_type, VF_WQ_TYPE_CYCLIC);
    VF_SET(wq, wq, pd, pd);
    VF_SET(wq, wq, uar_page, uar);
    VF_SET(wq, wq, dbr_addr, 0x6000);
    VF_SET(wq, wq, log_wq_stride, log_stride);
    VF_SET(wq, wq, log_wq_sz, log_size);
    return with_pages(in, ((std::size_t{1} << (log_size + log_stride)) + 4095) / 4096);
  }
  Reply modify_wq(std::uint32_t opcode, std::uint32_t number, std::uint32_t from,
                  std::uint32_t to) {
    Bytes in = command(opcode);
    VF_SET(modify_wq_in, in.data(), state, from);
    VF_SET(modify_wq_in, in.data(), number, number);
    VF_SET(sqc, VF_PTR(modify_wq_in, in.data(), ctx), state, to);
    return run(in);
  }
  std::uint32_t tis(std::uint32_t td, std::uint32_t pd = 0) {
    Bytes in = command(VF_OP_CREATE_TIS);
    VF_SET(tisc, VF_PTR(create_tis_in, in.data(), ctx), transport_domain, td);
    VF_SET(tisc, VF_PTR(create_tis_in, in.data(), ctx), pd, pd);
    return made(in);
  }
  static Bytes rqt_in(std::uint32_t opcode, std::uint32_t rqn, std::uint32_t entries = 1,
                      std::uint32_t number = 0) {
    Bytes in = command(opcode);
    in.resize(in.size() + entries * 4);
    std::uint8_t* rqtc = VF_PTR(create_rqt_in, in.data(), rqt_context);
    VF_SET(rqtc, rqtc, rqt_max_size, entries);
    VF_SET(rqtc, rqtc, rqt_actual_size, entries);
    for (std::uint32_t i = 0; i < entries; ++i) {
      vf_be32_store(&in[272 + i * 4], rqn);
    }
    if (opcode == VF_OP_MODIFY_RQT) {
      VF_SET(modify_rqt_in, in.data(), rqtn, number);
      VF_SET(modify_rqt_in, in.data(), bitmask_rqn_list, 1);
    }
    return in;
  }
  std::uint32_t tir(std::uint32_t td, std::uint32_t disp, std::uint32_t target) {
    Bytes in = command(VF_OP_CREATE_TIR);
    std::uint8_t* tirc = VF_PTR(create_tir_in, in.data(), ctx);
    VF_SET(tirc, tirc, disp_type, disp);
    VF_SET(tirc, tirc, transport_domain, td);
    if (disp == VF_TIR_DISP_DIRECT) {
      VF_SET(tirc, tirc, inline_rqn, target);
    } else {
      VF_SET(tirc, tirc, indirect_table, target);
    }
    return made(in);
  }
  static Bytes mkey_in(std::uint32_t pd, std::size_t pages, std::uint64_t len) {
    Bytes in = command(VF_OP_CREATE_MKEY);
    std::uint8_t* mkc = VF_PTR(create_mkey_in, in.data(), memory_key_mkey_entry);
    const std::size_t octwords = (pages + 1) / 2;
    VF_SET(mkc, mkc, access_mode_1_0, VF_MKC_MODE_MTT);
    VF_SET(mkc, mkc, lr, 1);
    VF_SET(mkc, mkc, lw, 1);
    VF_SET(mkc, mkc, qpn, 0xffffff);
    VF_SET(mkc, mkc, pd, pd);
    VF_SET(mkc, mkc, len, len);
    VF_SET(mkc, mkc, log_page_size, 12);
    VF_SET(mkc, mkc, translations_octword_size, octwords);
    VF_SET(create_mkey_in, in.data(), translations_octword_actual_size, octwords);
    return with_pages(in, octwords * 2);
  }
  static Bytes pa_mkey_in(std::uint32_t pd) {
    Bytes in = command(VF_OP_CREATE_MKEY);
    std::uint8_t* mkc = VF_PTR(create_mkey_in, in.data(), memory_key_mkey_entry);
    VF_SET(mkc, mkc, access_mode_1_0, VF_MKC_MODE_PA);
    VF_SET(mkc, mkc, lr, 1);
    VF_SET(mkc, mkc, lw, 1);
    VF_SET(mkc, mkc, qpn, 0xffffff);
    VF_SET(mkc, mkc, length64, 1);
    VF_SET(mkc, mkc, pd, pd);
    return in;
  }
  std::uint32_t table(std::uint32_t level, std::uint32_t log_size) {
    Bytes in = command(VF_OP_CREATE_FLOW_TABLE);
    std::uint8_t* ctx = VF_PTR(create_flow_table_in, in.data(), flow_table_context);
    VF_SET(flow_table_context, ctx, level, level);
    VF_SET(flow_table_context, ctx, log_size, log_size);
    return made(in);
  }
  std::uint32_t group(std::uint32_t table, std::uint32_t first, std::uint32_t last,
                      std::uint32_t criteria) {
    Bytes in = command(VF_OP_CREATE_FLOW_GROUP);
    VF_SET(create_flow_group_in, in.data(), table_id, table);
    VF_SET(create_flow_group_in, in.data(), start_flow_index, first);
    VF_SET(create_flow_group_in, in.data(), end_flow_index, last);
    VF_SET(create_flow_group_in, in.data(), match_criteria_enable, criteria);
    return made(in);
  }
  static Bytes entry_in(std::uint32_t table, std::uint32_t group, std::uint32_t index,
                        std::uint32_t dest_type, std::uint32_t dest) {
    Bytes in = command(VF_OP_SET_FLOW_TABLE_ENTRY, 0, 840);
    std::uint8_t* ctx = VF_PTR(set_fte_in, in.data(), flow_context);
    VF_SET(set_fte_in, in.data(), table_id, table);
    VF_SET(set_fte_in, in.data(), flow_index, index);
    VF_SET(flow_context, ctx, group_id, group);
    VF_SET(flow_context, ctx, action, VF_FLOW_ACTION_FORWARD);
    VF_SET(flow_context, ctx, destination_list_size, 1);
    VF_SET(dest_format_struct, &in[832], destination_type, dest_type);
    VF_SET(dest_format_struct, &in[832], destination_id, dest);
    return in;
  }
};

}  // namespace vfsim::fwtest
