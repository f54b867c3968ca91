// Commands, entries, mailbox chains and events, byte for byte against golden images.
#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "firmware/interface/facts_reader.hpp"
#include "firmware/interface/signature.h"
#include "firmware/interface/tables.hpp"

namespace vfsim::contract {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Golden {
  std::string title;  // comment line above
  std::string kind;   // "IN", "COMMAND ENTRY", ...
  Bytes bytes;
};

std::string after_hashes(const std::string& line) {
  return line.substr(std::min(line.find_first_not_of("# "), line.size()));
}

void store_line(const std::string& line, Bytes& bytes) {
  std::istringstream in(line);
  std::string offset;
  in >> offset;
  std::size_t at = std::stoul(offset, nullptr, 16);
  for (std::string byte; in >> byte; ++at) {
    bytes.at(at) = static_cast<std::uint8_t>(std::stoul(byte, nullptr, 16));
  }
}

std::vector<Golden> read_golden() {
  std::ifstream in = open_fact("golden_commands.txt");
  std::vector<Golden> all;
  std::string title;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) {
      continue;
    }
    if (line[0] == '#') {
      // A "##" heading names the entry and blocks below it; the "#" line under it only repeats
      // their sizes.
      title = line.rfind("# inlen=", 0) == 0 ? title : after_hashes(line);
    } else if (line[0] == ' ') {
      store_line(line, all.back().bytes);
    } else {
      const auto open = line.rfind('(');
      all.push_back({title, line.substr(0, open - 1), Bytes(std::stoul(line.substr(open + 1)))});
    }
  }
  return all;
}

/// Value of every field that the layout names, written into zeroed bytes: what is not named gets
/// lost.
void recode(std::string_view layout, const std::uint8_t* from, std::uint8_t* to,
            std::size_t bytes) {
  for (const FieldRow& f : kFields) {
    if (f.layout != layout || (f.offset + f.width) / 8 > bytes) {
      continue;
    }
    if (f.blob) {
      std::memcpy(to + f.offset / 8, from + f.offset / 8, f.width / 8);
    } else {
      vf_field_set(to, f.offset, f.width, vf_field_get(from, f.offset, f.width));
    }
  }
}

struct Case {
  const char* title;   // start of the golden title
  const char* layout;  // decoded with
  std::function<void(std::uint8_t*)> encode;
};

#define SET(s, f, v) VF_SET(s, b, f, v)

void query_cap(std::uint8_t* b, unsigned type, bool current, unsigned function) {
  SET(query_hca_cap_in, opcode, VF_OP_QUERY_HCA_CAP);
  SET(query_hca_cap_in, op_mod, type << 1 | (current ? 1U : 0U));
  SET(query_hca_cap_in, other_function, function != 0);
  SET(query_hca_cap_in, function_id, function);
}

void suspend(std::uint8_t* b, unsigned op_mod) {
  SET(suspend_vhca_in, opcode, VF_OP_SUSPEND_VHCA);
  SET(suspend_vhca_in, op_mod, op_mod);
  SET(suspend_vhca_in, vhca_id, 0x1234);
}

void resume(std::uint8_t* b, unsigned op_mod) {
  SET(resume_vhca_in, opcode, VF_OP_RESUME_VHCA);
  SET(resume_vhca_in, op_mod, op_mod);
  SET(resume_vhca_in, vhca_id, 0x1234);
}

void query_state(std::uint8_t* b, unsigned incremental, unsigned chunk) {
  SET(query_vhca_migration_state_in, opcode, VF_OP_QUERY_VHCA_MIGRATION_STATE);
  SET(query_vhca_migration_state_in, incremental, incremental);
  SET(query_vhca_migration_state_in, chunk, chunk);
  SET(query_vhca_migration_state_in, vhca_id, 0x1234);
}

void save(std::uint8_t* b, unsigned incremental, unsigned set_track) {
  SET(save_vhca_state_in, opcode, VF_OP_SAVE_VHCA_STATE);
  SET(save_vhca_state_in, incremental, incremental);
  SET(save_vhca_state_in, set_track, set_track);
  SET(save_vhca_state_in, vhca_id, 0x1234);
  SET(save_vhca_state_in, mkey, 0x00abcd42);
  SET(save_vhca_state_in, size, 0x3000);
}

void create_mkey(std::uint8_t* b, const std::vector<std::uint64_t>& pages) {
  const auto octwords = static_cast<std::uint32_t>((pages.size() + 1) / 2);
  SET(create_mkey_in, opcode, VF_OP_CREATE_MKEY);
  SET(create_mkey_in, translations_octword_actual_size, octwords);
  std::uint8_t* list = VF_PTR(create_mkey_in, b, klm_pas_mtt_0);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    vf_be64_store(list + 8 * i, pages[i]);
  }
  b = VF_PTR(create_mkey_in, b, memory_key_mkey_entry);
  SET(mkc, access_mode_1_0, VF_MKC_MODE_MTT);
  SET(mkc, lr, 1);
  SET(mkc, lw, 1);
  SET(mkc, rr, 1);
  SET(mkc, rw, 1);
  SET(mkc, qpn, 0xffffff);
  SET(mkc, pd, 0x5a);
  SET(mkc, len, pages.size() * VF_PAGE_BYTES);
  SET(mkc, translations_octword_size, octwords);
  SET(mkc, log_page_size, VF_PAGE_SHIFT);
}

std::vector<std::uint64_t> fifty_pages() {
  std::vector<std::uint64_t> pages(50);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    pages[i] = 0x100000000 + i * 0x1000;
  }
  return pages;
}

void general_caps(std::uint8_t* b) {
  b = VF_PTR(query_hca_cap_out, b, capability);
  SET(cmd_hca_cap, hca_cap_2, 1);
  SET(cmd_hca_cap, vhca_id, 0x1234);
  SET(cmd_hca_cap, migration, 1);
  SET(cmd_hca_cap, adv_virtualization, 1);
  SET(cmd_hca_cap, vport_group_manager, 1);
  SET(cmd_hca_cap, log_max_pd, 16);
  SET(cmd_hca_cap, log_max_mkey, 20);
  SET(cmd_hca_cap, log_max_eq, 7);
  SET(cmd_hca_cap, num_ports, 1);
  SET(cmd_hca_cap, port_type, 1);
  SET(cmd_hca_cap, driver_version, 1);
  SET(cmd_hca_cap, cqe_version, 1);
}

void general_2_caps(std::uint8_t* b) {
  b = VF_PTR(query_hca_cap_out, b, capability);
  SET(cmd_hca_cap_2, migratable, 1);
  SET(cmd_hca_cap_2, migration_multi_load, 1);
  SET(cmd_hca_cap_2, migration_tracking_state, 1);
  SET(cmd_hca_cap_2, migration_in_chunks, 1);
  SET(cmd_hca_cap_2, migration_state, 1);
}

/// Header of a general object command; bytes behind it are the object.
void general_object(std::uint8_t* b, unsigned opcode, unsigned id) {
  SET(create_page_track_obj_in, general_obj_in_cmd_hdr_opcode, opcode);
  SET(create_page_track_obj_in, general_obj_in_cmd_hdr_obj_type, VF_OBJ_TYPE_PAGE_TRACK);
  SET(create_page_track_obj_in, general_obj_in_cmd_hdr_obj_id, id);
}

void create_tracker(std::uint8_t* b) {
  general_object(b, VF_OP_CREATE_GENERAL_OBJECT, 0);
  SET(create_page_track_obj_in, obj_context_vhca_id, 0x1234);
  SET(create_page_track_obj_in, obj_context_track_type, 1);
  SET(create_page_track_obj_in, obj_context_log_addr_space_size, 31);
  SET(create_page_track_obj_in, obj_context_log_page_size, 12);
  SET(create_page_track_obj_in, obj_context_log_msg_size, 20);
  SET(create_page_track_obj_in, obj_context_reporting_qpn, 0x77);
  SET(create_page_track_obj_in, obj_context_num_ranges, 2);
  std::uint8_t* range =
      VF_PTR(create_page_track_obj_in, b, obj_context_track_range_0_start_address);
  vf_be64_store(range, 0);
  vf_be64_store(range + 8, 0x40000000);
  vf_be64_store(range + 16, 0x100000000);
  vf_be64_store(range + 24, 0x20000000);
}

void report_range(std::uint8_t* b) {
  general_object(b, VF_OP_MODIFY_GENERAL_OBJECT, 9);
  SET(modify_page_track_obj_in, obj_context_modify_field_select, 3);
  SET(modify_page_track_obj_in, obj_context_state, VF_PAGE_TRACK_REPORTING);
  SET(modify_page_track_obj_in, obj_context_range_start_address, 0x200000);
  SET(modify_page_track_obj_in, obj_context_length, 0x400000);
}

void create_eq(std::uint8_t* b) {
  SET(create_eq_in, opcode, VF_OP_CREATE_EQ);
  SET(create_eq_in, event_bitmask_0, UINT64_C(1) << VF_EVENT_CMD);
  for (std::uint32_t i = 0; i < 4; ++i) {
    vf_be64_store(VF_PTR(create_eq_in, b, pas_0) + 8 * i, 0x333000 + i * 0x1000U);
  }
  b = VF_PTR(create_eq_in, b, eq_context_entry);
  SET(eqc, log_eq_size, 8);
  SET(eqc, uar_page, 0x10);
}

/// An event entry; returns its data.
std::uint8_t* event(std::uint8_t* b, unsigned type, unsigned sub_type) {
  SET(eqe, event_type, type);
  SET(eqe, event_sub_type, sub_type);
  return VF_PTR(eqe, b, event_data);
}

void page_request(std::uint8_t* b, std::int32_t pages) {
  b = event(b, VF_EVENT_PAGE_REQUEST, 0);
  SET(eqe_page_request, function_id, 3);
  SET(eqe_page_request, num_pages, static_cast<std::uint32_t>(pages));
}

const std::vector<std::uint64_t> kThreePages = {0x112345000, 0x2abcde000, 0x300001000};

const std::vector<Case> kCases = {
    {"SUSPEND_VHCA op_mod=1", "suspend_vhca_in", [](auto* b) { suspend(b, VF_SUSPEND_RESPONDER); }},
    {"SUSPEND_VHCA op_mod=0", "suspend_vhca_in", [](auto* b) { suspend(b, VF_SUSPEND_INITIATOR); }},
    {"RESUME_VHCA op_mod=0", "resume_vhca_in", [](auto* b) { resume(b, VF_RESUME_RESPONDER); }},
    {"RESUME_VHCA op_mod=1", "resume_vhca_in", [](auto* b) { resume(b, VF_RESUME_INITIATOR); }},
    {"QUERY_VHCA_MIGRATION_STATE plain", "query_vhca_migration_state_in",
     [](auto* b) { query_state(b, 0, 0); }},
    {"QUERY_VHCA_MIGRATION_STATE incremental=1", "query_vhca_migration_state_in",
     [](auto* b) { query_state(b, 1, 0); }},
    {"QUERY_VHCA_MIGRATION_STATE incremental=1 chunk=1", "query_vhca_migration_state_in",
     [](auto* b) { query_state(b, 1, 1); }},
    {"QUERY_VHCA_MIGRATION_STATE output", "query_vhca_migration_state_out",
     [](auto* b) {
       SET(query_vhca_migration_state_out, migration_state, VF_MIGRATION_STATE_DIRTY);
       SET(query_vhca_migration_state_out, required_umem_size, 0x123456);
       SET(query_vhca_migration_state_out, remaining_total_size, 0x123456789);
     }},
    {"SAVE_VHCA_STATE vhca_id=0x1234", "save_vhca_state_in", [](auto* b) { save(b, 0, 0); }},
    {"SAVE_VHCA_STATE ... incremental=0 set_track=1", "save_vhca_state_in",
     [](auto* b) { save(b, 0, 1); }},
    {"SAVE_VHCA_STATE ... incremental=1 set_track=1", "save_vhca_state_in",
     [](auto* b) { save(b, 1, 1); }},
    {"SAVE_VHCA_STATE ... incremental=1 set_track=0", "save_vhca_state_in",
     [](auto* b) { save(b, 1, 0); }},
    {"SAVE_VHCA_STATE output: actual", "save_vhca_state_out",
     [](auto* b) {
       SET(save_vhca_state_out, actual_image_size, 0x2a5c);
       SET(save_vhca_state_out, next_required_umem_size, 0x800000);
     }},
    {"SAVE_VHCA_STATE output: status", "save_vhca_state_out",
     [](auto* b) {
       SET(save_vhca_state_out, status, VF_STATUS_BAD_RES_STATE);
       SET(save_vhca_state_out, syndrome, 0x1badcafe);
     }},
    {"LOAD_VHCA_STATE", "load_vhca_state_in",
     [](auto* b) {
       SET(load_vhca_state_in, opcode, VF_OP_LOAD_VHCA_STATE);
       SET(load_vhca_state_in, vhca_id, 0x1234);
       SET(load_vhca_state_in, mkey, 0x00abcd42);
       SET(load_vhca_state_in, size, 0x2a5c);
     }},
    {"ALLOC_PD", "alloc_pd_in", [](auto* b) { SET(alloc_pd_in, opcode, VF_OP_ALLOC_PD); }},
    {"ALLOC_PD output", "alloc_pd_out", [](auto* b) { SET(alloc_pd_out, pd, 0x5a); }},
    {"DEALLOC_PD", "dealloc_pd_in",
     [](auto* b) {
       SET(dealloc_pd_in, opcode, VF_OP_DEALLOC_PD);
       SET(dealloc_pd_in, pd, 0x5a);
     }},
    {"QUERY_HCA_CAP general, current", "query_hca_cap_in",
     [](auto* b) { query_cap(b, VF_CAP_GENERAL, true, 3); }},
    {"QUERY_HCA_CAP general_2 (0x20), max", "query_hca_cap_in",
     [](auto* b) { query_cap(b, VF_CAP_GENERAL_2, false, 3); }},
    {"QUERY_HCA_CAP adv_virtualization", "query_hca_cap_in",
     [](auto* b) { query_cap(b, VF_CAP_ADV_VIRTUALIZATION, true, 0); }},
    {"QUERY_HCA_CAP output general:", "query_hca_cap_out", general_caps},
    {"QUERY_HCA_CAP output general_2:", "query_hca_cap_out", general_2_caps},
    {"CREATE_MKEY MTT mode", nullptr, [](auto* b) { create_mkey(b, kThreePages); }},
    {"CREATE_MKEY output", "create_mkey_out",
     [](auto* b) { SET(create_mkey_out, mkey_index, 0xabcd); }},
    {"CREATE_GENERAL_OBJECT", nullptr, create_tracker},
    {"MODIFY_GENERAL_OBJECT", "modify_page_track_obj_in", report_range},
    {"QUERY_GENERAL_OBJECT", "general_obj_in_cmd_hdr",
     [](auto* b) { general_object(b, VF_OP_QUERY_GENERAL_OBJECT, 9); }},
    {"DESTROY_GENERAL_OBJECT", "general_obj_in_cmd_hdr",
     [](auto* b) { general_object(b, VF_OP_DESTROY_GENERAL_OBJECT, 9); }},
    {"page_track_report_entry", "page_track_report_entry",
     [](auto* b) {
       SET(page_track_report_entry, dirty_address_high, 0x1);
       SET(page_track_report_entry, dirty_address_low, 0x23456000);
     }},
    {"ENABLE_HCA", "enable_hca_in",
     [](auto* b) {
       SET(enable_hca_in, opcode, VF_OP_ENABLE_HCA);
       SET(enable_hca_in, function_id, 3);
     }},
    {"QUERY_ISSI", "query_issi_in", [](auto* b) { SET(query_issi_in, opcode, VF_OP_QUERY_ISSI); }},
    {"QUERY_ISSI output", "query_issi_out",
     [](auto* b) { SET(query_issi_out, supported_issi_dw0, 3); }},
    {"SET_ISSI", "set_issi_in",
     [](auto* b) {
       SET(set_issi_in, opcode, VF_OP_SET_ISSI);
       SET(set_issi_in, current_issi, 1);
     }},
    {"QUERY_PAGES boot", "query_pages_in",
     [](auto* b) {
       SET(query_pages_in, opcode, VF_OP_QUERY_PAGES);
       SET(query_pages_in, op_mod, VF_PAGES_BOOT);
     }},
    {"QUERY_PAGES output", "query_pages_out", [](auto* b) { SET(query_pages_out, num_pages, 5); }},
    {"MANAGE_PAGES give", nullptr,
     [](auto* b) {
       SET(manage_pages_in, opcode, VF_OP_MANAGE_PAGES);
       SET(manage_pages_in, op_mod, VF_PAGES_GIVE);
       SET(manage_pages_in, function_id, 3);
       SET(manage_pages_in, input_num_entries, 2);
       SET(manage_pages_in, pas_0, 0x111000);
       vf_be64_store(VF_PTR(manage_pages_in, b, pas_0) + 8, 0x222000);
     }},
    {"CREATE_EQ command EQ", nullptr, create_eq},
    {"CREATE_EQ output", "create_eq_out", [](auto* b) { SET(create_eq_out, eq_number, 4); }},
    {"ACCESS_REG read DTOR", "access_register_in",
     [](auto* b) {
       SET(access_register_in, opcode, VF_OP_ACCESS_REG);
       SET(access_register_in, op_mod, 1);
       SET(access_register_in, register_id, VF_REG_DTOR);
     }},
    {"INIT_HCA", "init_hca_in", [](auto* b) { SET(init_hca_in, opcode, VF_OP_INIT_HCA); }},
    {"TEARDOWN_HCA", "teardown_hca_in",
     [](auto* b) { SET(teardown_hca_in, opcode, VF_OP_TEARDOWN_HCA); }},
    {"EQE command completion, slot 5", "eqe",
     [](auto* b) {
       b = event(b, VF_EVENT_CMD, 0);
       SET(eqe_cmd, vector, 1U << 5);
     }},
    {"EQE page request: function 3 wants", "eqe", [](auto* b) { page_request(b, 16); }},
    {"EQE page request: function 3 returns", "eqe", [](auto* b) { page_request(b, -16); }},
    {"EQE port change", "eqe",
     [](auto* b) {
       b = event(b, VF_EVENT_PORT_CHANGE, VF_PORT_CHANGE_ACTIVE);
       SET(eqe_port_change, port_num, 1);
     }},
    {"EQE object change", "eqe",
     [](auto* b) {
       b = event(b, VF_EVENT_OBJECT_CHANGE, 0);
       SET(eqe_object_change, obj_type, VF_OBJ_TYPE_PAGE_TRACK);
       SET(eqe_object_change, obj_id, 9);
     }},
    {"EQ doorbell dword", "uar_eq_db",
     [](auto* b) {
       SET(uar_eq_db, eqn, 4);
       SET(uar_eq_db, ci, 0x123);
     }},
};

bool is_transport(const Golden& g) {
  return g.kind == "COMMAND ENTRY" || g.kind.find("MAILBOX BLOCK") != std::string::npos;
}

/// Records of the migration stream: packed by the driver, host_driver/migration/record_test.cpp.
bool is_stream_record(const Golden& g) {
  return g.kind.rfind("REC", 0) == 0;
}

TEST(Golden, EveryCommandAndEvent) {
  std::size_t next = 0;
  for (const Golden& g : read_golden()) {
    if (is_transport(g) || is_stream_record(g)) {
      continue;
    }
    ASSERT_LT(next, kCases.size()) << "no case for: " << g.title;
    const Case& c = kCases[next++];
    ASSERT_EQ(g.title.rfind(c.title, 0), 0U) << "case " << c.title << ", file " << g.title;
    Bytes encoded(g.bytes.size());
    c.encode(encoded.data());
    EXPECT_EQ(encoded, g.bytes) << g.title;
    if (c.layout != nullptr) {
      Bytes decoded(g.bytes.size());
      recode(c.layout, g.bytes.data(), decoded.data(), decoded.size());
      EXPECT_EQ(decoded, g.bytes) << g.title;
    }
  }
  EXPECT_EQ(next, kCases.size());
}

TEST(Golden, StreamRecordsAreTwo) {
  int records = 0;
  for (const Golden& g : read_golden()) {
    records += is_stream_record(g) ? 1 : 0;
  }
  EXPECT_EQ(records, 2);
}

// --- transport: entries and mailbox chains ---

struct Command {
  Bytes in;
  std::uint32_t out_bytes;
  std::uint8_t token;
  std::uint64_t in_chain;  // 0: fits the entry
  std::uint64_t out_chain;
};

void set_pointer(std::uint8_t* b, std::uint64_t in, std::uint64_t out) {
  SET(cmd_queue_entry, input_mailbox_pointer_63_32, in >> 32);
  SET(cmd_queue_entry, input_mailbox_pointer_31_9, (in & 0xffffffffU) >> 9);
  SET(cmd_queue_entry, output_mailbox_pointer_63_32, out >> 32);
  SET(cmd_queue_entry, output_mailbox_pointer_31_9, (out & 0xffffffffU) >> 9);
}

Bytes entry_of(const Command& c) {
  Bytes entry(VF_BYTES(cmd_queue_entry));
  std::uint8_t* b = entry.data();
  SET(cmd_queue_entry, type, VF_CMD_ENTRY_TYPE);
  SET(cmd_queue_entry, input_length, c.in.size());
  SET(cmd_queue_entry, output_length, c.out_bytes);
  set_pointer(b, c.in_chain, c.out_chain);
  std::memcpy(VF_PTR(cmd_queue_entry, b, command_input_inline_data), c.in.data(),
              VF_CMD_INLINE_BYTES);
  SET(cmd_queue_entry, token, c.token);
  SET(cmd_queue_entry, ownership, 1);
  vf_entry_sign(b);
  return entry;
}

/// Block `number` of a chain whose blocks lie 0x400 apart.
Bytes block_of(const Command& c, std::uint64_t chain, bool input, std::uint32_t number, bool sign) {
  Bytes block(VF_BYTES(cmd_if_box));
  std::uint8_t* b = block.data();
  const std::size_t total = input ? c.in.size() : c.out_bytes;
  const std::size_t from = VF_CMD_INLINE_BYTES + std::size_t{number} * VF_CMD_BLOCK_BYTES;
  if (input) {
    std::memcpy(b, c.in.data() + from, std::min<std::size_t>(total - from, VF_CMD_BLOCK_BYTES));
  }
  if (from + VF_CMD_BLOCK_BYTES < total) {
    const std::uint64_t next = chain + (number + 1) * UINT64_C(0x400);
    SET(cmd_if_box, next_pointer_63_32, next >> 32);
    SET(cmd_if_box, next_pointer_31_10, (next & 0xffffffffU) >> 10);
  }
  SET(cmd_if_box, block_number, number);
  SET(cmd_if_box, token, c.token);
  if (sign) {
    vf_block_sign(b);
  }
  return block;
}

Bytes input_of(std::size_t bytes, const std::function<void(std::uint8_t*)>& encode) {
  Bytes in(bytes);
  encode(in.data());
  return in;
}

/// The commands whose transport the file shows, by the start of the heading.
std::vector<std::pair<std::string, Command>> transported() {
  return {
      {"64-byte entry + one input",
       {input_of(304, [](auto* b) { create_mkey(b, kThreePages); }), 16, 0x5d, 0x7f000000, 0}},
      {"two-block input chain",
       {input_of(672, [](auto* b) { create_mkey(b, fifty_pages()); }), 16, 0x5e, 0x7f010000, 0}},
      {"QUERY_VHCA_MIGRATION_STATE: 16-byte",
       {input_of(16, [](auto* b) { query_state(b, 0, 0); }), 64, 7, 0, 0x7f020000}},
      {"SUSPEND_VHCA responder, all inline",
       {input_of(16, [](auto* b) { suspend(b, VF_SUSPEND_RESPONDER); }), 16, 1, 0, 0}},
      {"the same entry",
       {input_of(16, [](auto* b) { suspend(b, VF_SUSPEND_RESPONDER); }), 16, 1, 0, 0}},
  };
}

/// What the device leaves in an entry: ownership and delivery status, and a new signature.
Bytes completed(Bytes entry, unsigned delivery) {
  std::uint8_t* b = entry.data();
  SET(cmd_queue_entry, ownership, 0);
  SET(cmd_queue_entry, status, delivery);
  vf_entry_sign(b);
  return entry;
}

Bytes expected(const Golden& g, const Command& c) {
  if (g.kind == "COMMAND ENTRY") {
    if (g.title.find("successful execution") != std::string::npos) {
      return completed(entry_of(c), VF_DELIVERY_OK);
    }
    if (g.title.find("delivery status 0x7") != std::string::npos) {
      return completed(entry_of(c), VF_DELIVERY_IN_LENGTH);
    }
    return entry_of(c);
  }
  const bool input = g.kind.rfind("INPUT", 0) == 0;
  const auto number =
      static_cast<std::uint32_t>(std::stoul(g.kind.substr(g.kind.find("BLOCK ") + 6)));
  const bool sign = g.kind.find("with ctrl_sig") != std::string::npos;
  return block_of(c, input ? c.in_chain : c.out_chain, input, number, sign);
}

TEST(Golden, EntriesChainsAndSignatures) {
  int entries = 0;
  int blocks = 0;
  for (const Golden& g : read_golden()) {
    if (!is_transport(g)) {
      continue;
    }
    const Command* command = nullptr;
    const auto all = transported();
    for (const auto& [title, c] : all) {
      command = g.title.rfind(title, 0) == 0 ? &c : command;
    }
    ASSERT_NE(command, nullptr) << g.title;
    EXPECT_EQ(expected(g, *command), g.bytes) << g.title << ": " << g.kind;
    if (g.kind == "COMMAND ENTRY") {
      EXPECT_TRUE(vf_entry_signed(g.bytes.data()));
      ++entries;
    } else {
      const bool sign = g.kind.find("with ctrl_sig") != std::string::npos;
      EXPECT_EQ(vf_block_signed(g.bytes.data(), 1) != 0, sign);
      ++blocks;
    }
  }
  EXPECT_EQ(entries, 6);
  EXPECT_EQ(blocks, 8);
}

TEST(Golden, OneWrongBitIsSeen) {
  Bytes entry = entry_of(transported().back().second);
  for (std::size_t bit = 0; bit < entry.size() * 8; ++bit) {
    entry[bit / 8] = static_cast<std::uint8_t>(entry[bit / 8] ^ (0x80U >> bit % 8));
    EXPECT_FALSE(vf_entry_signed(entry.data())) << bit;
    entry[bit / 8] = static_cast<std::uint8_t>(entry[bit / 8] ^ (0x80U >> bit % 8));
  }
}

}  // namespace
}  // namespace vfsim::contract
