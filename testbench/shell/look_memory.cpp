// mem, regs, config: bytes and registers.
#include <algorithm>
#include <fmt/format.h>

#include <boost/endian/conversion.hpp>

#include "firmware/interface/tables.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/shell/look_tools.hpp"
#include "testbench/shell/memory_tools.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;

constexpr std::uint64_t kMostBytes = 64 * 1024;
constexpr std::uint64_t kMemoryBytes = 64;  // unless asked for another number

/// words[at] as a number of bytes. False: `error`.
bool take_bytes(const Words& words, std::size_t at, std::uint64_t& bytes, std::string& error) {
  if (words.size() <= at) {
    return true;
  }
  if (!take_number(words, at, "BYTES", bytes, error)) {
    return false;
  }
  if (bytes == 0 || bytes > kMostBytes) {
    error = fmt::format("BYTES: {} is out of range; allowed is 1 .. {}", bytes, kMostBytes);
    return false;
  }
  return true;
}

/// FUNCTION [OFFSET [BYTES]].
struct RegisterRange {
  FnRef who;
  bool all = true;
  std::uint64_t offset = 0;
  std::uint64_t bytes = kDword;
};

/// False: `bad` is the answer.
bool take_range(const Machine& machine, const Words& words, std::uint64_t end, RegisterRange& range,
                Answer& bad) {
  if (words.size() < 2 || words.size() > 4) {
    bad = wrong_usage(words[0]);
    return false;
  }
  std::string error;
  range.all = words.size() == 2;
  if (!find_function(machine, words[1], range.who, error) ||
      (words.size() > 2 && !take_number(words, 2, "OFFSET", range.offset, error)) ||
      !take_bytes(words, 3, range.bytes, error)) {
    bad = wrong(error);
    return false;
  }
  range.offset &= ~std::uint64_t{kDword - 1};
  if (range.offset >= end) {
    bad = wrong(
        fmt::format("OFFSET: {:#x} is out of range; allowed is 0 .. {:#x}", range.offset, end - 1));
    return false;
  }
  range.bytes = std::min(range.bytes, end - range.offset);
  return true;
}

// BAR0.

bool is_register(const contract::NamedRow& row) {
  // BAR_FIRST_UAR and the like are no offsets.
  return row.name.substr(0, 4) == "BAR_" &&
         !has_name("BAR_FIRST_UAR BAR_LOG_VF_BYTES BAR_LOG_PF_BYTES", row.name);
}

/// As a read of the CPU would find it, without one.
std::uint32_t bar_register(const Machine& machine, FnRef who, std::uint64_t offset) {
  std::uint8_t bytes[kDword];
  nic_of(machine, who).bar.read(who.fn, offset, bytes, kDword);
  return model::BarSpace::in_msix(offset) ? boost::endian::load_little_u32(bytes)
                                          : boost::endian::load_big_u32(bytes);
}

struct Name {
  std::string name;
  std::string_view doc;
};

/// The register or table that the offset is in; "" for none.
Name bar_name(std::uint64_t offset) {
  if (offset >= std::uint64_t{VF_BAR_FIRST_UAR} * VF_PAGE_BYTES) {
    return {fmt::format("UAR {:#x}", offset / VF_PAGE_BYTES), "doorbell page: written, reads 0"};
  }
  if (offset >= VF_BAR_MSIX_TABLE && offset < VF_BAR_MSIX_TABLE + model::MsixTable::kTableBytes) {
    static constexpr const char* kWords[] = {"address", "address_hi", "data", "control"};
    const std::uint64_t at = offset - VF_BAR_MSIX_TABLE;
    return {fmt::format("MSIX[{}].{}", at / model::MsixTable::kEntryBytes, kWords[at / kDword % 4]),
            "MSI-X table"};
  }
  for (const contract::NamedRow& row : contract::kNumbers) {
    const std::uint32_t bytes = row.value == VF_BAR_HEALTH     ? model::BarSpace::kHealthBytes
                                : row.value == VF_BAR_MSIX_PBA ? model::MsixTable::kPbaBytes
                                                               : kDword;
    if (is_register(row) && offset >= row.value && offset < row.value + bytes) {
      const std::string name(row.name.substr(std::string_view("BAR_").size()));
      return {row.value == offset ? name : fmt::format("{}+{:#x}", name, offset - row.value),
              row.doc};
    }
  }
  return {"", ""};
}

void bar_row(TextTable& table, const Machine& machine, FnRef who, std::uint64_t offset) {
  const Name name = bar_name(offset);
  table.row({fmt::format("{:#07x}", offset),
             fmt::format("{:#010x}", bar_register(machine, who, offset)), name.name,
             std::string(name.doc)});
}

/// Vectors whose entry was ever written.
void msix_rows(TextTable& table, const Machine& machine, FnRef who) {
  for (std::uint64_t entry = VF_BAR_MSIX_TABLE;
       entry < VF_BAR_MSIX_TABLE + model::MsixTable::kTableBytes;
       entry += model::MsixTable::kEntryBytes) {
    if (bar_register(machine, who, entry) == 0 &&
        bar_register(machine, who, entry + 2 * kDword) == 0) {
      continue;
    }
    for (std::uint64_t at = entry; at < entry + model::MsixTable::kEntryBytes; at += kDword) {
      bar_row(table, machine, who, at);
    }
  }
}

std::string flag_names(std::string_view reg, std::uint32_t value) {
  std::string out;
  for (const contract::RegRow& row : contract::kRegs) {
    if (row.kind == contract::RegKind::flag && row.reg == reg && (value >> row.value & 1U) != 0) {
      append(out, row.name, " ");
    }
  }
  return out;
}

/// Value of a register of the firmware; all of one function can be read without effect.
std::uint32_t firmware_register(const Machine& machine, FnRef who, const contract::RegRow& row) {
  model::Nic::Impl& nic = nic_of(machine, who);
  return row.value == FW_FN_CMD_DB ? nic.doorbells->pending_by_now(who.fn)
                                   : nic.registers.reg_read(fw_fn_reg(who.fn, row.value));
}

std::string firmware_registers(const Machine& machine, FnRef who) {
  TextTable table({"offset", "value", "firmware's", "bits"});
  for (const contract::RegRow& row : contract::kRegs) {
    if (row.kind == contract::RegKind::function && row.access != "wo") {
      const std::uint32_t value = firmware_register(machine, who, row);
      table.row({fmt::format("{:#04x}", row.value), fmt::format("{:#010x}", value),
                 std::string(row.name), flag_names(row.name, value)});
    }
  }
  return table.text();
}

std::string bus_note(const Machine& machine, FnRef who) {
  const model::Nic::Impl& nic = nic_of(machine, who);
  const model::FnRun& run = nic.core.run[who.fn];
  return !run.present ? "\nnot present: the bus reads all ones"
         : !nic.control.decodes_memory(who.fn)
             ? "\nmemory space is not enabled: the bus reads all ones"
         : run.responder_stop ? "\nthe responder is stopped: all but the MSI-X table reads 0"
                              : "";
}

// Configuration space.

struct ConfigRow {
  std::string_view cap;
  std::string_view name;
  std::uint32_t offset;
  std::uint32_t bytes;
  std::string_view doc;
};
struct ConfigBit {
  std::string_view cap;
  std::string_view name;
  std::uint32_t bit;
  std::string_view flag;
};
struct ConfigCap {
  std::string_view cap;
  std::uint32_t at;
  std::string_view doc;
};

constexpr ConfigCap kConfigCaps[] = {
#define CONFIG_CAP(cap, at, doc) {#cap, at, doc},
#define CONFIG_REG(cap, name, offset, bytes, doc)
#define CONFIG_BIT(cap, name, bit, flag, doc)
#include "systemc/pcie/config_registers.def"
#undef CONFIG_CAP
#undef CONFIG_REG
#undef CONFIG_BIT
};
constexpr ConfigRow kConfigRows[] = {
#define CONFIG_CAP(cap, at, doc)
#define CONFIG_REG(cap, name, offset, bytes, doc) \
  {#cap, #name, model::ConfigSpace::cap##_capability + (offset), bytes, doc},
#define CONFIG_BIT(cap, name, bit, flag, doc)
#include "systemc/pcie/config_registers.def"
#undef CONFIG_CAP
#undef CONFIG_REG
#undef CONFIG_BIT
};
constexpr ConfigBit kConfigBits[] = {
#define CONFIG_CAP(cap, at, doc)
#define CONFIG_REG(cap, name, offset, bytes, doc)
#define CONFIG_BIT(cap, name, bit, flag, doc) {#cap, #name, bit, #flag},
#include "systemc/pcie/config_registers.def"
#undef CONFIG_CAP
#undef CONFIG_REG
#undef CONFIG_BIT
};

std::string config_bits(const ConfigRow& row, std::uint32_t value) {
  std::string out;
  for (const ConfigBit& bit : kConfigBits) {
    if (bit.cap == row.cap && bit.name == row.name && (value >> bit.bit & 1U) != 0) {
      append(out, bit.flag, " ");
    }
  }
  return out;
}

std::string config_registers(const model::ConfigSpace& config) {
  std::string out;
  for (const ConfigCap& cap : kConfigCaps) {
    if (cap.at != 0 && config.read(cap.at, kDword) == 0) {
      continue;  // this function does not have it
    }
    append(out, fmt::format("{:#05x} {}", cap.at, cap.doc), "\n");
    TextTable table({"  offset", "value>", "register", "meaning, or bits that are set"});
    for (const ConfigRow& row : kConfigRows) {
      if (row.cap == cap.cap) {
        const std::uint32_t value = config.read(row.offset, row.bytes);
        const std::string bits = config_bits(row, value);
        table.row({fmt::format("  {:#05x}", row.offset),
                   fmt::format("{:#0{}x}", value, 2 + 2 * row.bytes), std::string(row.name),
                   bits.empty() ? std::string(row.doc) : bits});
      }
    }
    out += "\n" + table.text();
  }
  return out;
}

}  // namespace

Answer shell_mem(Machine& machine, const Words& words) {
  if (words.size() < 3 || words.size() > 4) {
    return wrong_usage(words[0]);
  }
  MemorySpace space;
  std::uint64_t address = 0;
  std::uint64_t bytes = kMemoryBytes;
  std::string error;
  if (!find_space(machine, words[1], space, error) ||
      !take_number(words, 2, "ADDRESS", address, error) || !take_bytes(words, 3, bytes, error)) {
    return wrong(error);
  }
  std::vector<std::uint8_t> data(bytes);
  return read_memory(machine, space, address, data, error) ? lines(hexdump(address, data))
                                                           : wrong(error);
}

Answer shell_regs(Machine& machine, const Words& words) {
  RegisterRange range;
  Answer bad;
  FnRef who;
  std::string error;
  const bool pf = words.size() > 1 && find_function(machine, words[1], who, error) && who.fn == 0;
  if (!take_range(machine, words,
                  std::uint64_t{1} << (pf ? VF_BAR_LOG_PF_BYTES : VF_BAR_LOG_VF_BYTES), range,
                  bad)) {
    return bad;
  }
  TextTable table({"offset", "value", "BAR0", "meaning"});
  if (!range.all) {
    for (std::uint64_t at = range.offset; at < range.offset + range.bytes; at += kDword) {
      bar_row(table, machine, range.who, at);
    }
    return lines(table.text(1) + bus_note(machine, range.who));
  }
  for (const contract::NamedRow& row : contract::kNumbers) {
    if (is_register(row) && row.value == VF_BAR_MSIX_TABLE) {
      msix_rows(table, machine, range.who);
    } else if (is_register(row)) {
      bar_row(table, machine, range.who, row.value);
    }
  }
  return lines(table.text() + bus_note(machine, range.who) + "\n\n" +
               firmware_registers(machine, range.who));
}

Answer shell_config(Machine& machine, const Words& words) {
  RegisterRange range;
  Answer bad;
  if (!take_range(machine, words, model::ConfigSpace::kBytes, range, bad)) {
    return bad;
  }
  const model::ConfigSpace& config =
      nic_of(machine, range.who).control.function(range.who.fn).config();
  if (range.all) {
    return lines(config_registers(config));
  }
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t at = range.offset; at < range.offset + range.bytes; ++at) {
    bytes.push_back(static_cast<std::uint8_t>(config.read(static_cast<std::uint32_t>(at), 1)));
  }
  return lines(hexdump(range.offset, bytes));
}

}  // namespace vfsim::bench
