#include "testbench/faults/fault_set.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "firmware/interface/fault_table.hpp"
#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {

driver::Result<std::uint64_t> parse_faults(const std::vector<std::string>& names) {
  std::uint64_t set = 0;
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
    set |= std::uint64_t{1} << (row - std::begin(contract::kFaults));
  }
  return set;
}

}  // namespace vfsim::bench
