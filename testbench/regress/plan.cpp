#include "testbench/regress/plan.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <string_view>
#include <system_error>

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

/// The name under which `vfsim run` finds it.
std::string short_name(const std::string& path) {
  const auto shipped = shipped_scenarios();
  const bool ours = std::find(shipped.begin(), shipped.end(), path) != shipped.end();
  return ours ? fs::path(path).stem().string() : path;
}

bool add_folder(const std::string& folder, std::vector<std::string>& paths, std::string& error) {
  std::error_code code;
  const std::size_t before = paths.size();
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    if (entry.path().extension() == ".toml") {
      paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin() + static_cast<std::ptrdiff_t>(before), paths.end());
  if (code || paths.size() == before) {
    error = fmt::format("{}: no scenario file (*.toml) in this folder", folder);
    return false;
  }
  return true;
}

/// As a shell takes it for one word.
std::string quoted(const std::string& word) {
  const auto plain = [](char c) {
    constexpr std::string_view kOthers = "_-+.,:/=@%";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) {
    return word;
  }
  std::string out = "'";
  for (const char c : word) {
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out + "'";
}

}  // namespace

bool find_scenarios(const std::vector<std::string>& paths, std::vector<std::string>& scenarios,
                    std::string& error) {
  std::vector<std::string> files = paths.empty() ? shipped_scenarios() : std::vector<std::string>();
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      if (!add_folder(path, files, error)) {
        return false;
      }
    } else {
      files.push_back(find_scenario(path, error));
      if (files.back().empty()) {
        return false;
      }
    }
  }
  for (const std::string& file : files) {
    const std::string name = short_name(file);
    if (std::find(scenarios.begin(), scenarios.end(), name) == scenarios.end()) {
      scenarios.push_back(name);
    }
  }
  return true;
}

std::size_t total_cases(const Plan& plan) {
  return plan.scenarios.size() * plan.seeds;
}

std::vector<Case> cases_of(const Plan& plan) {
  std::vector<Case> cases;
  for (std::size_t id = plan.shard - 1; id < total_cases(plan); id += plan.shards) {
    Case c;
    c.id = id;
    c.run.scenario = plan.scenarios[id % plan.scenarios.size()];
    c.run.seed = plan.first_seed + id / plan.scenarios.size();
    c.run.overrides = plan.overrides;
    c.run.faults = plan.faults;
    c.label = fmt::format("{} seed {}", c.run.scenario, c.run.seed);
    c.limit_s = plan.limit_s;
    cases.push_back(std::move(c));
  }
  return cases;
}

std::string replay_command(const RunRequest& run) {
  return fmt::format("./vfsim run {} --seed {}{}", quoted(run.scenario), run.seed, changes_in_words(run));
}

std::string changes_in_words(const RunRequest& run) {
  std::string out;
  for (const std::string& assignment : run.overrides) {
    out += " --set " + quoted(assignment);
  }
  for (const std::string& fault : run.faults) {
    out += " --fault " + quoted(fault);
  }
  return out;
}

}  // namespace vfsim::bench
