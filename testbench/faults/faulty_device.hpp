// Deliberate defects of the VF migration driver, as user space would meet them.
#pragma once

#include <cstdint>
#include <memory>

#include "firmware/interface/faults.h"
#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::bench {

/// A device that stands between the driver and whoever watches it, and breaks what the rows of the
/// layer `driver` say about descriptors, pre-copy sizes, states and resets.
/// @param device  outlives the answer
/// @return nothing if `faults` (VF_FAULT_* bits) has no such defect
[[nodiscard]] std::unique_ptr<driver::VfioDevice> make_faulty_device(driver::VfioDevice& device,
                                                                     vf_fault_set faults);

}  // namespace vfsim::bench
