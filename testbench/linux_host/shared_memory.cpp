#include "testbench/linux_host/shared_memory.hpp"

#include <sys/mman.h>

namespace vfsim::bench {

bool map_file(model::HostMemory& memory, int file, std::uint64_t offset, std::uint64_t phys,
              std::uint64_t bytes) {
  constexpr std::uint64_t kPageMask = (1ULL << model::HostMemory::kPageShift) - 1;
  std::uint8_t* at = bytes == 0 ? nullptr : memory.view(phys, bytes);
  if (at == nullptr || ((offset | phys | bytes) & kPageMask) != 0 ||
      mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
           static_cast<off_t>(offset)) == MAP_FAILED) {
    return false;
  }
  memory.touch(phys, bytes);
  return true;
}

}  // namespace vfsim::bench
