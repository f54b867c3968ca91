#include "testbench/scenarios/prepare.hpp"

#include <algorithm>

#include "testbench/scenarios/random.hpp"

namespace vfsim::bench {
namespace {

bool override_all(const RunRequest& request, Scenario& scenario, std::string& error) {
  const auto apply = [&](const std::string& assignment) {
    return apply_override(assignment, scenario, error);
  };
  return std::all_of(request.overrides.begin(), request.overrides.end(), apply) &&
         std::all_of(request.faults.begin(), request.faults.end(),
                     [&](const std::string& fault) { return apply("faults=" + fault); });
}

}  // namespace

bool prepare(const RunRequest& request, Scenario& scenario, std::string& error) {
  const std::string path = find_scenario(request.scenario, error);
  return !path.empty() && load(path, scenario, error) && override_all(request, scenario, error) &&
         draw(scenario, request.seed, error);
}

}  // namespace vfsim::bench
