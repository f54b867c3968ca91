// Sparse physical memory of a host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vfsim::model {

/// Byte-addressed memory from 0 to bytes(). Untouched pages read as zero and cost nothing (an
/// anonymous mapping of the operating system is the sparse store). Out-of-range accesses return
/// false and change nothing.
class HostMemory {
 public:
  static constexpr std::uint32_t kPageShift = 12;
  static constexpr std::uint32_t kPagesPerWord = 64;  // of the map of touched pages
  /// Throws std::runtime_error when the address space cannot be reserved.
  explicit HostMemory(std::uint64_t bytes);
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;
  ~HostMemory();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  bool read(std::uint64_t phys, void* to, std::size_t count) const {
    if (!contains(phys, count)) {
      return false;
    }
    if (count != 0) {
      std::memcpy(to, base_ + phys, count);
    }
    return true;
  }
  bool write(std::uint64_t phys, const void* from, std::size_t count) {
    if (!contains(phys, count)) {
      return false;
    }
    if (count != 0) {
      std::memcpy(base_ + phys, from, count);
      touch(phys, count);
    }
    return true;
  }
  /// Whether the page was ever written (so that copying a guest costs only what it uses).
  [[nodiscard]] bool touched(std::uint64_t phys) const;
  /// Direct view for a range inside the memory, nullptr otherwise. Writes through it must be
  /// announced by touch().
  [[nodiscard]] std::uint8_t* view(std::uint64_t phys, std::size_t count) {
    return contains(phys, count) ? base_ + phys : nullptr;
  }
  void touch(std::uint64_t phys, std::size_t count) {
    if (count == 0 || !contains(phys, count)) {
      return;
    }
    const std::uint64_t last = (phys + count - 1) >> kPageShift;
    for (std::uint64_t page = phys >> kPageShift; page <= last; ++page) {
      touched_[page / kPagesPerWord] |= 1ULL << page % kPagesPerWord;
    }
  }

 private:
  [[nodiscard]] bool contains(std::uint64_t phys, std::size_t count) const {
    return count <= bytes_ && phys <= bytes_ - count;
  }

  std::uint8_t* base_ = nullptr;
  std::uint64_t* touched_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace vfsim::model
