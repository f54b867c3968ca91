// Memory of a simulated host that is memory of another process.
#pragma once

#include <cstdint>

#include "systemc/memory/host_memory.hpp"

namespace vfsim::bench {

/// From now on [phys, phys + bytes) is that part of a file: the guest that has it mapped, too, and the
/// models see each other's writes. Offset and range are multiples of the page size; the descriptor
/// may be closed afterwards. Counts as touched. False: the range does not fit, or the operating
/// system refuses; nothing has changed then.
[[nodiscard]] bool map_file(model::HostMemory& memory, int file, std::uint64_t offset,
                            std::uint64_t phys, std::uint64_t bytes);

}  // namespace vfsim::bench
