// Deliberate defects of the VMM: what it does to the guest and to its devices in a wrong way.
#pragma once

#include <cstdint>
#include <memory>

#include "firmware/interface/faults.h"
#include "host_driver/vmm/environment.hpp"

namespace vfsim::bench {

enum class VmmSide : std::uint8_t { source, destination };

/// A guest that stands between the VMM's procedure and the real one, and breaks what the rows of
/// the layer `vmm` say: pages, their log, and the order in which devices change their states.
/// @param guest  outlives the answer
/// @return nothing if `faults` (VF_FAULT_* bits) has no such defect
[[nodiscard]] std::unique_ptr<driver::GuestVm> make_faulty_guest_vm(driver::GuestVm& guest,
                                                                    VmmSide side,
                                                                    vf_fault_set faults);

}  // namespace vfsim::bench
