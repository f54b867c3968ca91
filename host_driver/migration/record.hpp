// The records of a migration stream. Little-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "host_driver/migration/bytes.hpp"

namespace vfsim::driver {

/// Header of a record: payload bytes (8), flags (4), tag (4).
/// Source: mlx5 device interface section 6.6.
struct RecordHeader {
  static constexpr std::size_t kBytes = 16;
  static constexpr std::uint32_t kOptional = 1;  // flags: an unknown tag may be skipped
  static constexpr std::uint32_t kFwData = 0;    // tag: image bytes of one SAVE
  static constexpr std::uint32_t kStopCopySize =
      1;  // tag: 8 bytes, expected bytes of the stop-copy buffer

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
