// The floor that speeds are compared with: the same DMA load without any simulator.
#pragma once

#include <cstdint>

namespace vfsim::bench {

/// User CPU time of this process, seconds.
[[nodiscard]] double cpu_seconds();

/// Three 256-byte writes to one 512-byte read, 64 outstanding, link and memory latency kept in a heap, payload
/// copied. Returns operations per CPU second.
[[nodiscard]] double raw_loop(std::uint64_t operations);

}  // namespace vfsim::bench
