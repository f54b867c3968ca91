#include "testbench/scenarios/steps.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/units.hpp"

namespace vfsim::bench {
namespace {

/// "never" and every step of the migration procedure.
constexpr std::string_view kFailSteps = "never|each_source|each_destination"
#define STEP(name, doc) "|" #name
#include "host_driver/vmm/vmm_steps.def"
#undef STEP
    ;

/// What a step can wait for, with the separator in front of all but the first.
constexpr std::string_view kAllMoments = ""
#define PHASE(name) "|" #name
#define COMMAND(name, opcode, op_mod, completed, side) "|" #name
#include "testbench/scenarios/moments.def"
#undef PHASE
#undef COMMAND
    ;
constexpr std::string_view kMoments = kAllMoments.substr(1);

/// "no", "each" and every way to spoil an image.
constexpr std::string_view kCorruptions = "no|each"
#define CORRUPTION(name, syndromes, doc) "|" #name
#include "testbench/fuzz/corruptions.def"
#undef CORRUPTION
    ;

constexpr std::uint64_t kLongestNs = 100'000'000'000'000;  // as workload.time_limit_ms

bool belongs(const StepRow& verb, std::string_view option) {
  return option == "at" || has_name(verb.options, option);
}

std::string allowed(const OptionRow& row) {
  switch (row.kind) {
    case OptionKind::number:
      return fmt::format("0 .. {}", row.max);
    case OptionKind::time:
      return "a time up to 100000 s, as in \"5 ms\"";
    default:
      return comma_list(row.choices);
  }
}

/// A number or time as decimal text, times in nanoseconds.
bool quantity(const OptionRow& row, std::string_view value, std::string& text, std::string& error) {
  const bool time = row.kind == OptionKind::time;
  Quantity q;
  std::string why;
  if (!parse_quantity(value, q)) {
    why = fmt::format("'{}' is no number", value);
  } else if (time && q.unit.empty() && q.value > 0) {
    why = fmt::format("'{}' has no unit", value);
  } else if (convert(q, time ? "ns" : "", why) && q.value >= 0 && !q.integral) {
    why = fmt::format("{} is no whole number{}", value, time ? " of ns" : "");
  } else if (why.empty() && (q.value < 0 || q.whole > (time ? kLongestNs : row.max))) {
    why = fmt::format("{} is out of range", value);
  }
  if (!why.empty()) {
    error = fmt::format("{}: {}; allowed is {}", row.name, why, allowed(row));
    return false;
  }
  text = std::to_string(q.whole);
  return true;
}

}  // namespace

const std::vector<StepRow>& step_table() {
#define VERB(verb, options, doc) {#verb, options, doc},
#define STEP_NUMBER(name, def, max, doc)
#define STEP_TIME(name, def, doc)
#define STEP_CHOICE(name, def, choices, doc)
  static const std::vector<StepRow> kRows = {
#include "testbench/scenarios/steps.def"
  };
#undef VERB
#undef STEP_NUMBER
#undef STEP_TIME
#undef STEP_CHOICE
  return kRows;
}

const std::vector<OptionRow>& option_table() {
#define VERB(verb, options, doc)
#define STEP_NUMBER(name, def, max, doc) {#name, OptionKind::number, #def, max, "", doc},
#define STEP_TIME(name, def, doc) {#name, OptionKind::time, #def, 0, "", doc},
#define STEP_CHOICE(name, def, choices, doc) {#name, OptionKind::choice, def, 0, choices, doc},
  static const std::vector<OptionRow> kRows = {
#include "testbench/scenarios/steps.def"
  };
#undef VERB
#undef STEP_NUMBER
#undef STEP_TIME
#undef STEP_CHOICE
  return kRows;
}

const StepRow* find_step(std::string_view verb) {
  const auto& rows = step_table();
  const auto at =
      std::find_if(rows.begin(), rows.end(), [&](const StepRow& row) { return row.verb == verb; });
  return at == rows.end() ? nullptr : &*at;
}

const OptionRow* find_option(std::string_view name) {
  const auto& rows = option_table();
  const auto at = std::find_if(rows.begin(), rows.end(),
                               [&](const OptionRow& row) { return row.name == name; });
  return at == rows.end() ? nullptr : &*at;
}

std::string step_names() {
  std::string names;
  for (const StepRow& row : step_table()) {
    names += (names.empty() ? "" : " ") + std::string(row.verb);
  }
  return names;
}

std::string option_names(const StepRow& verb) {
  std::string names = "at";
  return verb.options.empty() ? names : names + " " + std::string(verb.options);
}

Step make_step(const StepRow& verb, std::uint32_t line) {
  Step step;
  step.verb = verb.verb;
  step.line = line;
  for (const OptionRow& row : option_table()) {
    if (belongs(verb, row.name)) {
      step.options[std::string(row.name)] = row.def;
    }
  }
  return step;
}

bool set_option(Step& step, std::string_view name, std::string_view value, std::string& error) {
  const OptionRow* row = find_option(name);
  const auto at = step.options.find(std::string(name));
  if (row == nullptr || at == step.options.end()) {
    const std::string names = option_names(*find_step(step.verb));
    error = fmt::format("step {} has no option '{}'{}; allowed are {}", step.verb, name,
                        did_you_mean(name, names), comma_list(names));
    return false;
  }
  if (row->kind != OptionKind::choice) {
    return quantity(*row, value, at->second, error);
  }
  if (!has_name(row->choices, value)) {
    error = fmt::format("{}: '{}' is unknown{}; allowed is {}", name, value,
                        did_you_mean(value, row->choices), allowed(*row));
    return false;
  }
  at->second = value;
  return true;
}

std::string list_steps(bool markdown) {
  std::string out;
  for (const StepRow& verb : step_table()) {
    out += fmt::format(markdown ? "\n## {}\n\n{}\n\n| option | default | meaning | allowed |\n| "
                                  "--- | --- | --- | --- |\n"
                                : "{}: {}\n",
                       verb.verb, verb.doc);
    for (const OptionRow& row : option_table()) {
      if (belongs(verb, row.name)) {
        out += fmt::format(markdown ? "| `{}` | {} | {} | {} |\n"
                                    : "  {:<13} default {:<10} {}\n                allowed: {}\n",
                           row.name, row.def, row.doc, allowed(row));
      }
    }
  }
  return out;
}

std::string Step::text(const std::string& option) const {
  const auto at = options.find(option);
  return at == options.end() ? "" : at->second;
}

bool Step::may_end_otherwise() const {
  return text("fail_at") != "never" || number("cancel_after") != 0 || text("corrupt") != "no" ||
         text("background") == "yes";
}

std::uint64_t Step::number(const std::string& option) const {
  const auto at = options.find(option);
  return at == options.end() ? 0 : std::strtoull(at->second.c_str(), nullptr, 10);
}

}  // namespace vfsim::bench
