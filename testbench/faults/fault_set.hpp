// Deliberate defects by name: rows of firmware/interface/faults.def (contract::kFaults).
#pragma once

#include <string>
#include <vector>

#include "firmware/interface/faults.h"
#include "host_driver/platform/result.hpp"

namespace vfsim::bench {

/// The set of a list of names. EINVAL with one line: the unknown name,
/// the nearest one, all known ones.
[[nodiscard]] driver::Result<vf_fault_set> parse_faults(const std::vector<std::string>& names);

}  // namespace vfsim::bench
