// Where things lie in an entry of a command queue, in bytes.
#pragma once

#include <cstdint>

#include "firmware/interface/layout.h"

namespace vfsim::bench {

inline constexpr std::uint32_t kCommandEntry = VF_BYTES(cmd_queue_entry);
inline constexpr std::uint32_t kCommandOutput = VF_OFF(cmd_queue_entry, command_output_inline_data) / 8;

}  // namespace vfsim::bench
