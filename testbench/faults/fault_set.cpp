#include "testbench/faults/fault_set.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "firmware/interface/layout.h"
#include "testbench/scenarios/units.hpp"

namespace vfsim::bench {

const std::vector<FaultInfo>& fault_table() {
  static const std::vector<FaultInfo> table = {
#define FAULT(name, layer, rule, doc) \
  {#name, #layer, #rule, doc, std::uint64_t{1} << VF_FAULT_##name},
#include "firmware/interface/faults.def"
#undef FAULT
  };
  return table;
}

driver::Result<std::uint64_t> parse_faults(const std::vector<std::string>& names) {
  std::uint64_t set = 0;
  for (const std::string& name : names) {
    const auto row = std::find_if(fault_table().begin(), fault_table().end(),
                                  [&](const FaultInfo& f) { return f.name == name; });
    if (row != fault_table().end()) {
      set |= row->bit;
      continue;
    }
    const std::string known = fmt::format("{}", fmt::join(fault_names(~std::uint64_t{0}), " "));
    return driver::fail(EINVAL, fmt::format("unknown fault '{}'{}; allowed are {}", name,
                                            did_you_mean(name, known), known));
  }
  return set;
}

std::vector<std::string_view> fault_names(std::uint64_t set) {
  std::vector<std::string_view> names;
  for (const FaultInfo& fault : fault_table()) {
    if ((set & fault.bit) != 0) {
      names.push_back(fault.name);
    }
  }
  return names;
}

}  // namespace vfsim::bench
