#include "testbench/scenarios/params.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <type_traits>

#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/units.hpp"

namespace vfsim::bench {
namespace {

template <class T>
constexpr ParamKind kind_of() {
  if constexpr (std::is_same_v<T, bool>) {
    return ParamKind::boolean;
  } else if constexpr (std::is_same_v<T, std::uint32_t>) {
    return ParamKind::u32;
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return ParamKind::u64;
  } else {
    static_assert(std::is_same_v<T, double>, "type of a parameter");
    return ParamKind::real;
  }
}

struct Tables {
  std::vector<ParamRow> rows;
  std::vector<ParamGroup> groups;
  Tables();
};

// A group of parameters is a member of Scenario and three lines below.
#define GROUP(member, doc)                              \
  {                                                     \
    static constexpr std::string_view kGroup = #member; \
    static constexpr auto kMember = &Scenario::member;  \
    groups.push_back({kGroup, doc});
#define END_GROUP }
#define LOCATE(field) [](Scenario& s) -> void* { return &(s.*kMember).field; }
#define PARAM(type, field, def, min, max, unit, doc)                               \
  rows.push_back({kGroup, #field, kind_of<type>(), unit, static_cast<double>(min), \
                  static_cast<double>(max), "", doc, LOCATE(field)});
#define CHOICE(field, def, choices, doc) \
  rows.push_back({kGroup, #field, ParamKind::choice, "", 0, 0, choices, doc, LOCATE(field)});
#define TEXT(field, def, doc) \
  rows.push_back({kGroup, #field, ParamKind::text, "", 0, 0, "", doc, LOCATE(field)});

Tables::Tables() {
  GROUP(pcie, "links and root complex of one host")
#include "systemc/pcie/pcie_params.def"
  END_GROUP
  GROUP(host, "one host")
#include "systemc/memory/host_params.def"
  END_GROUP
  GROUP(nic, "one NIC; both hosts' NICs are alike")
#include "systemc/nic/nic_params.def"
  END_GROUP
  GROUP(wire, "the Ethernet segment between the NICs and the traffic peer")
#include "systemc/wire/wire_params.def"
  END_GROUP
  GROUP(vmm, "the migration procedure")
#include "host_driver/vmm/vmm_params.def"
  END_GROUP
  GROUP(channel, "the migration channel between the hosts")
#include "testbench/workload/channel_params.def"
  END_GROUP
  GROUP(workload, "guests, their traffic, and the traffic peer on the wire")
#include "testbench/workload/workload_params.def"
  END_GROUP
}

#undef GROUP
#undef END_GROUP
#undef LOCATE
#undef PARAM
#undef CHOICE
#undef TEXT

const Tables& tables() {
  static const Tables kTables;
  return kTables;
}

std::string with_unit(std::string value, std::string_view unit) {
  const bool multiple = !unit.empty() && unit[0] >= '0' && unit[0] <= '9';  // "16 B"
  return unit.empty() ? value : value + (multiple ? " x " : " ") + std::string(unit);
}

std::string number_text(double value) {
  return value == std::floor(value) ? fmt::format("{:.0f}", value) : fmt::format("{:g}", value);
}

bool set_number(const ParamRow& row, void* to, std::string_view text, std::string& error) {
  Quantity q;
  if (!parse_quantity(text, q)) {
    error = fmt::format("'{}' is no number; allowed is {}", text, param_range(row));
    return false;
  }
  if (!convert(q, row.unit, error)) {
    error += row.unit.empty() ? "; allowed is " + param_range(row) : "";
    return false;
  }
  if (row.kind != ParamKind::real && !q.integral && q.value >= 0) {
    error = fmt::format("{} is no whole number{}; allowed is {}", text,
                        row.unit.empty() ? "" : " of " + std::string(row.unit), param_range(row));
    return false;
  }
  if (q.value < row.min || q.value > row.max) {
    error = fmt::format("{} is out of range; allowed is {}", text, param_range(row));
    return false;
  }
  if (row.kind == ParamKind::u32) {
    *static_cast<std::uint32_t*>(to) = static_cast<std::uint32_t>(q.whole);
  } else if (row.kind == ParamKind::u64) {
    *static_cast<std::uint64_t*>(to) = q.whole;
  } else {
    *static_cast<double*>(to) = q.value;
  }
  return true;
}

}  // namespace

const std::vector<ParamRow>& param_table() {
  return tables().rows;
}
const std::vector<ParamGroup>& param_groups() {
  return tables().groups;
}

const ParamRow* find_param(std::string_view group, std::string_view name) {
  const auto& rows = param_table();
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const ParamRow& r) {
    return r.group == group && r.name == name;
  });
  return at == rows.end() ? nullptr : &*at;
}

bool set_param(const ParamRow& row, Scenario& scenario, std::string_view value,
               std::string& error) {
  void* to = row.locate(scenario);
  switch (row.kind) {
    case ParamKind::boolean:
      if (value != "true" && value != "false") {
        error = fmt::format("'{}' is neither true nor false", value);
        return false;
      }
      *static_cast<bool*>(to) = value == "true";
      return true;
    case ParamKind::choice:
      if (!has_name(row.choices, value)) {
        error = fmt::format("'{}' is unknown{}; allowed is {}", value,
                            did_you_mean(value, row.choices), param_range(row));
        return false;
      }
      *static_cast<std::string*>(to) = value;
      return true;
    case ParamKind::text:
      *static_cast<std::string*>(to) = value;
      return true;
    default:
      return set_number(row, to, value, error);
  }
}

std::string param_value(const ParamRow& row, Scenario& scenario) {
  const void* at = row.locate(scenario);
  switch (row.kind) {
    case ParamKind::boolean:
      return *static_cast<const bool*>(at) ? "true" : "false";
    case ParamKind::u32:
      return with_unit(std::to_string(*static_cast<const std::uint32_t*>(at)), row.unit);
    case ParamKind::u64:
      return with_unit(std::to_string(*static_cast<const std::uint64_t*>(at)), row.unit);
    case ParamKind::real:
      return with_unit(fmt::format("{:g}", *static_cast<const double*>(at)), row.unit);
    default:
      return *static_cast<const std::string*>(at);
  }
}

std::string param_range(const ParamRow& row) {
  switch (row.kind) {
    case ParamKind::boolean:
      return "true, false";
    case ParamKind::choice:
      return comma_list(row.choices);
    case ParamKind::text:
      return "text";
    default:
      return with_unit(number_text(row.min) + " .. " + number_text(row.max), row.unit);
  }
}

std::string param_names(std::string_view group) {
  std::string names;
  for (const ParamRow& row : param_table()) {
    if (row.group == group) {
      names += std::string(row.name) + " ";
    }
  }
  return names;
}

std::string group_names() {
  std::string names;
  for (const ParamGroup& group : param_groups()) {
    names += std::string(group.name) + " ";
  }
  return names;
}

std::string list_params(bool markdown) {
  Scenario defaults;
  std::string out;
  for (const ParamGroup& group : param_groups()) {
    out += markdown ? fmt::format(
                          "\n## {}\n\n{}\n\n| parameter | default | allowed | meaning |\n| --- | "
                          "--- | --- | --- |\n",
                          group.name, group.doc)
                    : fmt::format("{}[{}] {}\n", out.empty() ? "" : "\n", group.name, group.doc);
    for (const ParamRow& row : param_table()) {
      if (row.group == group.name) {
        out += fmt::format(markdown ? "| `{}` | {} | {} | {} |\n" : "  {:<30} {:<16} {:<26} {}\n",
                           row.key(), param_value(row, defaults), param_range(row), row.doc);
      }
    }
  }
  return out;
}

}  // namespace vfsim::bench
