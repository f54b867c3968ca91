// The catalogue of deliberate defects: what each is, and the run that gives it the occasion to
// show.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vfsim::bench {

/// A row of firmware/interface/faults.def and its row of testbench/faults/fault_runs.def.
struct CataloguedFault {
  std::string_view name;
  std::string_view layer;
  std::string_view rule;  // the one that must catch it
  std::string_view doc;
  std::string_view scenario;           // "" when fault_runs.def has no row
  std::vector<std::string> overrides;  // as for --set
};

/// In the order of faults.def.
[[nodiscard]] std::vector<CataloguedFault> fault_catalogue();

/// "migrate --set a.b=1": arguments of the run, without the fault.
[[nodiscard]] std::string occasion(const CataloguedFault& fault);

}  // namespace vfsim::bench
