// Parameters of guests and traffic.
#pragma once

#include <cstdint>
#include <string>

namespace vfsim::bench {

struct WorkloadParams {
#define PARAM(type, field, def, min, max, unit, doc) type field = def;
#define TEXT(field, def, doc) std::string field = def;
#include "testbench/workload/workload_params.def"
#undef PARAM
#undef TEXT

  /// VFs of all guests.
  [[nodiscard]] std::uint32_t vfs() const { return guests * vfs_per_guest; }
};

}  // namespace vfsim::bench
