#include "systemc/memory/host_memory.hpp"

#include <sys/mman.h>

#include <cstring>
#include <stdexcept>
#include <string>

namespace vfsim::model {

namespace {

constexpr std::uint64_t kPagesPerWord = 64;

std::uint64_t bitmap_bytes(std::uint64_t bytes) {
  const std::uint64_t pages = (bytes >> HostMemory::kPageShift) + 1;
  return (pages + kPagesPerWord - 1) / kPagesPerWord * sizeof(std::uint64_t);
}

void* reserve(std::uint64_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    throw std::runtime_error("host memory: the operating system refuses to reserve " + std::to_string(bytes) +
                             " bytes of address space");
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

bool HostMemory::read(std::uint64_t phys, void* to, std::size_t count) const {
  if (!contains(phys, count)) {
    return false;
  }
  if (count != 0) {
    std::memcpy(to, base_ + phys, count);
  }
  return true;
}

bool HostMemory::write(std::uint64_t phys, const void* from, std::size_t count) {
  if (!contains(phys, count)) {
    return false;
  }
  if (count != 0) {
    std::memcpy(base_ + phys, from, count);
    touch(phys, count);
  }
  return true;
}

bool HostMemory::touched(std::uint64_t phys) const {
  const std::uint64_t page = phys >> kPageShift;
  return phys < bytes_ && (touched_[page / kPagesPerWord] >> page % kPagesPerWord & 1U) != 0;
}

std::uint8_t* HostMemory::view(std::uint64_t phys, std::size_t count) {
  return contains(phys, count) ? base_ + phys : nullptr;
}

void HostMemory::touch(std::uint64_t phys, std::size_t count) {
  if (count == 0 || !contains(phys, count)) {
    return;
  }
  const std::uint64_t last = (phys + count - 1) >> kPageShift;
  for (std::uint64_t page = phys >> kPageShift; page <= last; ++page) {
    touched_[page / kPagesPerWord] |= 1ULL << page % kPagesPerWord;
  }
}

}  // namespace vfsim::model
