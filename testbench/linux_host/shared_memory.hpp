// Memory of a simulated host that is memory of another process.
#pragma once

#include <cstdint>

#include "systemc/memory/host_memory.hpp"

namespace vfsim::bench {

/// From now on [phys, phys + bytes) is that part of a file: the guest that has it mapped, too, and
/// the models see each other's writes. Offset and range are multiples of the page size; the
/// descriptor may be closed afterwards. What the other process writes does not count as touched.
/// False: the range does not fit, or the operating system refuses; nothing has changed then.
[[nodiscard]] bool map_file(model::HostMemory& memory, int file, std::uint64_t offset,
                            std::uint64_t phys, std::uint64_t bytes);

/// From now on the range, which begins and ends with pages, is the host's own memory: zeros. False:
/// as above.
[[nodiscard]] bool map_own(model::HostMemory& memory, std::uint64_t phys, std::uint64_t bytes);

/// Much of the range will be written soon: where the operating system has big pages, a first write
/// costs less. The same range.
void use_big_pages(model::HostMemory& memory, std::uint64_t phys, std::uint64_t bytes);

}  // namespace vfsim::bench
