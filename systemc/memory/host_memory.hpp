// Sparse physical memory of a host.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vfsim::model {

/// Byte-addressed memory from 0 to bytes(). Untouched pages read as zero and cost nothing (an anonymous mapping of
/// the operating system is the sparse store). Out-of-range accesses return false and change nothing.
class HostMemory {
 public:
  static constexpr std::uint32_t kPageShift = 12;
  /// Throws std::runtime_error when the address space cannot be reserved.
  explicit HostMemory(std::uint64_t bytes);
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;
  ~HostMemory();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  bool read(std::uint64_t phys, void* to, std::size_t count) const;
  bool write(std::uint64_t phys, const void* from, std::size_t count);
  /// Whether the page was ever written (so that copying a guest costs only what it uses).
  [[nodiscard]] bool touched(std::uint64_t phys) const;
  /// Direct view for a range inside the memory, nullptr otherwise. Writes through it must be announced by touch().
  [[nodiscard]] std::uint8_t* view(std::uint64_t phys, std::size_t count);
  void touch(std::uint64_t phys, std::size_t count);

 private:
  [[nodiscard]] bool contains(std::uint64_t phys, std::size_t count) const {
    return count <= bytes_ && phys <= bytes_ - count;
  }

  std::uint8_t* base_ = nullptr;
  std::uint64_t* touched_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace vfsim::model
