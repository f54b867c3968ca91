#include "testbench/runner/wave_options.hpp"

#include <fmt/format.h>
#include <sstream>

#include "systemc/common/calendar.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/units.hpp"

namespace vfsim::bench {
namespace {

std::string group_names() {
  std::string names = "all";
  for (const waves::GroupInfo& group : waves::kGroups) {
    names += std::string(" ") + group.name;
  }
  return names;
}

}  // namespace

bool parse_wave_groups(const std::string& text, waves::GroupMask& mask, std::string& error) {
  std::istringstream in(text);
  mask = 0;
  for (std::string name; std::getline(in, name, ',');) {
    unsigned bit = 0;
    while (bit < std::size(waves::kGroups) && waves::kGroups[bit].name != name) {
      ++bit;
    }
    if (name == "all") {
      mask = ~waves::GroupMask{0};
    } else if (bit < std::size(waves::kGroups)) {
      mask |= waves::GroupMask{1} << bit;
    } else {
      error = fmt::format("'{}' is unknown{}; allowed are {}", name,
                          did_you_mean(name, group_names()), comma_list(group_names()));
      return false;
    }
  }
  return true;
}

namespace {

bool parse_time(const char* option, const std::string& text, model::Ps& to, std::string& error) {
  Quantity quantity;
  if (text.empty()) {
    return true;
  }
  if (!parse_quantity(text, quantity) ||
      (!quantity.unit.empty() && !convert(quantity, "ns", error)) || quantity.value < 0 ||
      quantity.value > 1e15) {
    error =
        fmt::format("{}: '{}' is no time{}; allowed is a number with a unit, as in 20us or 104.5ms",
                    option, text, error.empty() ? "" : " (" + error + ")");
    return false;
  }
  to = static_cast<model::Ps>(quantity.value * static_cast<double>(model::kNs));
  return true;
}

}  // namespace

bool apply(const WaveOptions& options, PictureOptions& run, std::string& error) {
  const bool any = !(options.groups + options.from + options.to + options.last).empty();
  if (any && run.wave.empty()) {
    error = "--wave-groups, --wave-from, --wave-to and --wave-last need --wave";
    return false;
  }
  waves::WaveSpan& span = run.wave_span;
  if (!options.groups.empty() && !parse_wave_groups(options.groups, run.wave_groups, error)) {
    error = "--wave-groups: " + error;
    return false;
  }
  if (!parse_time("--wave-from", options.from, span.from, error) ||
      !parse_time("--wave-to", options.to, span.to, error) ||
      !parse_time("--wave-last", options.last, span.last, error)) {
    return false;
  }
  if (span.last != 0 && !(options.from + options.to).empty()) {
    error = "--wave-last goes with neither --wave-from nor --wave-to";
    return false;
  }
  if (span.from > span.to || (!options.last.empty() && span.last == 0)) {
    error = span.last == 0 && !options.last.empty()
                ? "--wave-last: 0 is no time; allowed is more than 0"
                : fmt::format("--wave-from {} is behind --wave-to {}", options.from, options.to);
    return false;
  }
  return true;
}

}  // namespace vfsim::bench
