#include "testbench/cli/faults_command.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <thread>
#include <unistd.h>

#include "testbench/cli/fault_verdict.hpp"
#include "testbench/cli/interrupt.hpp"
#include "testbench/cli/outputs.hpp"
#include "testbench/cli/run_command.hpp"
#include "testbench/faults/fault_set.hpp"
#include "testbench/regress/pool.hpp"

namespace vfsim::bench {
namespace {

constexpr double kLimitS = 60;  // a run takes a fraction of a second; this one hangs

std::vector<CataloguedFault> chosen(const std::vector<std::string>& names) {
  std::vector<CataloguedFault> faults = fault_catalogue();
  if (!names.empty()) {
    faults.erase(std::remove_if(faults.begin(), faults.end(),
                                [&](const CataloguedFault& fault) {
                                  return std::find(names.begin(), names.end(), fault.name) ==
                                         names.end();
                                }),
                 faults.end());
  }
  return faults;
}

std::vector<Case> cases_of(const std::vector<CataloguedFault>& faults, std::uint64_t seed) {
  std::vector<Case> cases;
  for (const CataloguedFault& fault : faults) {
    cases.push_back(
        {{std::string(fault.scenario), fault.overrides, {std::string(fault.name)}, seed},
         std::string(fault.name),
         kLimitS});
  }
  return cases;
}

std::vector<CaseResult> run(const std::vector<Case>& cases, unsigned jobs) {
  PoolOptions options;
  options.jobs = jobs != 0 ? jobs : std::max(1U, std::thread::hardware_concurrency());
  options.stop = &interrupted();
  std::size_t ended = 0;
  if (::isatty(STDERR_FILENO) != 0) {
    options.done = [&](const CaseResult&) {
      ++ended;
      fmt::print(stderr, "\rfault {} of {}{}", ended, cases.size(),
                 ended == cases.size() ? "\r\033[K" : "");
    };
  }
  let_end({SIGINT}, SecondSignal::kills);
  return run_cases(cases, options);
}

}  // namespace

int faults_command(const FaultsCommand& command) {
  if (const auto known = parse_faults(command.names); !known) {
    return bad_input("faults: " + known.error().text);
  }
  Outputs outputs;
  outputs.file("--json", command.json);
  std::string error;
  if (!outputs.prepare(error)) {
    return bad_input(error);
  }
  const bool whole = command.names.empty();
  const std::vector<CataloguedFault> faults = chosen(command.names);
  const std::vector<CaseResult> results = run(cases_of(faults, command.seed), command.jobs);
  std::vector<FaultVerdict> verdicts;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    verdicts.push_back(judge(faults[i], results[i]));
  }
  fmt::print("{}", fault_table(verdicts, whole));
  if (!command.json.empty() &&
      !write_file(command.json, fault_json(verdicts, command.seed, whole), error)) {
    return bad_input(error);
  }
  return all_caught(verdicts, whole) ? kHeld : kViolated;
}

}  // namespace vfsim::bench
