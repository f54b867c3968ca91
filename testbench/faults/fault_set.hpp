// Deliberate defects by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host_driver/platform/result.hpp"

namespace vfsim::bench {

/// One row of firmware/interface/faults.def.
struct FaultInfo {
  std::string_view name;
  std::string_view layer;  // "firmware", "nic", "driver"
  std::string_view rule;   // the one expected to catch it
  std::string_view doc;
  std::uint64_t bit = 0;  // in a fault set
};

/// The table, in its order (`vfsim list faults`).
[[nodiscard]] const std::vector<FaultInfo>& fault_table();

/// Fault set of a list of names. EINVAL with one line: the unknown name, the nearest one, all known
/// ones.
[[nodiscard]] driver::Result<std::uint64_t> parse_faults(const std::vector<std::string>& names);

/// Names of a set, in table order.
[[nodiscard]] std::vector<std::string_view> fault_names(std::uint64_t set);

}  // namespace vfsim::bench
