// The door `scenario`: the text of a scenario file, and --set overrides. A case is the text; lines
// behind a zero byte are overrides.
#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

#include "testbench/fuzz/mutate.hpp"
#include "testbench/fuzz/readers.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/params.hpp"
#include "testbench/scenarios/scenario.hpp"
#include "testbench/scenarios/steps.hpp"

namespace vfsim::bench {
namespace {

constexpr const char* kPath = "case.toml";
constexpr std::size_t kMostOverrides = 8;

bool read_scenario(const std::string& text, const std::vector<std::string>& overrides,
                   std::string& error) {
  Scenario scenario;
  return parse(text, kPath, scenario, error) &&
         std::all_of(overrides.begin(), overrides.end(),
                     [&](const std::string& o) { return apply_override(o, scenario, error); }) &&
         check(scenario, error);
}

/// "case.toml:3:14: what": the place of an error line and whether it has one.
bool has_place(const std::string& error) {
  const std::string file = std::string(kPath) + ":";
  return error.compare(0, file.size(), file) == 0 || error.compare(0, 6, "--set ") == 0 ||
         error.compare(0, 8, "--fault ") == 0;
}

/// What an error line is about, without the values in it: all words of letters up to the second
/// colon and the first quote.
std::string kind_of(const std::string& error) {
  std::size_t at = 0;
  if (error.compare(0, 2, "--") == 0) {
    at = std::min(error.find(": "), error.size());
  } else {
    at = std::min(error.find(": "), error.size());
  }
  std::string kind = error.compare(0, 2, "--") == 0 ? "--set" : "file";
  std::istringstream words(error.substr(at));
  std::size_t count = 0;
  for (std::string word; words >> word && count < 4;) {
    if (std::all_of(word.begin(), word.end(),
                    [](unsigned char c) { return std::isalpha(c) != 0; })) {
      kind += " " + word;
      ++count;
    }
  }
  return kind;
}

class ScenarioDoor final : public Door {
 public:
  explicit ScenarioDoor(ScenarioReader reader) : reader_(std::move(reader)) {
    for (const std::string& path : shipped_scenarios()) {
      std::ostringstream text;
      text << std::ifstream(path).rdbuf();
      texts_.push_back(text.str());
    }
    texts_.emplace_back(
        "[nic]\nvfs = 4\n[workload]\nguests = 2\nreplay_guests = 0\npackets = 10\n"
        "[faults]\nenable = [\"tx_duplicated\"]\n");
  }

  CaseBytes make(CaseRandom& random) override {
    std::string text = texts_[below(random, texts_.size())];
    for (std::uint64_t more = below(random, 4); more > 0; --more) {
      change(random, text);
    }
    CaseBytes bytes(text.begin(), text.end());
    if (chance(random, 25)) {
      spoil(random, bytes);
    }
    for (std::uint64_t more = below(random, 3); more > 0; --more) {
      const std::string line = override_of(random);
      bytes.push_back(
          bytes.empty() || std::find(bytes.begin(), bytes.end(), 0) == bytes.end() ? 0 : '\n');
      bytes.insert(bytes.end(), line.begin(), line.end());
    }
    return bytes;
  }

  DoorOutcome run(const CaseBytes& bytes) override {
    const auto zero = std::find(bytes.begin(), bytes.end(), 0);
    const std::string text(bytes.begin(), zero);
    std::vector<std::string> overrides;
    if (zero != bytes.end()) {
      std::istringstream lines(std::string(zero + 1, bytes.end()));
      for (std::string line; overrides.size() < kMostOverrides && std::getline(lines, line);) {
        overrides.push_back(line);
      }
    }
    std::string error;
    if (reader_(text, overrides, error)) {
      return {true, "OK", ""};
    }
    DoorOutcome out{false, kind_of(error), ""};
    const auto control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    if (error.empty()) {
      out.finding = "refused without a word";
    } else if (std::any_of(error.begin(), error.end(), control)) {
      out.finding = "the error is not one line of text";
    } else if (!has_place(error)) {
      out.finding = "the error says not where: " + error.substr(0, 200);
    }
    return out;
  }

  std::vector<CaseBytes> seeds() override {
    std::vector<CaseBytes> all;
    for (const std::string& text : texts_) {
      all.emplace_back(text.begin(), text.end());
    }
    return all;
  }

 private:
  static std::string odd_text(CaseRandom& random) {
    static const char* const kTexts[] = {"0",
                                         "-1",
                                         "1",
                                         "127",
                                         "128",
                                         "4294967296",
                                         "18446744073709551616",
                                         "1e308",
                                         "nan",
                                         "-inf",
                                         "0x7fffffffffffffff",
                                         "true",
                                         "\"\"",
                                         "\"2 ms\"",
                                         "\"-1 us\"",
                                         "\"1e30 s\"",
                                         "\"A\"",
                                         "\"B\"",
                                         "\"a\\nb\"",
                                         "\"\\u0000\"",
                                         "\"completed\"",
                                         "[]",
                                         "[1, \"a\"]",
                                         "{}",
                                         "{a = 1}",
                                         "2026-01-01",
                                         "'''x\ny'''",
                                         "\"100 %\"",
                                         "\"4 MiB\"",
                                         "1_000",
                                         "0b11",
                                         "[[[[[[[[]]]]]]]]"};
    if (chance(random, 20)) {
      return std::to_string(odd_value(random, 16, 64));
    }
    return kTexts[below(random, std::size(kTexts))];
  }

  static std::string any_key(CaseRandom& random) {
    const ParamRow& row = param_table()[below(random, param_table().size())];
    return chance(random, 50) ? std::string(row.name) : row.key();
  }

  static std::string override_of(CaseRandom& random) {
    const ParamRow& row = param_table()[below(random, param_table().size())];
    std::string value = odd_text(random);
    value.erase(std::remove(value.begin(), value.end(), '"'), value.end());
    std::replace(value.begin(), value.end(), '\n', ' ');
    std::string line = row.key() + "=" + value;
    if (chance(random, 20)) {
      CaseBytes bytes(line.begin(), line.end());
      spoil(random, bytes);
      line.assign(bytes.begin(), bytes.end());
    }
    return chance(random, 5) ? "faults=" + value : line;
  }

  static std::string new_line(CaseRandom& random) {
    switch (below(random, 6)) {
      case 0: {
        const auto& groups = param_groups();
        return "[" + std::string(groups[below(random, groups.size())].name) + "]";
      }
      case 1:
        return "[[step]]";
      case 2: {
        std::istringstream names(step_names());
        std::vector<std::string> all{std::istream_iterator<std::string>(names), {}};
        return "[[step]]\ndo = \"" + all[below(random, all.size())] + "\"";
      }
      case 3:
        return "\"a\\nb\" = " + odd_text(random);
      case 4:
        return std::string(1 + below(random, 600), '[');
      default:
        return any_key(random) + " = " + odd_text(random);
    }
  }

  /// One line taken out, doubled, added, or given another value.
  static void change(CaseRandom& random, std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      lines.push_back(line);
    }
    const std::size_t at = below(random, lines.size());
    const auto where = lines.begin() + static_cast<std::ptrdiff_t>(at);
    switch (lines.empty() ? 2 : below(random, 5)) {
      case 0:
        lines.erase(where);
        break;
      case 1: {
        const std::string copy = *where;
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(below(random, lines.size())),
                     copy);
        break;
      }
      case 2:
        lines.insert(where, new_line(random));
        break;
      default: {
        const std::size_t equals = where->find('=');
        *where = equals == std::string::npos
                     ? new_line(random)
                     : where->substr(0, equals + 1) + " " + odd_text(random);
        break;
      }
    }
    text.clear();
    for (const std::string& line : lines) {
      text += line + "\n";
    }
  }

  ScenarioReader reader_;
  std::vector<std::string> texts_;
};

}  // namespace

std::unique_ptr<Door> make_scenario_door(const ScenarioReader& reader) {
  return std::make_unique<ScenarioDoor>(reader);
}

std::unique_ptr<Door> make_scenario_door(vf_fault_set) {
  return make_scenario_door(ScenarioReader(read_scenario));
}

}  // namespace vfsim::bench
