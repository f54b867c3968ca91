// Deliberate defects below a driver: accesses that it forgets, frames that it hands on twice.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "firmware/interface/faults.h"
#include "host_driver/platform/platform.hpp"

namespace vfsim::bench {

/// The function of a guest's VF driver that forgets doorbells (fault doorbells_forgotten).
/// @param platform  outlives the answer
/// @return nothing if `faults` (VF_FAULT_* bits) has no such defect
[[nodiscard]] std::unique_ptr<driver::Platform> make_faulty_guest_platform(
    driver::Platform& platform, vf_fault_set faults);

/// The function of a VF migration driver that does not restore which message an interrupt vector
/// sends (fault vector_map_not_restored). As above.
[[nodiscard]] std::unique_ptr<driver::Platform> make_faulty_vf_platform(driver::Platform& platform,
                                                                        vf_fault_set faults);

using FrameHandler = std::function<void(const std::uint8_t* frame, std::uint32_t length)>;

/// Hands every 64th frame on twice (fault frame_delivered_twice).
[[nodiscard]] FrameHandler twice_now_and_then(FrameHandler handler);

}  // namespace vfsim::bench
