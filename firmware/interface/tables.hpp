// The contract's tables as data, for whoever needs names at run time: tests, layoutgen, the image
// viewer, waves.
#pragma once

#include <cstdint>
#include <string_view>

#include "firmware/interface/hw_context.h"

namespace vfsim::contract {

struct LayoutRow {
  std::string_view name;
  std::uint32_t bytes;
  std::string_view doc;
};
struct FieldRow {
  std::string_view layout;
  std::string_view name;
  std::uint32_t offset;  // bits
  std::uint32_t width;   // bits
  bool blob;             // byte string or nested layout
  std::string_view doc;
};
struct OpcodeRow {
  std::string_view name;
  std::uint32_t value;
  std::uint32_t in_bytes;
  std::uint32_t out_bytes;
  std::string_view doc;
};
struct EnumRow {
  std::string_view set;
  std::string_view name;
  std::uint32_t value;
  std::string_view doc;
};
struct NamedRow {
  std::string_view name;
  std::uint32_t value;
  std::string_view doc;
};
struct ImageRow {
  std::string_view name;
  std::uint32_t type;
  std::string_view layout;  // fixed part of the payload
  std::uint32_t base;       // number of the first object
  std::uint32_t count;      // at most
  std::string_view list;    // what follows the fixed part
  std::string_view doc;
};
enum class RegKind : std::uint8_t { global, function, flag, constant };
struct RegRow {
  RegKind kind;
  std::string_view reg;  // register that a bit belongs to
  std::string_view name;
  std::uint32_t value;  // offset, bit number or constant
  std::string_view access;
  std::string_view doc;
};

inline constexpr LayoutRow kLayouts[] = {
#define LAYOUT(s, bytes, doc) {#s, bytes, doc},
#define FIELD(s, f, off, w, doc)
#define BLOB(s, f, off, w, doc)
#include "firmware/interface/layouts.def"
#undef LAYOUT
#undef FIELD
#undef BLOB
};

inline constexpr FieldRow kFields[] = {
#define LAYOUT(s, bytes, doc)
#define FIELD(s, f, off, w, doc) {#s, #f, off, w, false, doc},
#define BLOB(s, f, off, w, doc) {#s, #f, off, w, true, doc},
#include "firmware/interface/layouts.def"
#undef LAYOUT
#undef FIELD
#undef BLOB
};

inline constexpr OpcodeRow kOpcodes[] = {
#define OPCODE(name, value, in_bytes, out_bytes, doc) {#name, value, in_bytes, out_bytes, doc},
#include "firmware/interface/opcodes.def"
#undef OPCODE
};

inline constexpr EnumRow kEnums[] = {
#define ENUM_VALUE(set, name, value, doc) {#set, #name, value, doc},
#include "firmware/interface/enums.def"
#undef ENUM_VALUE
};

inline constexpr NamedRow kSyndromes[] = {
#define SYNDROME(name, value, doc) {#name, value, doc},
#include "firmware/interface/syndromes.def"
#undef SYNDROME
};

inline constexpr NamedRow kNumbers[] = {
#define NUMBER(name, value, doc) {#name, value, doc},
#include "firmware/interface/numbers.def"
#undef NUMBER
};

inline constexpr ImageRow kImageRecords[] = {
#define IMAGE_RECORD(name, type, layout, base, count, list, doc) \
  {#name, type, #layout, base, count, #list, doc},
#include "firmware/interface/image_records.def"
#undef IMAGE_RECORD
};

inline constexpr RegRow kRegs[] = {
#define FW_REG(name, offset, access, doc) {RegKind::global, "", #name, offset, #access, doc},
#define FW_FN_REG(name, offset, access, doc) {RegKind::function, "", #name, offset, #access, doc},
#define FW_BIT(reg, name, bit, doc) {RegKind::flag, #reg, #name, bit, "", doc},
#define FW_CONST(name, value, doc) {RegKind::constant, "", #name, value, "", doc},
#include "firmware/interface/fw_regs.def"
#undef FW_REG
#undef FW_FN_REG
#undef FW_BIT
#undef FW_CONST
};

/// Name of an opcode, or "" if the table has none.
constexpr std::string_view opcode_name(std::uint32_t value) {
  for (const OpcodeRow& row : kOpcodes) {
    if (row.value == value) {
      return row.name;
    }
  }
  return {};
}

/// Name of a value of an enum set, or "".
constexpr std::string_view enum_name(std::string_view set, std::uint32_t value) {
  for (const EnumRow& row : kEnums) {
    if (row.set == set && row.value == value) {
      return row.name;
    }
  }
  return {};
}

/// The layout of that name, or nullptr.
constexpr const LayoutRow* find_layout(std::string_view name) {
  for (const LayoutRow& row : kLayouts) {
    if (row.name == name) {
      return &row;
    }
  }
  return nullptr;
}

}  // namespace vfsim::contract
