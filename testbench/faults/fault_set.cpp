#include "testbench/faults/fault_set.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "firmware/interface/fault_table.hpp"
#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {

driver::Result<vf_fault_set> parse_faults(const std::vector<std::string>& names) {
  vf_fault_set set{};
  for (const std::string& name : names) {
    const auto* row = std::find_if(std::begin(contract::kFaults), std::end(contract::kFaults),
                                   [&](const contract::FaultRow& f) { return f.name == name; });
    if (row == std::end(contract::kFaults)) {
      std::string known;
      for (const contract::FaultRow& f : contract::kFaults) {
        known += (known.empty() ? "" : " ") + std::string(f.name);
      }
      return driver::fail(EINVAL, fmt::format("unknown fault '{}'{}; allowed are {}", name,
                                              did_you_mean(name, known), comma_list(known)));
    }
    set = vf_fault_with(set, static_cast<enum vf_fault>(row - std::begin(contract::kFaults)));
  }
  return set;
}

}  // namespace vfsim::bench
