#include "testbench/scenarios/random.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>

#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/random_value.hpp"

namespace vfsim::bench {
namespace {

/// FNV-1a.
std::uint64_t hash(const std::string& text) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const char c : text) {
    h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return h;
}

/// The finish of splitmix64: neighbouring seeds get unlike generators.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

bool has_option(const std::string& verb, const std::string& option) {
  return has_name(option_names(*find_step(verb)), option);
}

/// "migrate guest=1 at=150000 ns": what is not as every step of the verb has it.
std::string step_text(const Step& step) {
  const Step plain = make_step(*find_step(step.verb), 0);
  std::string out = step.verb;
  for (const auto& [name, value] : step.options) {
    if (value != plain.text(name)) {
      out += fmt::format(" {}={}{}", name, value,
                         find_option(name)->kind == OptionKind::time ? " ns" : "");
    }
  }
  return out;
}

/// One try: what the file leaves open, drawn once.
class Draw {
 public:
  Draw(Scenario& scenario, std::uint64_t seed, std::uint32_t number, std::string& error)
      : scenario_(scenario), seed_(seed), number_(number), error_(error) {}

  bool all() {
    const RandomSection& open = scenario_.random;
    return std::all_of(open.params.begin(), open.params.end(),
                       [&](const RandomParam& p) { return param(p); }) &&
           steps() && fault();
  }

 private:
  [[nodiscard]] RandomStream stream(const std::string& name) const {
    return {seed_, fmt::format("{} {}", number_, name)};
  }

  bool param(const RandomParam& p) {
    std::string& place = scenario_.places[p.key];
    if (place.rfind("--set ", 0) == 0) {
      return true;
    }
    const std::size_t dot = p.key.find('.');
    const ParamRow& row = *find_param(p.key.substr(0, dot), p.key.substr(dot + 1));
    RandomStream random = stream(p.key);
    std::string text;
    if (!draw_value(p.value, slot_of(row), scenario_, random, text, error_) || text.empty()) {
      return error_.empty();
    }
    if (std::string why; !set_param(row, scenario_, text, why)) {
      error_ = fmt::format("{}: {}: {}", p.value.place, p.key, why);
      return false;
    }
    place = p.value.place;
    scenario_.drawn.push_back({p.key, param_value(row, scenario_)});
    return true;
  }

  /// The steps of the file, with the drawn ones where their tables stand.
  bool steps() {
    std::vector<Step> written = std::move(scenario_.steps);
    scenario_.steps.clear();
    auto next = written.begin();
    std::size_t block = 0;
    for (const RandomSteps& open : scenario_.random.steps) {
      for (; next != written.end() && next->line < open.line; ++next) {
        scenario_.steps.push_back(std::move(*next));
      }
      if (!drawn_steps(open, fmt::format("step {}", block++))) {
        return false;
      }
    }
    std::move(next, written.end(), std::back_inserter(scenario_.steps));
    return true;
  }

  bool drawn_steps(const RandomSteps& open, const std::string& name) {
    RandomStream random = stream(name + " times");
    std::string count;
    if (!draw_value(open.times, counter("times", kMostDrawnSteps), scenario_, random, count,
                    error_)) {
      return false;
    }
    std::vector<Step> made;
    const std::size_t sequences = count.empty() ? 0 : std::stoul(count);
    for (std::size_t i = 0; i < sequences; ++i) {
      if (!sequence(open, fmt::format("{} {}", name, i), made)) {
        return false;
      }
    }
    std::stable_sort(made.begin(), made.end(),
                     [](const Step& a, const Step& b) { return a.number("at") < b.number("at"); });
    for (Step& step : made) {
      scenario_.drawn.push_back(
          {fmt::format("step {}", scenario_.steps.size() + 1), step_text(step)});
      scenario_.steps.push_back(std::move(step));
    }
    return true;
  }

  bool sequence(const RandomSteps& open, const std::string& name, std::vector<Step>& made) {
    RandomStream random = stream(name);
    const auto& verbs = open.sequences[pick(open.weights, random)];
    std::uint64_t later = 0;
    for (const std::string& verb : verbs) {
      Step step = make_step(*find_step(verb), open.line);
      for (const auto& [option, from] : open.options) {
        if (has_option(verb, option) && !draw_option(name, option, from, step)) {
          return false;
        }
      }
      step.options["at"] = std::to_string(step.number("at") + later);
      made.push_back(std::move(step));
      if (!spacing(open, random, later)) {
        return false;
      }
    }
    return true;
  }

  /// The steps of a sequence draw the same value: each option has a generator of its own.
  bool draw_option(const std::string& name, const std::string& option, const Distribution& from,
                   Step& step) {
    RandomStream random = stream(name + " " + option);
    std::string text;
    std::string why;
    const Slot slot = slot_of(*find_step(step.verb), *find_option(option));
    if (!draw_value(from, slot, scenario_, random, text, error_)) {
      return false;
    }
    if (!text.empty() && !set_option(step, option, text, why)) {
      error_ = fmt::format("{}: {}", from.place, why);
      return false;
    }
    return true;
  }

  bool spacing(const RandomSteps& open, RandomStream& random, std::uint64_t& later) {
    if (!open.spacing.is_range() && open.spacing.values.empty()) {
      return true;
    }
    Step scratch = make_step(*find_step("wait"), 0);
    std::string text;
    const Slot slot = slot_of(*find_step("wait"), *find_option("at"));
    if (!draw_value(open.spacing, slot, scenario_, random, text, error_) || text.empty() ||
        !set_option(scratch, "at", text, error_)) {
      return error_.empty();
    }
    later += scratch.number("at");
    return true;
  }

  bool fault() {
    const Distribution& from = scenario_.random.fault;
    if (from.values.empty()) {
      return true;
    }
    RandomStream random = stream("fault");
    std::string name;
    (void)draw_value(from, {}, scenario_, random, name, error_);
    if (name.empty()) {
      return true;
    }
    scenario_.drawn.push_back({"fault", name});
    return apply_override("faults=" + name, scenario_, error_);
  }

  Scenario& scenario_;
  std::uint64_t seed_;
  std::uint32_t number_;
  std::string& error_;
};

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, const std::string& name)
    : bits_(mix(mix(seed + 0x9e3779b97f4a7c15) ^ hash(name))) {}

std::uint64_t RandomStream::below(std::uint64_t n) {
  if (n == 0) {
    return bits_();
  }
  const std::uint64_t beyond = UINT64_MAX - UINT64_MAX % n;  // multiples of n end here
  std::uint64_t x = bits_();
  while (x >= beyond) {
    x = bits_();
  }
  return x % n;
}

double RandomStream::fraction() {
  return static_cast<double>(bits_() >> 11) * 0x1p-53;
}

bool draw(Scenario& scenario, std::uint64_t seed, std::string& error) {
  if (scenario.random.empty()) {
    return check(scenario, error);
  }
  std::string why;
  for (std::uint32_t number = 0; number < kMostDraws; ++number) {
    Scenario drawn = scenario;
    why.clear();
    if (Draw(drawn, seed, number, why).all() && check(drawn, why)) {
      scenario = std::move(drawn);
      return true;
    }
  }
  error = fmt::format("{}: [random]: none of {} draws fits; the last one: {}",
                      scenario.random.place, kMostDraws, why);
  return false;
}

}  // namespace vfsim::bench
