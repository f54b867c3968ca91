#include "testbench/scenarios/random_reader.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>
#include <toml++/toml.h>

#include "testbench/faults/fault_set.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/random_value.hpp"
#include "testbench/scenarios/units.hpp"

namespace vfsim::bench {
namespace {

constexpr const char* kNumberForms =
    "{ min, max } with below instead of max, step or scale = \"log\", or { choose, weights }, each "
    "with probability";
constexpr const char* kWordForms = "{ choose, weights }, with probability";
constexpr const char* kBooleanForms = "{ probability }";

const char* forms(const Slot& slot) {
  return slot.kind == Slot::Kind::boolean ? kBooleanForms
         : slot.kind == Slot::Kind::word  ? kWordForms
                                          : kNumberForms;
}

class RandomReader {
 public:
  RandomReader(const std::string& path, RandomSection& section, std::string& error)
      : path_(path), section_(section), error_(error) {}

  bool read(const toml::node& node) {
    section_.place = place(node.source());
    const toml::table* root = node.as_table();
    if (root == nullptr) {
      return fail(node.source(), "random must be a table: [random.nic], [[random.step]], ...");
    }
    for (const auto& [key, value] : *root) {
      const bool ok = key.str() == "step"    ? steps(value)
                      : key.str() == "fault" ? fault(value)
                                             : group(key, value);
      if (!ok) {
        return false;
      }
    }
    return sort_params();
  }

 private:
  [[nodiscard]] std::string place(const toml::source_region& at) const {
    return fmt::format("{}:{}:{}", path_, at.begin.line, at.begin.column);
  }

  bool fail(const toml::source_region& at, const std::string& what) {
    error_ = place(at) + ": " + what;
    return false;
  }

  // ---- one distribution ----

  /// A table of a distribution.
  bool distribution(const toml::node& node, const Slot& slot, Distribution& d) {
    d.place = place(node.source());
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      return fail(node.source(), fmt::format("{}: a distribution is needed; allowed is {}",
                                             slot.name, forms(slot)));
    }
    for (const auto& [key, value] : *table) {
      if (!part(key, value, slot, d)) {
        return false;
      }
    }
    return whole(node, *table, slot, d);
  }

  /// A distribution, or a fixed value.
  bool value_or_distribution(const toml::node& node, const Slot& slot, Distribution& d) {
    if (node.is_table()) {
      return distribution(node, slot, d);
    }
    d.place = place(node.source());
    std::string text;
    if (!accepted(node, slot, text)) {
      return false;
    }
    d.values = {text};
    d.weights = {1};
    return true;
  }

  bool part(const toml::key& key, const toml::node& value, const Slot& slot, Distribution& d) {
    const std::string_view name = key.str();
    const bool number = slot.kind == Slot::Kind::whole || slot.kind == Slot::Kind::real;
    if (name == "probability") {
      return probability(value, d);
    }
    if (name == "choose" && slot.kind != Slot::Kind::boolean) {
      return choose(value, slot, d);
    }
    if (name == "weights" && slot.kind != Slot::Kind::boolean) {
      return weights(value, d.weights);
    }
    if (number && (name == "min" || name == "max" || name == "below")) {
      d.below = d.below || name == "below";
      return bound(value, slot, name == "min" ? d.min : d.max);
    }
    if (number && name == "step") {
      return step_width(value, slot, d);
    }
    if (number && name == "scale") {
      const auto* text = value.as_string();
      d.log = text != nullptr && text->get() == "log";
      return d.log || fail(value.source(), "scale: allowed is \"log\"");
    }
    return fail(key.source(), fmt::format("{}: '{}' is no part of its distribution; allowed is {}",
                                          slot.name, name, forms(slot)));
  }

  bool probability(const toml::node& value, Distribution& d) {
    const auto number = value.value<double>();
    if (!value.is_number() || !number || !(*number >= 0 && *number <= 1)) {
      return fail(value.source(), "probability: allowed is 0 .. 1");
    }
    d.probability = *number;
    return true;
  }

  /// A scalar that the slot takes, as text.
  bool accepted(const toml::node& value, const Slot& slot, std::string& text) {
    std::string why;
    if (!scalar_text(value, text)) {
      return fail(value.source(), fmt::format("{}: a value is needed", slot.name));
    }
    if (!slot.takes(text, why)) {
      return fail(value.source(), why.rfind(slot.name + ": ", 0) == 0
                                      ? why
                                      : fmt::format("{}: {}", slot.name, why));
    }
    return true;
  }

  bool choose(const toml::node& value, const Slot& slot, Distribution& d) {
    const toml::array* list = value.as_array();
    if (list == nullptr || list->empty()) {
      return fail(value.source(), fmt::format("{}: choose needs a list of values", slot.name));
    }
    return std::all_of(list->begin(), list->end(), [&](const toml::node& item) {
      d.values.emplace_back();
      return accepted(item, slot, d.values.back());
    });
  }

  bool weights(const toml::node& value, std::vector<std::uint64_t>& to) {
    constexpr std::int64_t kMost = 1'000'000;
    const toml::array* list = value.as_array();
    std::uint64_t sum = 0;
    if (list != nullptr) {
      for (const toml::node& item : *list) {
        const auto* number = item.as_integer();
        if (number == nullptr || number->get() < 0 || number->get() > kMost) {
          return fail(item.source(),
                      fmt::format("weights: allowed are numbers from 0 to {}", kMost));
        }
        to.push_back(static_cast<std::uint64_t>(number->get()));
        sum += to.back();
      }
    }
    return sum > 0 || fail(value.source(), "weights: a list of numbers is needed, not all 0");
  }

  /// A value, or the name of a number parameter of the same unit.
  bool bound(const toml::node& value, const Slot& slot, std::string& text) {
    const auto* name = value.as_string();
    const ParamRow* row = name == nullptr ? nullptr : bound_param(name->get());
    if (row == nullptr) {
      return accepted(value, slot, text);
    }
    if (row->unit != slot.unit) {
      return fail(value.source(), fmt::format("{}: {} has another unit", slot.name, row->key()));
    }
    text = name->get();
    return true;
  }

  bool step_width(const toml::node& value, const Slot& slot, Distribution& d) {
    Quantity q;
    std::string ignored;
    const bool good = scalar_text(value, d.step) && parse_quantity(d.step, q) &&
                      convert(q, slot.unit, ignored) && q.value > 0 &&
                      (slot.kind == Slot::Kind::real || q.integral);
    return good || fail(value.source(),
                        fmt::format("{}: step must be a number above 0 that fits", slot.name));
  }

  /// What only shows when all parts are known.
  bool whole(const toml::node& node, const toml::table& table, const Slot& slot, Distribution& d) {
    const auto wrong = [&](const std::string& what) {
      return fail(node.source(),
                  fmt::format("{}: {}; allowed is {}", slot.name, what, forms(slot)));
    };
    const bool range = !d.min.empty() || !d.max.empty();
    if (range && (d.min.empty() || d.max.empty() || (table.contains("max") && d.below))) {
      return wrong("a range needs min and one of max and below");
    }
    if (range == !d.values.empty() && (range || slot.kind != Slot::Kind::boolean)) {
      return wrong(range ? "a range and a choice" : "neither a range nor a choice");
    }
    if (slot.kind == Slot::Kind::boolean && !table.contains("probability")) {
      return wrong("probability is missing");
    }
    if (!range && (!d.step.empty() || d.log)) {
      return wrong("step and scale belong to a range");
    }
    if (range && !ordered(d, slot)) {
      return wrong(fmt::format("min = {} is above max = {}", d.min, d.max));
    }
    if (d.log && (!d.step.empty() || number(d.min, slot) == 0)) {
      return wrong("a log scale takes no step and begins above 0");
    }
    if (d.below && slot.kind == Slot::Kind::real) {
      return wrong("below is for whole numbers");
    }
    if (!d.values.empty() && d.weights.empty()) {
      d.weights.assign(d.values.size(), 1);
    }
    return d.weights.size() == d.values.size() || wrong("as many weights as values are needed");
  }

  static double number(const std::string& text, const Slot& slot) {
    Quantity q;
    std::string ignored;
    return parse_quantity(text, q) && convert(q, slot.unit, ignored) ? q.value : -1;
  }

  /// Bounds that are parameters are known when they are drawn.
  static bool ordered(const Distribution& d, const Slot& slot) {
    const double min = number(d.min, slot);
    const double max = number(d.max, slot);
    return min < 0 || max < 0 || (d.below ? min < max : min <= max);
  }

  // ---- parameters ----

  bool group(const toml::key& key, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (param_names(key.str()).empty()) {
      return fail(key.source(),
                  fmt::format("unknown group '{}' in [random]{}; allowed are step, fault, {}",
                              key.str(), did_you_mean(key.str(), "step fault " + group_names()),
                              comma_list(group_names())));
    }
    if (table == nullptr) {
      return fail(node.source(), fmt::format("{0} must be a table: [random.{0}]", key.str()));
    }
    return std::all_of(table->begin(), table->end(),
                       [&](const auto& item) { return param(key.str(), item.first, item.second); });
  }

  bool param(std::string_view group_name, const toml::key& name, const toml::node& value) {
    const ParamRow* row = find_param(group_name, name.str());
    if (row == nullptr) {
      const std::string known = param_names(group_name);
      return fail(name.source(),
                  fmt::format("unknown parameter '{}' in [random.{}]{}; allowed are {}", name.str(),
                              group_name, did_you_mean(name.str(), known), comma_list(known)));
    }
    section_.params.push_back({row->key(), {}});
    return distribution(value, slot_of(*row), section_.params.back().value);
  }

  /// A parameter comes behind those that bound it.
  bool sort_params() {
    std::vector<RandomParam> open = std::move(section_.params);
    section_.params.clear();
    const auto waits = [&](const RandomParam& p) {
      return std::any_of(open.begin(), open.end(), [&](const RandomParam& other) {
        return p.value.min == other.key || p.value.max == other.key;
      });
    };
    while (!open.empty()) {
      const auto next = std::find_if_not(open.begin(), open.end(), waits);
      if (next == open.end()) {
        error_ = fmt::format("{}: {}: its range depends on itself", open.front().value.place,
                             open.front().key);
        return false;
      }
      section_.params.push_back(std::move(*next));
      open.erase(next);
    }
    return true;
  }

  // ---- steps ----

  bool steps(const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
      return fail(node.source(), "random steps are tables: [[random.step]]");
    }
    return std::all_of(array->begin(), array->end(),
                       [&](const toml::node& item) { return step(*item.as_table()); });
  }

  bool step(const toml::table& table) {
    RandomSteps made;
    made.place = place(table.source());
    made.line = static_cast<std::uint32_t>(table.source().begin.line);
    const toml::node* verbs = table.get("do");
    if (verbs == nullptr || !sequences(*verbs, made)) {
      return verbs == nullptr ? fail(table.source(), "a random step needs do = [\"...\"]") : false;
    }
    for (const auto& [key, value] : table) {
      const bool ok =
          key.str() == "do"        ? true
          : key.str() == "weights" ? weights(value, made.weights)
          : key.str() == "times"
              ? value_or_distribution(value, counter("times", kMostDrawnSteps), made.times)
          : key.str() == "spacing" ? spacing(value, made)
                                   : option(key, value, made);
      if (!ok) {
        return false;
      }
    }
    if (!table.contains("times")) {
      made.times.values = {"1"};
      made.times.weights = {1};
    }
    if (made.weights.empty()) {
      made.weights.assign(made.sequences.size(), 1);
    }
    if (made.weights.size() != made.sequences.size()) {
      return fail(table.source(),
                  fmt::format("{} weights for {} entries of do; allowed is one each",
                              made.weights.size(), made.sequences.size()));
    }
    std::sort(made.options.begin(), made.options.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    section_.steps.push_back(std::move(made));
    return true;
  }

  /// "verb", or a list of verbs and of lists of verbs.
  bool sequences(const toml::node& node, RandomSteps& made) {
    const toml::array* list = node.as_array();
    if (list == nullptr) {
      made.sequences.emplace_back();
      return verb(node, made.sequences.back());
    }
    for (const toml::node& item : *list) {
      made.sequences.emplace_back();
      auto& to = made.sequences.back();
      const toml::array* inner = item.as_array();
      const bool ok = inner == nullptr
                          ? verb(item, to)
                          : std::all_of(inner->begin(), inner->end(),
                                        [&](const toml::node& n) { return verb(n, to); });
      if (!ok) {
        return false;
      }
    }
    return !list->empty() || fail(node.source(), "a random step needs do = [\"...\"]");
  }

  bool verb(const toml::node& node, std::vector<std::string>& to) {
    const auto* text = node.as_string();
    if (text == nullptr || find_step(text->get()) == nullptr) {
      const std::string name = text == nullptr ? "" : text->get();
      return fail(node.source(),
                  fmt::format("unknown step '{}'{}; allowed are {}", name,
                              did_you_mean(name, step_names()), comma_list(step_names())));
    }
    to.push_back(text->get());
    return true;
  }

  bool spacing(const toml::node& value, RandomSteps& made) {
    Slot slot = slot_of(*find_step("wait"), *find_option("at"));
    slot.name = "spacing";
    return value_or_distribution(value, slot, made.spacing);
  }

  /// An option of at least one of the verbs.
  bool option(const toml::key& key, const toml::node& value, RandomSteps& made) {
    std::string known = "do weights times spacing ";
    for (const auto& sequence : made.sequences) {
      for (const std::string& name : sequence) {
        const StepRow& row = *find_step(name);
        if (has_name(option_names(row), key.str())) {
          const Slot slot = slot_of(row, *find_option(key.str()));
          made.options.push_back({std::string(key.str()), {}});
          return value_or_distribution(value, slot, made.options.back().second);
        }
        std::istringstream words(option_names(row));
        for (std::string word; words >> word;) {
          known += has_name(known, word) ? "" : word + " ";
        }
      }
    }
    return fail(key.source(),
                fmt::format("none of these steps has an option '{}'{}; allowed are {}", key.str(),
                            did_you_mean(key.str(), known), comma_list(known)));
  }

  // ---- fault ----

  bool fault(const toml::node& node) {
    const Slot slot{"fault", Slot::Kind::word, "", [](const std::string& name, std::string& why) {
                      const auto set = parse_faults({name});
                      why = set ? "" : set.error().text;
                      return set.has_value();
                    }};
    return distribution(node, slot, section_.fault);
  }

  const std::string& path_;
  RandomSection& section_;
  std::string& error_;
};

}  // namespace

bool scalar_text(const toml::node& node, std::string& text) {
  if (const auto* s = node.as_string()) {
    text = s->get();
  } else if (const auto* i = node.as_integer()) {
    text = std::to_string(i->get());
  } else if (const auto* f = node.as_floating_point()) {
    text = fmt::format("{}", f->get());
  } else if (const auto* b = node.as_boolean()) {
    text = b->get() ? "true" : "false";
  } else {
    return false;
  }
  return true;
}

bool read_random(const toml::node& node, const std::string& path, RandomSection& section,
                 std::string& error) {
  return RandomReader(path, section, error).read(node);
}

}  // namespace vfsim::bench
