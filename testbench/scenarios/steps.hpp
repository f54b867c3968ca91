// The verbs of scenario steps and their options (steps.def).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {

enum class OptionKind : std::uint8_t { number, time, choice };

struct StepRow {
  std::string_view verb;
  std::string_view options;  // separated by spaces
  std::string_view doc;
};
struct OptionRow {
  std::string_view name;
  OptionKind kind;
  std::string_view def;
  std::uint64_t max;         // number
  std::string_view choices;  // choice
  std::string_view doc;
};

[[nodiscard]] const std::vector<StepRow>& step_table();
[[nodiscard]] const std::vector<OptionRow>& option_table();
[[nodiscard]] const StepRow* find_step(std::string_view verb);
[[nodiscard]] const OptionRow* find_option(std::string_view name);
[[nodiscard]] std::string step_names();
[[nodiscard]] std::string option_names(const StepRow& verb);

/// A step of that verb with all options at their defaults.
[[nodiscard]] Step make_step(const StepRow& verb, std::uint32_t line);
/// Stores an option. False: `error` says what is wrong and what is allowed.
[[nodiscard]] bool set_option(Step& step, std::string_view name, std::string_view value,
                              std::string& error);

/// The verbs as text for a terminal, or as a Markdown page.
[[nodiscard]] std::string list_steps(bool markdown);

}  // namespace vfsim::bench
