#include "testbench/scenarios/random_value.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

#include "testbench/scenarios/random.hpp"
#include "testbench/scenarios/units.hpp"

namespace vfsim::bench {
namespace {

/// A bound in the unit of the slot: a value, or a parameter's.
Quantity bound(const std::string& text, const Slot& slot, Scenario& scenario) {
  const ParamRow* row = bound_param(text);
  Quantity q;
  std::string ignored;  // the reader has made sure that it is a number with a fitting unit
  (void)parse_quantity(row == nullptr ? text : param_value(*row, scenario), q);
  (void)convert(q, slot.unit, ignored);
  return q;
}

/// min .. max in steps; `log`: first one of the doublings of min, then within it.
std::uint64_t whole(const Distribution& d, std::uint64_t min, std::uint64_t max, std::uint64_t step,
                    RandomStream& random) {
  if (d.log) {
    std::uint64_t doublings = 1;
    while (min <= max >> doublings && doublings < 63) {
      ++doublings;
    }
    min <<= random.below(doublings);
    max = std::min(max, min + (min - 1));
  }
  const std::uint64_t values = (max - min) / step + 1;
  return min + random.below(values) * step;
}

double real(const Distribution& d, double min, double max, double step, RandomStream& random) {
  if (d.log) {
    std::uint64_t doublings = 1;
    while (std::ldexp(min, static_cast<int>(doublings)) <= max) {
      ++doublings;
    }
    min = std::ldexp(min, static_cast<int>(random.below(doublings)));
    max = std::min(max, 2 * min);
  }
  if (step > 0) {
    const auto values = static_cast<std::uint64_t>((max - min) / step) + 1;
    return std::fma(static_cast<double>(random.below(values)), step, min);
  }
  return std::fma(random.fraction(), max - min, min);  // one rounding: the same on every machine
}

bool range_value(const Distribution& d, const Slot& slot, Scenario& scenario, RandomStream& random,
                 std::string& text, std::string& error) {
  const Quantity min = bound(d.min, slot, scenario);
  const Quantity max = bound(d.max, slot, scenario);
  const Quantity step = bound(d.step.empty() ? "1" : d.step, slot, scenario);
  if (max.value < min.value || (d.below && max.value <= min.value)) {
    error = fmt::format("{}: {}: nothing from {} to {}", d.place, slot.name, d.min, d.max);
    return false;
  }
  text =
      slot.kind == Slot::Kind::real
          ? fmt::format("{:.9g}",
                        real(d, min.value, max.value, d.step.empty() ? 0 : step.value, random))
          : std::to_string(whole(d, min.whole, max.whole - (d.below ? 1 : 0), step.whole, random));
  text += slot.unit.empty() ? "" : " " + slot.unit;
  return true;
}

}  // namespace

Slot slot_of(const ParamRow& row) {
  using Kind = Slot::Kind;
  const Kind kind = row.kind == ParamKind::boolean                             ? Kind::boolean
                    : row.kind == ParamKind::real                              ? Kind::real
                    : row.kind == ParamKind::u32 || row.kind == ParamKind::u64 ? Kind::whole
                                                                               : Kind::word;
  return {row.key(), kind, std::string(row.unit), [&row](const std::string& text, std::string& e) {
            Scenario scratch;
            return set_param(row, scratch, text, e);
          }};
}

Slot slot_of(const StepRow& verb, const OptionRow& option) {
  const bool time = option.kind == OptionKind::time;
  return {std::string(option.name),
          option.kind == OptionKind::choice ? Slot::Kind::word : Slot::Kind::whole,
          time ? "ns" : "", [&verb, &option](const std::string& text, std::string& e) {
            Step scratch = make_step(verb, 0);
            return set_option(scratch, option.name, text, e);
          }};
}

Slot counter(const std::string& name, std::uint64_t most) {
  return {name, Slot::Kind::whole, "", [most](const std::string& text, std::string& e) {
            Quantity q;
            const bool fits =
                parse_quantity(text, q) && q.integral && q.whole <= most && q.unit.empty();
            e = fits ? ""
                     : fmt::format("'{}' is no number that fits; allowed is 0 .. {}", text, most);
            return fits;
          }};
}

std::size_t pick(const std::vector<std::uint64_t>& weights, RandomStream& random) {
  std::uint64_t left = random.below(std::accumulate(weights.begin(), weights.end(), UINT64_C(0)));
  std::size_t at = 0;
  while (left >= weights[at]) {
    left -= weights[at++];
  }
  return at;
}

const ParamRow* bound_param(const std::string& text) {
  const std::size_t dot = text.find('.');
  const ParamRow* row =
      dot == std::string::npos ? nullptr : find_param(text.substr(0, dot), text.substr(dot + 1));
  return row != nullptr && (row->kind == ParamKind::u32 || row->kind == ParamKind::u64) ? row
                                                                                        : nullptr;
}

bool draw_value(const Distribution& d, const Slot& slot, Scenario& scenario, RandomStream& random,
                std::string& text, std::string& error) {
  const bool chosen = random.fraction() < d.probability;
  text.clear();
  if (d.is_range()) {
    return !chosen || range_value(d, slot, scenario, random, text, error);
  }
  if (d.values.empty()) {
    text = chosen ? "true" : "false";
  } else if (chosen) {
    text = d.values[pick(d.weights, random)];
  }
  return true;
}

}  // namespace vfsim::bench
