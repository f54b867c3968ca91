// Deliberate defects of the migration channel.
#pragma once

#include <cstdint>
#include <memory>

#include "firmware/interface/faults.h"
#include "host_driver/vmm/environment.hpp"

namespace vfsim::bench {

/// The source's end of the channel, or one that says it broke when it delivered the last word
/// (fault finish_called_lost). @param faults  VF_FAULT_* bits
[[nodiscard]] std::unique_ptr<driver::Channel> with_channel_faults(
    std::unique_ptr<driver::Channel> channel, vf_fault_set faults);

}  // namespace vfsim::bench
