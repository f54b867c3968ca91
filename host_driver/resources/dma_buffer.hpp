// A piece of DMA memory that frees itself.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "firmware/interface/layout.h"
#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

/// Page aligned, zeroed, contiguous for the device. The device must have no use of it any more when
/// it is destroyed.
class DmaBuffer {
 public:
  DmaBuffer() = default;
  /// ENOMEM.
  [[nodiscard]] static Result<DmaBuffer> allocate(Platform& platform, std::size_t bytes);
  ~DmaBuffer() { reset(); }
  DmaBuffer(DmaBuffer&& other) noexcept { *this = std::move(other); }
  DmaBuffer& operator=(DmaBuffer&& other) noexcept;
  DmaBuffer(const DmaBuffer&) = delete;
  DmaBuffer& operator=(const DmaBuffer&) = delete;

  [[nodiscard]] std::uint64_t address() const { return address_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Addresses of its first `bytes` bytes' pages; all pages without an argument.
  [[nodiscard]] std::vector<std::uint64_t> pages(
      std::optional<std::size_t> bytes = std::nullopt) const;
  void write(std::size_t offset, const void* from, std::size_t bytes) {
    platform_->mem_write(address_ + offset, from, bytes);
  }
  void read(std::size_t offset, void* to, std::size_t bytes) const {
    platform_->mem_read(address_ + offset, to, bytes);
  }
  void write_be32(std::size_t offset, std::uint32_t value);
  void reset();

 private:
  Platform* platform_ = nullptr;
  std::uint64_t address_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace vfsim::driver
