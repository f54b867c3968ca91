// The records of a migration stream. Little-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace vfsim::driver {

/// Byte-wise little-endian access, for streams and structures outside of the device's big-endian world.
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

/// Header of a record: payload bytes (8), flags (4), tag (4).
/// Source: mlx5 device interface section 6.6.
struct RecordHeader {
  static constexpr std::size_t kBytes = 16;
  static constexpr std::uint32_t kOptional = 1;      // flags: an unknown tag may be skipped
  static constexpr std::uint32_t kFwData = 0;        // tag: image bytes of one SAVE
  static constexpr std::uint32_t kStopCopySize = 1;  // tag: 8 bytes, expected bytes of the stop-copy buffer

  std::uint64_t bytes = 0;
  std::uint32_t flags = 0;
  std::uint32_t tag = kFwData;

  [[nodiscard]] std::array<std::uint8_t, kBytes> encode() const;
  [[nodiscard]] static RecordHeader decode(const std::uint8_t* from);
};

inline constexpr std::size_t kStopCopySizePayload = 8;
/// Most bytes of one record that a target takes.
inline constexpr std::uint64_t kMaxLoadBytes = 0xffffffffULL;

/// A complete STOP_COPY_SIZE record (24 bytes).
[[nodiscard]] std::vector<std::uint8_t> stop_copy_size_record(std::uint64_t expected_bytes);

}  // namespace vfsim::driver
