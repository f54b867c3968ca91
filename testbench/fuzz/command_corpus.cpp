#include "testbench/fuzz/command_corpus.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "firmware/core/golden_commands.hpp"
#include "firmware/core/migration_rig.hpp"
#include "firmware/core/netdev_replay.hpp"
#include "firmware/interface/tables.hpp"

namespace vfsim::bench {
namespace {

using fwtest::Rig;

/// Contexts inside inputs: name of the field that holds one, and its layout.
struct Inner {
  std::string_view command, field, layout;  // command "": any
};
constexpr Inner kInner[] = {
    {"", "eq_context_entry", "eqc"},
    {"", "cq_context", "cqc"},
    {"", "memory_key_mkey_entry", "mkc"},
    {"", "flow_table_context", "flow_table_context"},
    {"", "flow_context", "flow_context"},
    {"", "rqt_context", "rqtc"},
    {"", "nic_vport_context", "nic_vport_context"},
    {"", "qpc", "qpc"},
    {"create_tis_in", "ctx", "tisc"},
    {"create_tir_in", "ctx", "tirc"},
    {"modify_tir_in", "ctx", "tirc"},
    {"", "ctx", "sqc"},  // of an RQ, too: the same places
};

std::string lower(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

/// Layout of an opcode's input.
std::string layout_of(std::uint32_t opcode) {
  static constexpr std::pair<std::uint32_t, std::string_view> kOther[] = {
      {VF_OP_SET_FLOW_TABLE_ENTRY, "set_fte_in"},
      {VF_OP_DELETE_FLOW_TABLE_ENTRY, "delete_fte_in"},
      {VF_OP_MODIFY_SQ, "modify_wq_in"},
      {VF_OP_MODIFY_RQ, "modify_wq_in"},
      {VF_OP_ACCESS_REG, "access_register_in"},
      {VF_OP_CREATE_GENERAL_OBJECT, "create_page_track_obj_in"},
      {VF_OP_MODIFY_GENERAL_OBJECT, "modify_page_track_obj_in"},
      {VF_OP_QUERY_GENERAL_OBJECT, "general_obj_in_cmd_hdr"},
      {VF_OP_DESTROY_GENERAL_OBJECT, "general_obj_in_cmd_hdr"}};
  for (const auto& [value, layout] : kOther) {
    if (value == opcode) {
      return std::string(layout);
    }
  }
  const std::string name = lower(contract::opcode_name(opcode)) + "_in";
  return contract::find_layout(name) != nullptr ? name : "object_in";
}

struct Place {
  const contract::FieldRow* field = nullptr;
  std::uint32_t base = 0;  // bytes before its layout
};

void add_places(const std::string& layout, std::uint32_t base, std::size_t bytes,
                std::vector<Place>& places) {
  for (const contract::FieldRow& field : contract::kFields) {
    if (field.layout == layout && base + (field.offset + field.width + 7) / 8 <= bytes) {
      places.push_back({&field, base});
    }
  }
}

/// The fields of an input, those of contexts inside among them.
std::vector<Place> places_of(const CaseBytes& in) {
  std::vector<Place> places;
  const std::string layout =
      layout_of(static_cast<std::uint32_t>(VF_GET(cmd_in, in.data(), opcode)));
  add_places(layout, 0, in.size(), places);
  for (std::size_t i = 0; i < places.size() && places.size() < 1000; ++i) {
    const Place place = places[i];
    for (const Inner& inner : kInner) {
      if (place.field->blob && place.field->name == inner.field &&
          (inner.command.empty() || inner.command == layout)) {
        add_places(std::string(inner.layout), place.base + place.field->offset / 8, in.size(),
                   places);
        break;
      }
    }
  }
  return places;
}

/// Numbers of objects that a function may have.
std::uint64_t object_number(CaseRandom& random) {
  static constexpr std::uint32_t kBases[] = {VF_EQ_BASE, VF_CQ_BASE,       VF_SQ_BASE,
                                             VF_RQ_BASE, VF_QP_BASE,       VF_MKEY_BASE,
                                             VF_PD_BASE, VF_BAR_FIRST_UAR, VF_VHCA_ID_BASE};
  static constexpr std::uint32_t kIndices[] = {0,  1,  2,   3,   4,   5,   9,
                                               17, 30, 127, 200, 255, 700, 1023};
  return kBases[below(random, std::size(kBases))] + kIndices[below(random, std::size(kIndices))];
}

}  // namespace

std::vector<CaseBytes> command_corpus() {
  const std::string facts = VF_SOURCE_DIR "/firmware/interface/facts/";
  std::set<CaseBytes> all;
  for (const fwtest::Golden& golden : fwtest::read_golden(facts + "golden_commands.txt")) {
    if (golden.kind == "IN") {
      all.insert(golden.bytes);
    }
  }
  fwtest::NetdevReplay replay(0, 3);
  for (const fwtest::Line& line : fwtest::read_sequence(facts + "linux_6.12_netdev_commands.txt")) {
    if (!replay.run(line)) {
      break;
    }
    all.insert(replay.inputs.back());
  }
  for (const contract::OpcodeRow& row : contract::kOpcodes) {
    all.insert(fwtest::command(row.value));
  }
  for (std::uint32_t fn = 1; fn <= 3; ++fn) {
    for (std::uint32_t half = 0; half < 2; ++half) {
      all.insert(Rig::vhca_command(VF_OP_SUSPEND_VHCA, fn, half));
      all.insert(Rig::vhca_command(VF_OP_RESUME_VHCA, fn, half));
      all.insert(Rig::save_command(fn, half != 0, half == 0, 0x8000));
    }
    all.insert(Rig::vhca_command(VF_OP_QUERY_VHCA_MIGRATION_STATE, fn));
    CaseBytes load = Rig::vhca_command(VF_OP_LOAD_VHCA_STATE, fn);
    VF_SET(load_vhca_state_in, load.data(), mkey, Rig::kKey);
    VF_SET(load_vhca_state_in, load.data(), size, 3000);
    all.insert(load);
  }
  return {all.begin(), all.end()};
}

void change_command(CaseRandom& random, CaseBytes& in) {
  if (in.size() < 16 || chance(random, 8)) {
    spoil(random, in);
    return;
  }
  const auto places = places_of(in);
  if (places.empty()) {
    flip_bit(random, in);
    return;
  }
  const Place& place = places[below(random, places.size())];
  std::uint8_t* at = in.data() + place.base;
  const contract::FieldRow& field = *place.field;
  if (field.blob) {
    at[field.offset / 8 + below(random, field.width / 8)] = static_cast<std::uint8_t>(random());
    return;
  }
  const std::uint64_t old = vf_field_get(at, field.offset, field.width);
  vf_field_set(at, field.offset, field.width,
               chance(random, 35) ? object_number(random) : odd_value(random, old, field.width));
}

std::uint32_t output_bytes(const CaseBytes& in) {
  const auto opcode =
      in.size() < 4 ? 0 : static_cast<std::uint32_t>(VF_GET(cmd_in, in.data(), opcode));
  // ACCESS_REG answers with as much as was given.
  return opcode == VF_OP_ACCESS_REG ? static_cast<std::uint32_t>(in.size())
                                    : fwtest::out_bytes_of(opcode);
}

}  // namespace vfsim::bench
