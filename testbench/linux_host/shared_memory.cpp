#include "testbench/linux_host/shared_memory.hpp"

#include <sys/mman.h>

namespace vfsim::bench {
namespace {

bool map_at(std::uint8_t* at, std::uint64_t bytes, int flags, int file, std::uint64_t offset) {
  return mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, file,
              static_cast<off_t>(offset)) != MAP_FAILED;
}

}  // namespace

bool map_file(model::HostMemory& memory, int file, std::uint64_t offset, std::uint64_t phys,
              std::uint64_t bytes) {
  constexpr std::uint64_t kPageMask = (1ULL << model::HostMemory::kPageShift) - 1;
  std::uint8_t* at = bytes == 0 ? nullptr : memory.view(phys, bytes);
  return at != nullptr && ((offset | phys | bytes) & kPageMask) == 0 &&
         map_at(at, bytes, MAP_SHARED, file, offset);
}

bool map_own(model::HostMemory& memory, std::uint64_t phys, std::uint64_t bytes) {
  std::uint8_t* at = bytes == 0 ? nullptr : memory.view(phys, bytes);
  const bool mapped =
      at != nullptr && map_at(at, bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped) {
    use_big_pages(memory, phys, bytes);
  }
  return mapped;
}

void use_big_pages(model::HostMemory& memory, std::uint64_t phys, std::uint64_t bytes) {
  (void)madvise(memory.view(phys, bytes), bytes, MADV_HUGEPAGE);
}

}  // namespace vfsim::bench
