#include "testbench/shell/symbols.hpp"

#include <cstdlib>
#include <fmt/format.h>

#include "firmware/interface/tables.hpp"
#include "testbench/scenarios/params.hpp"

namespace vfsim::bench {
namespace {

struct Field {
  std::string_view name;
  HappeningGroup group;
  double (*value)(const Happening& h);
  std::string_view doc;
};
constexpr Field kFields[] = {
#define FIELD(name, group, value, doc) \
  {name, HappeningGroup::group, [](const Happening& h) { return static_cast<double>(value); }, doc},
#include "testbench/shell/fields.def"
#undef FIELD
};

/// Enum sets whose names are unambiguous enough to be written bare.
constexpr std::string_view kConstantSets[] = {"MIG", "SUSPEND"};

bool fits(HappeningGroup wanted, HappeningGroup group) {
  return wanted == group || (wanted == HappeningGroup::tlp && group == HappeningGroup::landed);
}

const double* constant(std::string_view name) {
  static thread_local double value;
  for (const contract::OpcodeRow& row : contract::kOpcodes) {
    if (row.name == name) {
      value = row.value;
      return &value;
    }
  }
  for (const contract::EnumRow& row : contract::kEnums) {
    for (const std::string_view set : kConstantSets) {
      if (row.set == set && row.name == name) {
        value = row.value;
        return &value;
      }
    }
  }
  return nullptr;
}

/// Numbers as they are, durations in ns, true as 1; nothing for words.
std::optional<double> param_number(const ParamRow& row, Scenario& scenario) {
  const std::string text = param_value(row, scenario);
  if (row.kind == ParamKind::boolean) {
    return text.rfind("true", 0) == 0 ? 1 : 0;
  }
  if (row.kind == ParamKind::text || row.kind == ParamKind::choice) {
    return std::nullopt;
  }
  const double scale = row.unit == "us" ? 1e3 : row.unit == "ms" ? 1e6 : row.unit == "s" ? 1e9 : 1;
  return std::strtod(text.c_str(), nullptr) * scale;
}

}  // namespace

/// A text counts as the constant that it names, and as 1 where it names none.
std::function<double()> Symbols::signal(waves::SignalId id) const {
  const waves::SignalKind kind = waves::info_of(id).kind;
  if (kind != waves::SignalKind::TEXT && kind != waves::SignalKind::MOMENT) {
    return [this, id] { return static_cast<double>(board_.number(id)); };
  }
  return [this, id] {
    const std::string text = board_.text(id, sim_.calendar.now());
    const double* value = constant(text);
    return value != nullptr ? *value : text.empty() ? 0 : 1;
  };
}

std::function<double()> Symbols::find(std::string_view name) const {
  if (const auto id = board_.space().find(name)) {
    return signal(*id);
  }
  if (name == "time") {
    return [this] { return static_cast<double>(sim_.calendar.now()) / static_cast<double>(model::kNs); };
  }
  if (name == "events") {
    return [this] { return static_cast<double>(count_); };
  }
  for (const Field& field : kFields) {
    if (field.name == name) {
      return [this, &field] {
        return event_ != nullptr && fits(field.group, group_of(event_->kind)) ? field.value(*event_) : 0;
      };
    }
  }
  if (const double* value = constant(name)) {
    return [value = *value] { return value; };
  }
  const std::size_t dot = name.find('.');
  const ParamRow* row = dot == std::string_view::npos ? nullptr : find_param(name.substr(0, dot), name.substr(dot + 1));
  Scenario scenario = row == nullptr ? Scenario() : sim_.scenario();
  if (const auto value = row == nullptr ? std::nullopt : param_number(*row, scenario)) {
    return [value = *value] { return value; };
  }
  return {};
}

std::string Symbols::names(std::string_view prefix) const {
  std::string out;
  const auto add = [&](std::string_view name) {
    out += name.substr(0, prefix.size()) == prefix ? (out.empty() ? "" : " ") + std::string(name) : "";
  };
  const waves::SignalSpace& space = board_.space();
  for (waves::SignalId id = 0; id < space.units() * waves::kSignalCount; ++id) {
    if (space.holds(id)) {
      add(space.name(id));
    }
  }
  add("time");
  add("events");
  for (const Field& field : kFields) {
    add(field.name);
  }
  for (const ParamRow& row : param_table()) {
    add(row.key());
  }
  for (const contract::EnumRow& row : contract::kEnums) {
    if (constant(row.name) != nullptr) {
      add(row.name);
    }
  }
  for (const contract::OpcodeRow& row : contract::kOpcodes) {
    add(row.name);
  }
  return out;
}

std::string Symbols::meaning(std::string_view name, double value) const {
  if (const auto id = board_.space().find(name)) {
    const std::string shown = board_.shown(*id, sim_.calendar.now());
    return shown == value_text(value) ? "" : shown;
  }
  if (name == "cmd.opcode") {
    return std::string(contract::opcode_name(static_cast<std::uint32_t>(value)));
  }
  if (name == "arc.from" || name == "arc.to") {
    return std::string(contract::enum_name("MIG", static_cast<std::uint32_t>(value)));
  }
  return "";
}

std::string expressions_help() {
  std::string out =
      "Operators of C without bit operations and assignment, ?:, min max abs and other functions; hexadecimal numbers;\n"
      "units behind numbers: ps ns us ms s (a bare duration is in ns), KiB MiB. Names:\n"
      "  A.vf0.outstanding_reads and the other signals (command signals)\n"
      "  nic.vfs and the other parameters (command params); durations in ns\n"
      "  STOP_COPY, SUSPEND_VHCA: states and opcodes, to compare with\n"
      "  time                 simulated time, ns\n"
      "  events               number of the newest event\n"
      "and of the newest event, 0 where it is of another kind:\n";
  for (const Field& field : kFields) {
    out += fmt::format("  {:<20} {}\n", field.name, field.doc);
  }
  return out;
}

}  // namespace vfsim::bench
