#include "host_driver/cmd/commands.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "host_driver/cmd/object_commands.hpp"

namespace vfsim::driver {
namespace {

struct OpcodeRow {
  std::string_view name;
  std::uint32_t value;
  std::size_t in_bytes, out_bytes;
};
constexpr std::array kOpcodes{
#define OPCODE(name, value, in_bytes, out_bytes, doc) \
  OpcodeRow{#name, (value), (in_bytes), (out_bytes)},
#include "firmware/interface/opcodes.def"
#undef OPCODE
};

const OpcodeRow* find_opcode(std::uint32_t value) {
  for (const OpcodeRow& row : kOpcodes) {
    if (row.value == value) {
      return &row;
    }
  }
  return nullptr;
}

void put_function(Bytes& in, std::uint16_t function_id) {
  VF_SET(enable_hca_in, in.data(), function_id, function_id);
}

Result<void> issue_on_vhca(CommandChannel& channel, vf_opcode opcode, std::uint16_t vhca_id,
                           std::uint32_t op_mod) {
  Bytes in = make_command(opcode, op_mod);
  VF_SET(suspend_vhca_in, in.data(), vhca_id, vhca_id);
  return run(channel, in);
}

Bytes save_command(const SaveRequest& request) {
  Bytes in = make_command(VF_OP_SAVE_VHCA_STATE);
  VF_SET(save_vhca_state_in, in.data(), incremental, request.incremental ? 1 : 0);
  VF_SET(save_vhca_state_in, in.data(), set_track, request.set_track ? 1 : 0);
  VF_SET(save_vhca_state_in, in.data(), vhca_id, request.vhca_id);
  VF_SET(save_vhca_state_in, in.data(), va, request.va);
  VF_SET(save_vhca_state_in, in.data(), mkey, request.mkey);
  VF_SET(save_vhca_state_in, in.data(), size, request.size);
  return in;
}

SaveResult save_answer(const Bytes& out) {
  return {
      static_cast<std::uint32_t>(VF_GET(save_vhca_state_out, out.data(), actual_image_size)),
      static_cast<std::uint32_t>(VF_GET(save_vhca_state_out, out.data(), next_required_umem_size))};
}

Result<Bytes> access_register(CommandChannel& channel, std::uint16_t id, const Bytes& data,
                              bool read) {
  Bytes in = make_command(VF_OP_ACCESS_REG, read ? 1 : 0, data.size());
  VF_SET(access_register_in, in.data(), register_id, id);
  std::copy(data.begin(), data.end(),
            in.begin() + static_cast<std::ptrdiff_t>(VF_BYTES(access_register_in)));
  BOOST_OUTCOME_TRY(out, run_command(channel, in, data.size()));
  return Bytes(out.begin() + static_cast<std::ptrdiff_t>(VF_BYTES(access_register_out)), out.end());
}

}  // namespace

Bytes make_command(vf_opcode opcode, std::uint32_t op_mod, std::size_t list_bytes) {
  const OpcodeRow* row = find_opcode(opcode);
  Bytes in(row->in_bytes + list_bytes);
  VF_SET(cmd_in, in.data(), opcode, opcode);
  VF_SET(cmd_in, in.data(), op_mod, op_mod);
  return in;
}

std::size_t output_bytes(vf_opcode opcode) {
  return find_opcode(opcode)->out_bytes;
}

std::string opcode_name(std::uint32_t opcode) {
  const OpcodeRow* row = find_opcode(opcode);
  if (row != nullptr) {
    return std::string(row->name);
  }
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "opcode 0x%x", opcode);
  return text.data();
}

Result<Bytes> run_command(CommandChannel& channel, const Bytes& in, std::size_t list_bytes) {
  const auto opcode = static_cast<vf_opcode>(VF_GET(cmd_in, in.data(), opcode));
  return channel.execute(in, output_bytes(opcode) + list_bytes);
}

void put_page_list(Bytes& in, std::size_t offset, const std::vector<std::uint64_t>& pages) {
  for (std::size_t i = 0; i < pages.size(); ++i) {
    vf_be64_store(in.data() + offset + i * 8, pages[i]);
  }
}

Result<void> enable_hca(CommandChannel& channel, std::uint16_t function_id) {
  Bytes in = make_command(VF_OP_ENABLE_HCA);
  put_function(in, function_id);
  return run(channel, in);
}

Result<void> disable_hca(CommandChannel& channel, std::uint16_t function_id) {
  Bytes in = make_command(VF_OP_DISABLE_HCA);
  put_function(in, function_id);
  return run(channel, in);
}

Result<std::uint32_t> query_issi(CommandChannel& channel) {
  BOOST_OUTCOME_TRY(out, run_command(channel, make_command(VF_OP_QUERY_ISSI)));
  return static_cast<std::uint32_t>(VF_GET(query_issi_out, out.data(), supported_issi_dw0));
}

Result<void> set_issi(CommandChannel& channel, std::uint16_t issi) {
  Bytes in = make_command(VF_OP_SET_ISSI);
  VF_SET(set_issi_in, in.data(), current_issi, issi);
  return run(channel, in);
}

Result<std::int32_t> query_pages(CommandChannel& channel, std::uint32_t kind,
                                 std::uint16_t function_id) {
  Bytes in = make_command(VF_OP_QUERY_PAGES, kind);
  VF_SET(query_pages_in, in.data(), function_id, function_id);
  BOOST_OUTCOME_TRY(out, run_command(channel, in));
  return static_cast<std::int32_t>(VF_GET(query_pages_out, out.data(), num_pages));
}

Result<void> give_pages(CommandChannel& channel, std::uint16_t function_id,
                        const std::vector<std::uint64_t>& pages) {
  Bytes in = make_command(VF_OP_MANAGE_PAGES, VF_PAGES_GIVE, pages.size() * 8);
  VF_SET(manage_pages_in, in.data(), function_id, function_id);
  VF_SET(manage_pages_in, in.data(), input_num_entries, pages.size());
  put_page_list(in, VF_OFF(manage_pages_in, pas_0) / 8, pages);
  return run(channel, in);
}

Result<void> decline_pages(CommandChannel& channel, std::uint16_t function_id) {
  Bytes in = make_command(VF_OP_MANAGE_PAGES, VF_PAGES_CANNOT_GIVE);
  VF_SET(manage_pages_in, in.data(), function_id, function_id);
  return run(channel, in);
}

Result<std::vector<std::uint64_t>> take_pages(CommandChannel& channel, std::uint16_t function_id,
                                              std::uint32_t count) {
  const std::uint32_t wanted = std::min(count, kPagesPerTake);
  Bytes in = make_command(VF_OP_MANAGE_PAGES, VF_PAGES_TAKE);
  VF_SET(manage_pages_in, in.data(), function_id, function_id);
  VF_SET(manage_pages_in, in.data(), input_num_entries, wanted);
  BOOST_OUTCOME_TRY(out, run_command(channel, in, std::size_t{wanted} * 8));
  const std::uint64_t returned = VF_GET(manage_pages_out, out.data(), output_num_entries);
  if (returned > wanted) {
    return fail(EIO, "MANAGE_PAGES: " + std::to_string(returned) + " pages returned, wanted were " +
                         std::to_string(wanted));
  }
  std::vector<std::uint64_t> pages(returned);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    pages[i] = vf_be64_load(out.data() + VF_OFF(manage_pages_out, pas_0) / 8 + i * 8);
  }
  return pages;
}

Result<void> init_hca(CommandChannel& channel) {
  return run(channel, make_command(VF_OP_INIT_HCA));
}
Result<void> teardown_hca(CommandChannel& channel) {
  return run(channel, make_command(VF_OP_TEARDOWN_HCA));
}

Result<void> set_driver_version(CommandChannel& channel, std::string_view version) {
  Bytes in = make_command(VF_OP_SET_DRIVER_VERSION);
  const std::size_t room = VF_WID(set_driver_version_in, driver_version) / 8 - 1;
  version.copy(reinterpret_cast<char*>(VF_PTR(set_driver_version_in, in.data(), driver_version)),
               room);
  return run(channel, in);
}

Result<std::array<char, 16>> query_adapter(CommandChannel& channel) {
  BOOST_OUTCOME_TRY(out, run_command(channel, make_command(VF_OP_QUERY_ADAPTER)));
  std::array<char, 16> board{};
  std::memcpy(board.data(),
              VF_PTR(query_adapter_out, out.data(), query_adapter_struct_vsd_contd_psid),
              board.size());
  return board;
}

Result<Bytes> query_hca_cap(CommandChannel& channel, std::uint32_t type, CapMode mode,
                            std::optional<std::uint16_t> function_id) {
  Bytes in = make_command(VF_OP_QUERY_HCA_CAP, type * 2 + static_cast<std::uint32_t>(mode));
  VF_SET(query_hca_cap_in, in.data(), other_function, function_id ? 1 : 0);
  VF_SET(query_hca_cap_in, in.data(), function_id, function_id.value_or(0));
  BOOST_OUTCOME_TRY(out, run_command(channel, in));
  return Bytes(out.begin() + static_cast<std::ptrdiff_t>(VF_OFF(query_hca_cap_out, capability) / 8),
               out.end());
}

Result<void> set_hca_cap(CommandChannel& channel, std::uint32_t type, const Bytes& area,
                         std::optional<std::uint16_t> function_id) {
  Bytes in = make_command(VF_OP_SET_HCA_CAP, type * 2);
  VF_SET(set_hca_cap_in, in.data(), other_function, function_id ? 1 : 0);
  VF_SET(set_hca_cap_in, in.data(), function_id, function_id.value_or(0));
  const std::size_t room = VF_WID(set_hca_cap_in, capability) / 8;
  std::memcpy(VF_PTR(set_hca_cap_in, in.data(), capability), area.data(),
              std::min(room, area.size()));
  return run(channel, in);
}

Result<Bytes> read_register(CommandChannel& channel, std::uint16_t id, const Bytes& data) {
  return access_register(channel, id, data, true);
}
Result<Bytes> write_register(CommandChannel& channel, std::uint16_t id, const Bytes& data) {
  return access_register(channel, id, data, false);
}

Result<std::uint32_t> alloc_pd(CommandChannel& channel) {
  BOOST_OUTCOME_TRY(out, run_command(channel, make_command(VF_OP_ALLOC_PD)));
  return static_cast<std::uint32_t>(VF_GET(alloc_pd_out, out.data(), pd));
}

Result<void> dealloc_pd(CommandChannel& channel, std::uint32_t pd) {
  Bytes in = make_command(VF_OP_DEALLOC_PD);
  VF_SET(dealloc_pd_in, in.data(), pd, pd);
  return run(channel, in);
}

Result<std::uint32_t> alloc_uar(CommandChannel& channel) {
  BOOST_OUTCOME_TRY(out, run_command(channel, make_command(VF_OP_ALLOC_UAR)));
  return static_cast<std::uint32_t>(VF_GET(alloc_uar_out, out.data(), uar));
}

Result<void> dealloc_uar(CommandChannel& channel, std::uint32_t uar) {
  Bytes in = make_command(VF_OP_DEALLOC_UAR);
  VF_SET(dealloc_uar_in, in.data(), uar, uar);
  return run(channel, in);
}

Result<std::uint32_t> create_mkey(CommandChannel& channel, const MkeySpec& spec) {
  // One octword holds two page addresses; the list is padded to an even number.
  const std::size_t octwords = spec.physical ? 0 : (spec.pages.size() + 1) / 2;
  Bytes in = make_command(VF_OP_CREATE_MKEY, 0, octwords * 16);
  std::uint8_t* const mkc = VF_PTR(create_mkey_in, in.data(), memory_key_mkey_entry);
  VF_SET(mkc, mkc, access_mode_1_0, spec.physical ? VF_MKC_MODE_PA : VF_MKC_MODE_MTT);
  VF_SET(mkc, mkc, lr, (spec.access & kLocalRead) != 0 ? 1 : 0);
  VF_SET(mkc, mkc, lw, (spec.access & kLocalWrite) != 0 ? 1 : 0);
  VF_SET(mkc, mkc, rr, (spec.access & kRemoteRead) != 0 ? 1 : 0);
  VF_SET(mkc, mkc, rw, (spec.access & kRemoteWrite) != 0 ? 1 : 0);
  VF_SET(mkc, mkc, relaxed_ordering_write, spec.relaxed_ordering ? 1 : 0);
  VF_SET(mkc, mkc, relaxed_ordering_read, spec.relaxed_ordering ? 1 : 0);
  VF_SET(mkc, mkc, qpn, 0xffffff);
  VF_SET(mkc, mkc, pd, spec.pd);
  if (spec.physical) {
    VF_SET(mkc, mkc, length64, 1);
  } else {
    VF_SET(mkc, mkc, start_addr, spec.start);
    VF_SET(mkc, mkc, len, spec.length);
    VF_SET(mkc, mkc, log_page_size, spec.log_page_size);
    VF_SET(mkc, mkc, translations_octword_size, octwords);
    VF_SET(create_mkey_in, in.data(), translations_octword_actual_size, octwords);
    put_page_list(in, VF_OFF(create_mkey_in, klm_pas_mtt_0) / 8, spec.pages);
  }
  BOOST_OUTCOME_TRY(out, run_command(channel, in));
  return static_cast<std::uint32_t>(VF_GET(create_mkey_out, out.data(), mkey_index)) << 8;
}

Result<void> destroy_mkey(CommandChannel& channel, std::uint32_t mkey) {
  Bytes in = make_command(VF_OP_DESTROY_MKEY);
  VF_SET(destroy_mkey_in, in.data(), mkey_index, mkey >> 8);
  return run(channel, in);
}

Result<void> suspend_vhca(CommandChannel& channel, std::uint16_t vhca_id, std::uint32_t op_mod) {
  return issue_on_vhca(channel, VF_OP_SUSPEND_VHCA, vhca_id, op_mod);
}
Result<void> resume_vhca(CommandChannel& channel, std::uint16_t vhca_id, std::uint32_t op_mod) {
  return issue_on_vhca(channel, VF_OP_RESUME_VHCA, vhca_id, op_mod);
}

Result<MigrationSize> query_vhca_migration_state(CommandChannel& channel, std::uint16_t vhca_id,
                                                 bool incremental, bool chunk) {
  Bytes in = make_command(VF_OP_QUERY_VHCA_MIGRATION_STATE);
  VF_SET(query_vhca_migration_state_in, in.data(), incremental, incremental ? 1 : 0);
  VF_SET(query_vhca_migration_state_in, in.data(), chunk, chunk ? 1 : 0);
  VF_SET(query_vhca_migration_state_in, in.data(), vhca_id, vhca_id);
  BOOST_OUTCOME_TRY(out, run_command(channel, in));
  MigrationSize size;
  size.required_umem_size = static_cast<std::uint32_t>(
      VF_GET(query_vhca_migration_state_out, out.data(), required_umem_size));
  size.remaining_total_size =
      VF_GET(query_vhca_migration_state_out, out.data(), remaining_total_size);
  size.migration_state = static_cast<std::uint8_t>(
      VF_GET(query_vhca_migration_state_out, out.data(), migration_state));
  return size;
}

Result<SaveResult> save_vhca_state(CommandChannel& channel, const SaveRequest& request) {
  BOOST_OUTCOME_TRY(out, run_command(channel, save_command(request)));
  return save_answer(out);
}

Result<void> save_vhca_state_async(CommandChannel& channel, const SaveRequest& request,
                                   std::function<void(Result<SaveResult>)> done) {
  return channel.execute_async(save_command(request), output_bytes(VF_OP_SAVE_VHCA_STATE),
                               [done = std::move(done)](Result<Bytes> out) {
                                 done(out ? Result<SaveResult>(save_answer(out.value()))
                                          : Result<SaveResult>(std::move(out).error()));
                               });
}

Result<void> load_vhca_state(CommandChannel& channel, std::uint16_t vhca_id, std::uint32_t mkey,
                             std::uint32_t size, std::uint64_t va) {
  Bytes in = make_command(VF_OP_LOAD_VHCA_STATE);
  VF_SET(load_vhca_state_in, in.data(), vhca_id, vhca_id);
  VF_SET(load_vhca_state_in, in.data(), va, va);
  VF_SET(load_vhca_state_in, in.data(), mkey, mkey);
  VF_SET(load_vhca_state_in, in.data(), size, size);
  return run(channel, in);
}

Result<VportState> query_vport_state(CommandChannel& channel, std::optional<std::uint16_t> vport) {
  Bytes in = make_command(VF_OP_QUERY_VPORT_STATE, vport ? 1 : 0);
  VF_SET(query_vport_state_in, in.data(), other_vport, vport ? 1 : 0);
  VF_SET(query_vport_state_in, in.data(), vport_number, vport.value_or(0));
  BOOST_OUTCOME_TRY(out, run_command(channel, in));
  return VportState{
      VF_GET(query_vport_state_out, out.data(), state) == 1,
      static_cast<std::uint8_t>(VF_GET(query_vport_state_out, out.data(), admin_state))};
}

}  // namespace vfsim::driver
