#include "testbench/cli/list.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "firmware/interface/fault_table.hpp"
#include "firmware/interface/tables.hpp"
#include "testbench/checkers/rule_set.hpp"
#include "testbench/faults/catalogue.hpp"
#include "testbench/fuzz/fuzz_run.hpp"
#include "testbench/fuzz/image_corrupt.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/params.hpp"
#include "testbench/scenarios/scenario.hpp"
#include "testbench/scenarios/steps.hpp"
#include "waves/signal_table.hpp"

namespace vfsim::bench {
namespace {

struct Page {
  const char* topic;
  const char* title;
  std::string (*print)(bool markdown);
};

std::string list_scenarios(bool markdown) {
  std::string out =
      markdown ? "\n| scenario | what happens | what it must show |\n| --- | --- | --- |\n" : "";
  for (const std::string& path : shipped_scenarios()) {
    Scenario s;
    std::string error;
    const bool ok = load(path, s, error);
    const std::string name = std::filesystem::path(path).stem().string();
    out += markdown ? fmt::format("| `{}` | {} | {} |\n", name, ok ? s.title : error, s.goal)
                    : fmt::format("{:<14} {}\n{:<14} goal: {}\n", name, ok ? s.title : error, "",
                                  s.goal);
  }
  return out;
}

std::string list_rules(bool markdown) {
  std::string out =
      markdown ? "\n| rule | judged by | says | evaluated |\n| --- | --- | --- | --- |\n" : "";
  const auto row = [&](const char* id, const char* judge, const char* title, const char* trigger) {
    out += markdown ? fmt::format("| {} | {} | {} | {} |\n", id, judge, title, trigger)
                    : fmt::format("{:<3} {:<8} {}\n{:<12} evaluated: {}\n", id, judge, title, "",
                                  trigger);
  };
#define RULE(id, judge, title, trigger) row(#id, #judge, title, trigger);
#include "testbench/checkers/rules.def"
#undef RULE
  return out;
}

/// Names of the rows for which `wanted(row)`, separated by commas; "none" without any.
template <class Rows, class Wanted, class Name>
std::string names_of(const Rows& rows, const Wanted& wanted, const Name& name) {
  std::string names;
  for (const auto& row : rows) {
    if (wanted(row)) {
      names += (names.empty() ? "" : ", ") + std::string(name(row));
    }
  }
  return names.empty() ? "none" : names;
}

/// The contract with everything that belongs to a rule.
std::string list_contract(bool markdown) {
  std::vector<Scenario> scenarios;
  for (const std::string& path : shipped_scenarios()) {
    std::string error;
    if (Scenario s; load(path, s, error)) {
      scenarios.push_back(std::move(s));
    }
  }
  std::string out;
  const auto row = [&](const std::string& id, const char* watches, const char* looks) {
    const auto& rules = rule_table();
    const auto rule =
        std::find_if(rules.begin(), rules.end(), [&](const RuleInfo& r) { return r.id == id; });
    const std::string faults = names_of(
        contract::kFaults, [&](const auto& f) { return f.rule == id; },
        [](const auto& f) { return f.name; });
    const std::string shown = names_of(
        scenarios,
        [&](const Scenario& s) {
          return std::find(s.rules.begin(), s.rules.end(), id) != s.rules.end();
        },
        [](const Scenario& s) { return s.name; });
    out += fmt::format(
        markdown ? "\n## {}: {}\n\nEvaluated: {}.\n\nWatches {}.\n\nA violation: expected `{}`.\n\n"
                   "Faults it must catch: {}.\n\nScenarios that must exercise it: {}.\n"
                 : "{}  {}\n  evaluated  {}\n  watches    {}\n  violation  expected {}\n  "
                   "faults     {}\n  scenarios  {}\n",
        id, rule->title, rule->trigger, watches, looks, faults, shown);
  };
#define RULE_TEXT(id, watches, looks) row(#id, watches, looks);
#include "testbench/checkers/contract.def"
#undef RULE_TEXT
  return out;
}

std::string list_faults(bool markdown) {
  std::string out = markdown
                        ? "\n| fault | layer | caught by | what is wrong | shown by |\n| --- | --- "
                          "| --- | --- | --- |\n"
                        : "";
  for (const CataloguedFault& f : fault_catalogue()) {
    out += markdown ? fmt::format("| `{}` | {} | {} | {} | `{}` |\n", f.name, f.layer, f.rule,
                                  f.doc, occasion(f))
                    : fmt::format("{:<26} {:<9} {:<3} {}\n{:<40} run: {}\n", f.name, f.layer,
                                  f.rule, f.doc, "", occasion(f));
  }
  return out;
}

std::string list_signals(bool markdown) {
  std::string out = markdown ? "\n| group | shown | holds |\n| --- | --- | --- |\n" : "groups (--wave-groups)\n";
  for (const waves::GroupInfo& g : waves::kGroups) {
    out += fmt::format(markdown ? "| `{}` | {} | {} |\n" : "  {:<13} {:<9} {}\n", g.name,
                       g.shown ? "default" : "on demand", g.doc);
  }
  out += markdown ? "\n| signal | group | of | shows |\n| --- | --- | --- | --- |\n" : "signals\n";
  for (const waves::SignalInfo& s : waves::kSignals) {
    const char* scope = s.scope == waves::SignalScope::FUNCTION ? "function"
                        : s.scope == waves::SignalScope::GUEST  ? "guest"
                                                                : "rules";
    out +=
        fmt::format(markdown ? "| `{}` | {} | {} | {} |\n" : "  {:<18} {:<13} {:<9} {}\n", s.name,
                    waves::kGroups[static_cast<std::size_t>(s.group)].name, scope, s.doc);
  }
  out += markdown ? "\n| kind | value | means |\n| --- | --- | --- |\n" : "named values\n";
  for (const waves::ValueInfo& v : waves::kValues) {
    out += fmt::format(markdown ? "| `{}` | `{}` | {} |\n" : "  {:<18} {:<18} {}\n",
                       waves::table_name(v.kind), v.name, v.doc);
  }
  return out;
}

std::string list_corruptions(bool markdown) {
  std::string out =
      markdown ? "\n| kind | what is done to an image | LOAD answers |\n| --- | --- | --- |\n" : "";
  for (const CorruptionRow& c : kCorruptions) {
    const std::string answers = comma_list(c.syndromes);
    out += markdown ? fmt::format("| `{}` | {} | {} |\n", c.name, c.doc, answers)
                    : fmt::format("{:<17} {}\n{:<17} LOAD: {}\n", c.name, c.doc, "", answers);
  }
  return out;
}

std::string list_doors(bool markdown) {
  std::string out =
      markdown ? "\n| door | takes | is | cases of a thousand |\n| --- | --- | --- | --- |\n" : "";
  for (const DoorRow& d : door_table()) {
    out += markdown ? fmt::format("| `{}` | {} | {} | {} |\n", d.name, d.takes, d.doc, d.weight)
                    : fmt::format("{:<9} {}\n{:<9} takes {}\n", d.name, d.doc, "", d.takes);
  }
  return out;
}

constexpr Page kPages[] = {
    {"scenarios", "Shipped scenarios", list_scenarios},
    {"rules", "Rules of the quiesce contract", list_rules},
    {"contract", "The quiesce contract", list_contract},
    {"params", "Scenario parameters", list_params},
    {"steps", "Scenario steps", list_steps},
    {"faults", "Faults", list_faults},
    {"signals", "Wave signals", list_signals},
    {"doors", "Doors for hostile bytes", list_doors},
    {"corruptions", "Ways to spoil a state image", list_corruptions},
};

}  // namespace

std::string list_topics() {
  std::string topics;
  for (const Page& page : kPages) {
    topics += (topics.empty() ? "" : " ") + std::string(page.topic);
  }
  return topics;
}

std::string list(const std::string& topic, bool markdown) {
  for (const Page& page : kPages) {
    if (topic == page.topic) {
      const std::string head =
          markdown
              ? fmt::format("# {}\n\nPrinted by `vfsim list {} --markdown`.\n", page.title, topic)
              : "";
      return head + page.print(markdown);
    }
  }
  return "";
}

}  // namespace vfsim::bench
