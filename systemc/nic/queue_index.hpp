// Indices of completion and event queues.
#pragma once

#include <cstdint>

namespace vfsim::model {

/// Producer and consumer count on in 24 bits, whatever the size of the queue.
inline constexpr std::uint32_t kIndexMask = 0xffffff;

}  // namespace vfsim::model
