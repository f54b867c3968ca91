#include "systemc/memory/host_memory.hpp"

#include <stdexcept>
#include <string>
#include <sys/mman.h>

namespace vfsim::model {

namespace {

std::uint64_t bitmap_bytes(std::uint64_t bytes) {
  const std::uint64_t pages = (bytes >> HostMemory::kPageShift) + 1;
  return (pages + HostMemory::kPagesPerWord - 1) / HostMemory::kPagesPerWord *
         sizeof(std::uint64_t);
}

void* reserve(std::uint64_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    throw std::runtime_error("host memory: the operating system refuses to reserve " +
                             std::to_string(bytes) + " bytes of address space");
  }
  // Huge pages would make every touched page cost 2 MiB.
  madvise(at, bytes, MADV_NOHUGEPAGE);
  return at;
}

}  // namespace

HostMemory::HostMemory(std::uint64_t bytes) : bytes_(bytes) {
  base_ = static_cast<std::uint8_t*>(reserve(bytes_));
  try {
    touched_ = static_cast<std::uint64_t*>(reserve(bitmap_bytes(bytes_)));
  } catch (...) {
    munmap(base_, bytes_);
    throw;
  }
}

HostMemory::~HostMemory() {
  munmap(touched_, bitmap_bytes(bytes_));
  munmap(base_, bytes_);
}

bool HostMemory::touched(std::uint64_t phys) const {
  const std::uint64_t page = phys >> kPageShift;
  return phys < bytes_ && (touched_[page / kPagesPerWord] >> page % kPagesPerWord & 1U) != 0;
}

}  // namespace vfsim::model
