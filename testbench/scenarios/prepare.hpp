// From what a user names to a scenario that can run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {

/// One run as it is asked for on a command line.
struct RunRequest {
  std::string scenario;                // file, or name of a shipped one
  std::vector<std::string> overrides;  // --set: "group.name=value"
  std::vector<std::string> faults;     // --fault: names
  std::uint64_t seed = 1;
};

/// Finds and loads the file, applies overrides and faults, draws what [random] leaves open, and
/// checks the whole. False: `error` is one line.
[[nodiscard]] bool prepare(const RunRequest& request, Scenario& scenario, std::string& error);

}  // namespace vfsim::bench
