// Prints the contract for tools that read neither C nor C++:
//   layoutgen sv FILE      SystemVerilog package vf_iface_pkg
//   layoutgen docs DIR     reference pages (Markdown)
#include <algorithm>
#include <cctype>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "firmware/interface/fault_table.hpp"
#include "firmware/interface/sv_keywords.hpp"
#include "firmware/interface/tables.hpp"

namespace {

using namespace vfsim::contract;

/// A text file under construction; a failed write ends the program with status 1.
class Out {
 public:
  explicit Out(const std::filesystem::path& path)
      : path_(path.string()), file_(std::fopen(path_.c_str(), "w")) {
    check(file_ != nullptr);
  }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;
  ~Out() { check(std::fclose(file_) == 0); }

  __attribute__((format(printf, 2, 3))) void print(const char* format, ...) {
    std::va_list args;
    va_start(args, format);
    check(std::vfprintf(file_, format, args) >= 0);
    va_end(args);
  }

 private:
  void check(bool ok) const {
    if (!ok) {
      std::fprintf(stderr, "layoutgen: cannot write %s\n", path_.c_str());
      std::exit(1);
    }
  }
  std::string path_;
  std::FILE* file_;
};

std::string text(std::string_view view) {
  return std::string(view);
}

/// Rows of one value set, in table order.
std::vector<EnumRow> rows_of(std::string_view set) {
  std::vector<EnumRow> rows;
  std::copy_if(std::begin(kEnums), std::end(kEnums), std::back_inserter(rows),
               [&](const EnumRow& row) { return row.set == set; });
  return rows;
}

std::vector<std::string_view> sets() {
  std::vector<std::string_view> names;
  for (const EnumRow& row : kEnums) {
    if (std::find(names.begin(), names.end(), row.set) == names.end()) {
      names.push_back(row.set);
    }
  }
  return names;
}

/// Fields inside a layout (no trailing list), by position.
std::vector<FieldRow> fields_of(const LayoutRow& layout) {
  std::vector<FieldRow> fields;
  std::copy_if(
      std::begin(kFields), std::end(kFields), std::back_inserter(fields),
      [&](const FieldRow& f) { return f.layout == layout.name && f.offset < layout.bytes * 8; });
  std::stable_sort(fields.begin(), fields.end(),
                   [](auto& a, auto& b) { return a.offset < b.offset; });
  return fields;
}

std::string lower(std::string_view name) {
  std::string out = text(name);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// --- SystemVerilog ---

unsigned width_of(std::uint32_t max) {
  unsigned width = 1;
  while (max >> width != 0) {
    ++width;
  }
  return width;
}

/// Field names that SystemVerilog reserves get an underscore.
std::string sv_name(std::string_view name) {
  return text(name) + (is_sv_keyword(name) ? "_" : "");
}

/// At least `bits` wide: the width of the field that carries it on the bus.
template <class Rows, class Print>
void sv_enum(Out& out, const std::string& type, unsigned bits, const Rows& rows, Print print) {
  std::uint32_t max = 0;
  for (const auto& row : rows) {
    max = std::max(max, row.value);
  }
  const unsigned width = std::max(bits, width_of(max));
  out.print("  typedef enum logic [%u:0] {\n", width - 1);
  std::size_t left = std::size(rows);
  for (const auto& row : rows) {
    out.print("    %s = %u'h%x%s // %s\n", print(row).c_str(), width, row.value,
              --left == 0 ? " " : ",", text(row.doc).c_str());
  }
  out.print("  } %s;\n\n", type.c_str());
}

void sv_value_set(Out& out, std::string_view set) {
  const auto rows = rows_of(set);
  const auto name = [&](const EnumRow& row) { return "VF_" + text(set) + "_" + text(row.name); };
  std::set<std::uint32_t> values;
  for (const EnumRow& row : rows) {
    values.insert(row.value);
  }
  if (values.size() == rows.size()) {
    sv_enum(out, "vf_" + lower(set) + "_e", 1, rows, name);
    return;
  }
  for (const EnumRow& row : rows) {  // one value, several names: no enum
    out.print("  localparam int unsigned %s = %u;\n", name(row).c_str(), row.value);
  }
  out.print("\n");
}

bool overlaps(const std::vector<FieldRow>& fields) {
  std::uint32_t end = 0;
  for (const FieldRow& f : fields) {
    if (f.offset < end) {
      return true;
    }
    end = f.offset + f.width;
  }
  return false;
}

/// Bit 0 of a layout is the first bit on the bus and the most significant one of the packed struct.
void sv_struct(Out& out, const LayoutRow& layout) {
  const auto fields = fields_of(layout);
  if (layout.bytes > 64 || fields.empty() || overlaps(fields)) {
    return;
  }
  out.print("  typedef struct packed {\n");
  std::uint32_t at = 0;
  const auto gap = [&](std::uint32_t end) {
    if (at < end) {
      out.print("    logic [%u:0] rsvd_%03x;\n", end - at - 1, at);
    }
  };
  for (const FieldRow& f : fields) {
    gap(f.offset);
    out.print("    logic [%u:0] %s;\n", f.width - 1, sv_name(f.name).c_str());
    at = f.offset + f.width;
  }
  gap(layout.bytes * 8);
  out.print("  } %s_t;\n\n", text(layout.name).c_str());
}

void sv_regs(Out& out) {
  for (const RegRow& r : kRegs) {
    const std::string name = r.kind == RegKind::function ? "FW_FN_" + text(r.name)
                             : r.kind == RegKind::flag
                                 ? "FW_" + text(r.reg) + "_" + text(r.name) + "_BIT"
                                 : "FW_" + text(r.name);
    out.print("  localparam int unsigned %s = 'h%x;\n", name.c_str(), r.value);
  }
}

void write_sv(const std::filesystem::path& path) {
  Out out(path);
  out.print(
      "// Generated by layoutgen from firmware/interface/*.def.\n`default_nettype none\n\n"
      "// A block uses few of the contract's numbers, and names of the bus may be words of C++.\n"
      "/* verilator lint_off UNUSEDPARAM */\n/* verilator lint_off SYMRSVDWORD */\n\n"
      "package vf_iface_pkg;\n\n");
  sv_enum(out, "vf_opcode_e", 16, kOpcodes,
          [](const OpcodeRow& row) { return "VF_OP_" + text(row.name); });
  for (const std::string_view set : sets()) {
    sv_value_set(out, set);
  }
  sv_enum(out, "vf_syndrome_e", 32, kSyndromes,
          [](const NamedRow& row) { return "VF_SYND_" + text(row.name); });
  for (const NamedRow& row : kNumbers) {
    out.print("  localparam int unsigned VF_%s = %u;\n", text(row.name).c_str(), row.value);
  }
  out.print("\n");
  sv_regs(out);
  out.print("\n");
  for (const LayoutRow& layout : kLayouts) {
    sv_struct(out, layout);
  }
  out.print(
      "endpackage\n\n/* verilator lint_on UNUSEDPARAM */\n/* verilator lint_on SYMRSVDWORD */\n"
      "`default_nettype wire\n");
}

// --- Markdown ---

void md_head(Out& out, const char* title, const char* intro) {
  out.print("# %s\n\n%s\n\nGenerated from `firmware/interface/*.def`.\n\n", title, intro);
}

void md_layouts(const std::filesystem::path& dir) {
  Out out(dir / "layouts.md");
  md_head(out, "Layouts",
          "Bit 0 is the most significant bit of byte 0; fields are big-endian. Bits not listed are "
          "reserved. A field at or "
          "past the end is the first element of a trailing list.");
  for (const LayoutRow& layout : kLayouts) {
    out.print(
        "## %s\n\n%u bytes. %s\n\n| byte | bit | width | field | meaning |\n| ---: | ---: | ---: | "
        "--- | --- |\n",
        text(layout.name).c_str(), layout.bytes, text(layout.doc).c_str());
    for (const FieldRow& f : kFields) {
      if (f.layout == layout.name) {
        out.print("| 0x%02x | %u | %u | %s | %s |\n", f.offset / 8, f.offset, f.width,
                  text(f.name).c_str(), text(f.doc).c_str());
      }
    }
    out.print("\n");
  }
}

void md_opcodes(const std::filesystem::path& dir) {
  Out out(dir / "opcodes.md");
  md_head(out, "Commands",
          "Sizes in bytes, without trailing lists: the least that the firmware takes and gives.");
  out.print("| opcode | name | input | output | does |\n| ---: | --- | ---: | ---: | --- |\n");
  for (const OpcodeRow& row : kOpcodes) {
    out.print("| 0x%03x | %s | %u | %u | %s |\n", row.value, text(row.name).c_str(), row.in_bytes,
              row.out_bytes, text(row.doc).c_str());
  }
}

void md_values(const std::filesystem::path& dir) {
  Out out(dir / "values.md");
  md_head(out, "Value sets",
          "Statuses, event types, states and other enumerations. For `STATUS` and `DELIVERY` the "
          "meaning is the errno that a driver reports.");
  for (const std::string_view set : sets()) {
    out.print("## %s\n\n| value | name | meaning |\n| ---: | --- | --- |\n", text(set).c_str());
    for (const EnumRow& row : rows_of(set)) {
      out.print("| 0x%02x | %s | %s |\n", row.value, text(row.name).c_str(), text(row.doc).c_str());
    }
    out.print("\n");
  }
}

template <class Rows>
void md_named(const std::filesystem::path& file, const char* title, const char* intro,
              const Rows& rows) {
  Out out(file);
  md_head(out, title, intro);
  out.print("| value | name | meaning |\n| ---: | --- | --- |\n");
  for (const NamedRow& row : rows) {
    out.print("| 0x%x | %s | %s |\n", row.value, text(row.name).c_str(), text(row.doc).c_str());
  }
}

void md_regs(const std::filesystem::path& dir) {
  Out out(dir / "firmware_registers.md");
  md_head(out, "Firmware registers",
          "How firmware sees the hardware of its NIC. Per-function registers repeat at `FN_BASE + "
          "function * FN_STRIDE`.");
  out.print("| offset | register | access | meaning |\n| ---: | --- | --- | --- |\n");
  for (const RegRow& r : kRegs) {
    if (r.kind == RegKind::flag) {
      out.print("| bit %u | %s.%s | | %s |\n", r.value, text(r.reg).c_str(), text(r.name).c_str(),
                text(r.doc).c_str());
    } else {
      out.print("| 0x%03x | %s%s | %s | %s |\n", r.value,
                r.kind == RegKind::function ? "function " : "", text(r.name).c_str(),
                text(r.access).c_str(), text(r.doc).c_str());
    }
  }
}

void md_faults(const std::filesystem::path& dir) {
  Out out(dir / "faults.md");
  md_head(out, "Faults",
          "Deliberate defects, off by default; each is caught by the rule named with it.");
  out.print("| fault | layer | caught by | what is wrong |\n| --- | --- | --- | --- |\n");
  for (const FaultRow& row : kFaults) {
    out.print("| %s | %s | %s | %s |\n", text(row.name).c_str(), text(row.layer).c_str(),
              text(row.rule).c_str(), text(row.doc).c_str());
  }
}

void md_image(const std::filesystem::path& dir) {
  Out out(dir / "image_records.md");
  md_head(out, "State image",
          "An image is a header (`image_header`), records in ascending order of type and number, "
          "and an END record "
          "(`image_end`). A record is a head (`image_record`), the fixed part named here, and a "
          "list. Layouts are in "
          "`layouts.md`.");
  out.print(
      "| type | record | fixed part | list | at most | holds |\n| ---: | --- | --- | --- | ---: | "
      "--- |\n");
  for (const ImageRow& row : kImageRecords) {
    out.print("| 0x%04x | %s | %s | %s | %u | %s |\n", row.type, text(row.name).c_str(),
              text(row.layout).c_str(), lower(row.list).c_str(), row.count, text(row.doc).c_str());
  }
}

void write_docs(const std::filesystem::path& dir) {
  md_layouts(dir);
  md_opcodes(dir);
  md_values(dir);
  md_named(dir / "syndromes.md", "Syndromes",
           "Dword 1 of a command's output when its status is not OK. The numbers are "
           "this device's own.",
           kSyndromes);
  md_named(dir / "numbers.md", "Numbers", "Addresses and limits that several parts agree on.",
           kNumbers);
  md_regs(dir);
  md_faults(dir);
  md_image(dir);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc == 3 ? argv[1] : "";
  if (what == "sv") {
    std::filesystem::create_directories(std::filesystem::path(argv[2]).parent_path());
    write_sv(argv[2]);
  } else if (what == "docs") {
    std::filesystem::create_directories(argv[2]);
    write_docs(argv[2]);
  } else {
    std::fprintf(stderr, "usage: layoutgen sv FILE | docs DIR\n");
    return 2;
  }
  return 0;
}
