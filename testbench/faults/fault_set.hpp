// Deliberate defects by name: rows of firmware/interface/faults.def (contract::kFaults).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host_driver/platform/result.hpp"

namespace vfsim::bench {

/// Fault set (bit VF_FAULT_* of each) of a list of names. EINVAL with one line: the unknown name,
/// the nearest one, all known ones.
[[nodiscard]] driver::Result<std::uint64_t> parse_faults(const std::vector<std::string>& names);

}  // namespace vfsim::bench
