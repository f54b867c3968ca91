// Byte order and check sum helpers of the host's own formats.
#pragma once

#include <cstddef>
#include <cstdint>

#include "host_driver/platform/platform.hpp"

namespace vfsim::driver {

[[nodiscard]] constexpr std::uint32_t swap32(std::uint32_t v) {
  return v << 24 | (v & 0xff00U) << 8 | (v >> 8 & 0xff00U) | v >> 24;
}

/// Registers that are little-endian on the bus (MSI-X table, peer device), through a Platform that expects big-endian.
[[nodiscard]] inline std::uint32_t read_le32(Platform& function, std::uint64_t offset) {
  return swap32(function.read32(offset));
}
inline void write_le32(Platform& function, std::uint64_t offset, std::uint32_t value) {
  function.write32(offset, swap32(value));
}

/// CRC-32C (Castagnoli).
[[nodiscard]] std::uint32_t crc32c(const std::uint8_t* data, std::size_t bytes);

}  // namespace vfsim::driver
