// The defects of layer `bus` by name.
#pragma once

#include <memory>

#include "testbench/faults/faulty_port.hpp"

namespace vfsim::bench {

/// The defect behind a row of faults.def (VF_FAULT_*); null for rows of other layers.
[[nodiscard]] std::unique_ptr<BusFault> make_bus_fault(enum vf_fault fault, FaultyPort& port);

}  // namespace vfsim::bench
