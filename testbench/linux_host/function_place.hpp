// Where a function of the simulated machine is.
#pragma once

#include <cstdint>

#include "systemc/pcie/host.hpp"

namespace vfsim::bench {

/// Its BAR0 is a window of its host.
struct FunctionPlace {
  model::Host* host = nullptr;
  model::Rid rid = 0;
  std::uint64_t window = 0;
  std::uint64_t window_bytes = 0;
};

}  // namespace vfsim::bench
