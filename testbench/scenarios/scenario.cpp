#include "testbench/scenarios/scenario.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <toml++/toml.h>

#include "firmware/interface/fault_set.hpp"
#include "testbench/faults/fault_set.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/params.hpp"
#include "testbench/scenarios/random_reader.hpp"
#include "testbench/scenarios/steps.hpp"

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRuleIds =
#define RULE(id, judge, title, trigger) " " #id

#include "testbench/checkers/rules.def"
#undef RULE
    ;

/// Reads one parsed file into a scenario; the first error stops it.
class Reader {
 public:
  Reader(const std::string& path, Scenario& scenario, std::string& error)
      : path_(path), scenario_(scenario), error_(error) {}

  bool read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const std::string_view name = key.str();
      const bool ok = name == "scenario" ? head(node)
                      : name == "step"   ? steps(node)
                      : name == "faults" ? faults(node)
                      : name == "random" ? read_random(node, path_, scenario_.random, error_)
                                         : group(key, node);
      if (!ok) {
        return false;
      }
    }
    if (scenario_.name.empty()) {
      scenario_.name = fs::path(path_).stem().string();
    }
    return true;
  }

 private:
  [[nodiscard]] std::string place(const toml::source_region& at) const {
    return fmt::format("{}:{}:{}", path_, at.begin.line, at.begin.column);
  }

  bool fail(const toml::source_region& at, const std::string& what) {
    error_ = place(at) + ": " + what;
    return false;
  }

  bool scalar(const toml::node& node, const std::string& name, std::string& text) {
    return scalar_text(node, text) ||
           fail(node.source(), fmt::format("{} must be a number, true, false or a text", name));
  }

  bool head(const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      return fail(node.source(), "scenario must be a table: [scenario]");
    }
    for (const auto& [key, value] : *table) {
      const std::string_view name = key.str();
      std::string rules;
      std::string* to = name == "name"    ? &scenario_.name
                        : name == "title" ? &scenario_.title
                        : name == "goal"  ? &scenario_.goal
                        : name == "rules" ? &rules
                                          : nullptr;
      if (to == nullptr) {
        return fail(key.source(),
                    fmt::format("unknown key '{}'{}; allowed are name, title, goal, rules", name,
                                did_you_mean(name, "name title goal rules")));
      }
      if (!value.is_string()) {
        return fail(value.source(), fmt::format("{} must be a text", name));
      }
      *to = value.as_string()->get();
      if (std::any_of(to->begin(), to->end(), [](char c) { return c >= 0 && c < ' '; })) {
        return fail(value.source(), fmt::format("{} must be one line of text", name));
      }
      if (to == &rules && !goal_rules(value.source(), rules)) {
        return false;
      }
    }
    return true;
  }

  bool goal_rules(const toml::source_region& at, const std::string& text) {
    std::istringstream words(text);
    for (std::string id; words >> id;) {
      if (!has_name(kRuleIds, id)) {
        return fail(at, fmt::format("rules: unknown rule '{}'{}; allowed are {}", id,
                                    did_you_mean(id, kRuleIds), comma_list(kRuleIds)));
      }
      scenario_.rules.push_back(id);
    }
    return true;
  }

  bool group(const toml::key& key, const toml::node& node) {
    const std::string names = group_names();
    const toml::table* table = node.as_table();
    if (param_names(key.str()).empty()) {
      return fail(
          key.source(),
          fmt::format("unknown group '{}'{}; allowed are scenario, step, faults, random, {}",
                      key.str(), did_you_mean(key.str(), "scenario step faults random " + names),
                      comma_list(names)));
    }
    if (table == nullptr) {
      return fail(node.source(), fmt::format("{0} must be a table: [{0}]", key.str()));
    }
    for (const auto& [name, value] : *table) {
      const ParamRow* row = find_param(key.str(), name.str());
      if (row == nullptr) {
        const std::string known = param_names(key.str());
        return fail(name.source(),
                    fmt::format("unknown parameter '{}' in [{}]{}; allowed are {}", name.str(),
                                key.str(), did_you_mean(name.str(), known), comma_list(known)));
      }
      std::string text;
      std::string why;
      if (!scalar(value, row->key(), text)) {
        return false;
      }
      if (row->kind == ParamKind::boolean && !value.is_boolean()) {
        return fail(value.source(),
                    fmt::format("{} must be true or false, without quotes", row->key()));
      }
      if (!set_param(*row, scenario_, text, why)) {
        return fail(value.source(), fmt::format("{}: {}", row->key(), why));
      }
      scenario_.places[row->key()] = place(value.source());
    }
    return true;
  }

  bool steps(const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
      return fail(node.source(), "steps are tables: [[step]]");
    }
    return std::all_of(array->begin(), array->end(),
                       [&](const toml::node& item) { return step(*item.as_table()); });
  }

  /// Row of a step's verb; null after an error.
  const StepRow* verb_of(const toml::table& table) {
    const toml::node* verb = table.get("do");
    if (verb == nullptr || !verb->is_string()) {
      (void)fail(verb == nullptr ? table.source() : verb->source(),
                 "a step needs do = \"...\"; allowed are " + comma_list(step_names()));
      return nullptr;
    }
    const std::string name = verb->as_string()->get();
    const StepRow* row = find_step(name);
    if (row == nullptr) {
      (void)fail(verb->source(),
                 fmt::format("unknown step '{}'{}; allowed are {}", name,
                             did_you_mean(name, step_names()), comma_list(step_names())));
    }
    return row;
  }

  bool step(const toml::table& table) {
    const StepRow* row = verb_of(table);
    if (row == nullptr) {
      return false;
    }
    Step made = make_step(*row, static_cast<std::uint32_t>(table.source().begin.line));
    for (const auto& [key, value] : table) {
      std::string text;
      std::string why;
      if (key.str() == "do") {
        continue;
      }
      if (!scalar(value, std::string(key.str()), text)) {
        return false;
      }
      if (!set_option(made, key.str(), text, why)) {
        return fail(made.options.count(std::string(key.str())) != 0 ? value.source() : key.source(),
                    why);
      }
    }
    scenario_.steps.push_back(std::move(made));
    return true;
  }

  bool faults(const toml::node& node) {
    const toml::table* table = node.as_table();
    const toml::array* array =
        table != nullptr && table->size() == 1 ? table->get_as<toml::array>("enable") : nullptr;
    if (array == nullptr) {
      return fail(node.source(), "[faults] takes enable = [\"...\"] and nothing else");
    }
    for (const toml::node& item : *array) {
      std::string why;
      if (!item.is_string() || !enable_fault(item.as_string()->get(), scenario_, why)) {
        return fail(item.source(), item.is_string() ? why : "faults are names in quotes");
      }
    }
    return true;
  }

 public:
  static bool enable_fault(const std::string& name, Scenario& scenario, std::string& error) {
    const auto set = parse_faults({name});
    if (!set) {
      error = set.error().text;
      return false;
    }
    scenario.faults = scenario.faults | set.value();
    return true;
  }

 private:
  std::string path_;
  Scenario& scenario_;
  std::string& error_;
};

/// Names and values that a user wrote may hold line ends and worse: an error stays one line of
/// text.
std::string one_line(std::string text) {
  for (char& c : text) {
    c = (c >= 0 && c < ' ') || c == 0x7f ? '?' : c;
  }
  return text;
}

/// A key of very many parts overruns the parser's stack: no line may hold one.
bool check_lines(const std::string& path, const std::string& text, std::string& error) {
  constexpr std::size_t kMost = 4096;
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end - at > kMost) {
      error = fmt::format("{}:{}: a line of {} bytes; allowed is {}", path, line, end - at, kMost);
      return false;
    }
    at = end + 1;
  }
  return true;
}

/// A whole file; what is no file, or too large for a scenario, is not read.
bool read_text(const std::string& path, std::string& text, std::string& error) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path, ignored)) {
    error = path + ": cannot be read; a scenario file (TOML) is needed";
    return false;
  }
  text.resize(kMost + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMost) {
    error = path + ": larger than 1 MiB; a scenario file (TOML) is needed";
    return false;
  }
  return true;
}

}  // namespace

bool load(const std::string& path, Scenario& scenario, std::string& error) {
  std::string text;
  return read_text(path, text, error) && parse(text, path, scenario, error);
}

bool parse(const std::string& text, const std::string& path, Scenario& scenario,
           std::string& error) {
  if (!check_lines(path, text, error)) {
    return false;
  }
  scenario = Scenario{};
  scenario.path = path;
  scenario.folder = fs::path(path).parent_path().string();
  try {
    const toml::table root = toml::parse(text, path);
    if (root.empty()) {
      error = path + ": there is nothing in it; a scenario file (TOML) is needed";
      return false;
    }
    const bool good = Reader(path, scenario, error).read(root);
    error = one_line(error);
    return good;
  } catch (const toml::parse_error& e) {  // the library's way to report a syntax error
    error = one_line(fmt::format("{}:{}:{}: no TOML: {}", path, e.source().begin.line,
                                 e.source().begin.column, e.description()));
    return false;
  }
}

bool apply_override(const std::string& assignment, Scenario& scenario, std::string& error) {
  const std::size_t equals = assignment.find('=');
  const std::string key = assignment.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : assignment.substr(equals + 1);
  const auto fail = [&](const std::string& what) {
    error = one_line(key == "faults" ? fmt::format("--fault {}: {}", value, what)
                                     : fmt::format("--set {}: {}", assignment, what));
    return false;
  };
  if (equals == std::string::npos) {
    return fail("a value is missing; allowed is group.name=value");
  }
  std::string why;
  if (key == "faults") {
    if (value.empty()) {
      return fail("a name is missing; vfsim list faults shows them");
    }
    std::istringstream names(value);
    for (std::string name; std::getline(names, name, ',');) {
      if (!Reader::enable_fault(name, scenario, why)) {
        return fail(why);
      }
    }
    return true;
  }
  const std::size_t dot = std::min(key.find('.'), key.size());
  const std::string group = key.substr(0, dot);
  const ParamRow* row = find_param(group, key.substr(std::min(dot + 1, key.size())));
  if (row == nullptr) {
    std::string names;
    for (const ParamRow& p : param_table()) {
      names += p.key() + " ";
    }
    return fail(fmt::format("unknown parameter '{}'{}; vfsim list params shows them", key,
                            did_you_mean(key, names)));
  }
  scenario.places[key] = "--set " + assignment;
  return set_param(*row, scenario, value, why) || fail(why);
}

std::vector<std::string> shipped_scenarios() {
  std::vector<std::string> paths;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(VF_SCENARIO_DIR, ignored)) {
    if (entry.path().extension() == ".toml") {
      paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string find_scenario(const std::string& name_or_path, std::string& error) {
  std::error_code ignored;
  const fs::file_status file = fs::status(name_or_path, ignored);
  if (fs::is_regular_file(file) || fs::is_fifo(file)) {
    return name_or_path;
  }
  std::string names;
  for (const std::string& path : shipped_scenarios()) {
    const std::string stem = fs::path(path).stem().string();
    if (stem == name_or_path) {
      return path;
    }
    names += stem + " ";
  }
  if (fs::exists(file)) {
    error = name_or_path + ": is no file; a scenario file (TOML) is needed";
    return "";
  }
  error = fmt::format("{}: no such scenario file, and no shipped scenario{}; shipped are {}",
                      name_or_path, did_you_mean(name_or_path, names), comma_list(names));
  return "";
}

}  // namespace vfsim::bench
