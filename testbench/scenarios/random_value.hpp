// A place that takes a value: a parameter, or an option of a step.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "testbench/scenarios/params.hpp"
#include "testbench/scenarios/random.hpp"
#include "testbench/scenarios/random_section.hpp"
#include "testbench/scenarios/steps.hpp"

namespace vfsim::bench {

struct Slot {
  enum class Kind : std::uint8_t { whole, real, boolean, word };
  std::string name;
  Kind kind = Kind::whole;
  std::string unit;
  /// Whether it would take that text; if not, `error` says what is allowed.
  std::function<bool(const std::string& text, std::string& error)> takes;
};

[[nodiscard]] Slot slot_of(const ParamRow& row);
[[nodiscard]] Slot slot_of(const StepRow& verb, const OptionRow& option);
/// A whole number from 0 to `most`.
[[nodiscard]] Slot counter(const std::string& name, std::uint64_t most);

/// The number parameter that `text` names; null if it names none.
[[nodiscard]] const ParamRow* bound_param(const std::string& text);

/// A place in the list, by weight.
[[nodiscard]] std::size_t pick(const std::vector<std::uint64_t>& weights, RandomStream& random);

/// Draws a value, with parameters as they are in `scenario`; "" where it stays as it is. False:
/// nothing is in the range, `error` says so.
[[nodiscard]] bool draw_value(const Distribution& from, const Slot& slot, Scenario& scenario,
                              RandomStream& random, std::string& text, std::string& error);

}  // namespace vfsim::bench
