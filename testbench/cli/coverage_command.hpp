// vfsim coverage: what regressions and runs covered of the protocol.
#pragma once

#include <string>
#include <vector>

namespace vfsim::bench {

struct CoverageCommand {
  std::vector<std::string> paths;  // folders of --out, or files: results of regressions or of runs
  std::string json;                // file for the whole as JSON; "" none
};

/// Prints sum, holes, groups, and rules by scenario.
/// @return kHeld; kViolated if a bin was hit that the model leaves out; kBadInput
[[nodiscard]] int coverage_command(const CoverageCommand& command);

}  // namespace vfsim::bench
