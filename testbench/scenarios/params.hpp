// The parameters of a scenario as one table, expanded from all *_params.def tables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {

enum class ParamKind : std::uint8_t { boolean, u32, u64, real, choice, text };

struct ParamRow {
  std::string_view group;
  std::string_view name;
  ParamKind kind;
  std::string_view unit;
  double min;
  double max;
  std::string_view choices;  // "a|b|c"
  std::string_view doc;
  void* (*locate)(Scenario& scenario);  // the member

  [[nodiscard]] std::string key() const { return std::string(group) + "." + std::string(name); }
};

struct ParamGroup {
  std::string_view name;
  std::string_view doc;
};

[[nodiscard]] const std::vector<ParamRow>& param_table();
[[nodiscard]] const std::vector<ParamGroup>& param_groups();
[[nodiscard]] const ParamRow* find_param(std::string_view group, std::string_view name);

/// Stores a value written as text ("10 us", "true", "rtl"). False: `error` says what is wrong and
/// what is allowed.
[[nodiscard]] bool set_param(const ParamRow& row, Scenario& scenario, std::string_view value,
                             std::string& error);
/// The value as text, with unit.
[[nodiscard]] std::string param_value(const ParamRow& row, Scenario& scenario);
/// "1 .. 127", "tlm, rtl": what set_param takes.
[[nodiscard]] std::string param_range(const ParamRow& row);

/// Lists of names (names.hpp).
[[nodiscard]] std::string param_names(std::string_view group);
[[nodiscard]] std::string group_names();

/// The table as text for a terminal, or as a Markdown page.
[[nodiscard]] std::string list_params(bool markdown);

}  // namespace vfsim::bench
