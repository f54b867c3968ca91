// Byte order and check sum helpers of the host's own formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "host_driver/platform/platform.hpp"

namespace vfsim::driver {

[[nodiscard]] constexpr std::uint32_t swap32(std::uint32_t v) {
  return v << 24 | (v & 0xff00U) << 8 | (v >> 8 & 0xff00U) | v >> 24;
}

/// Registers that are little-endian on the bus (MSI-X table, peer device), through a Platform that
/// expects big-endian.
[[nodiscard]] inline std::uint32_t read_le32(Platform& function, std::uint64_t offset) {
  return swap32(function.read32(offset));
}
inline void write_le32(Platform& function, std::uint64_t offset, std::uint32_t value) {
  function.write32(offset, swap32(value));
}

/// Byte-wise little-endian access, for streams and structures outside of the device's big-endian
/// world.
template <class T>
[[nodiscard]] inline T le_load(const std::uint8_t* from) {
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) {
    value = static_cast<T>(static_cast<T>(value << (sizeof(T) > 1 ? 8 : 0)) | from[i]);
  }
  return value;
}
template <class T>
inline void le_store(std::uint8_t* to, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    to[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}
template <class T>
inline void le_append(std::vector<std::uint8_t>& to, T value) {
  to.resize(to.size() + sizeof(T));
  le_store(to.data() + to.size() - sizeof(T), value);
}

/// CRC-32C (Castagnoli).
[[nodiscard]] std::uint32_t crc32c(const std::uint8_t* data, std::size_t bytes);

}  // namespace vfsim::driver
