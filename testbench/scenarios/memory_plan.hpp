// Sizes of the simulated hosts' and guests' memory, as far as they follow from parameters.
#pragma once

#include <cstdint>

namespace vfsim::bench {

inline constexpr std::uint64_t kMiB = 1ULL << 20;
/// Host drivers allocate from here; guests' memory lies behind.
inline constexpr std::uint64_t kDriverMemory = 16 * kMiB;
inline constexpr std::uint64_t kDriverMemoryBytes = 2048 * kMiB;
inline constexpr std::uint64_t kGuestMemory = kDriverMemory + kDriverMemoryBytes;

inline constexpr std::uint32_t kEthernetHeader = 14;

/// Frame buffer of a guest's driver: longest frame with two VLAN tags; half a page or whole pages.
constexpr std::uint32_t frame_buffer_bytes(std::uint32_t mtu) {
  const std::uint32_t frame = mtu + kEthernetHeader + 8;
  return frame <= 2048 ? 2048 : (frame + 4095) / 4096 * 4096;
}

/// What a guest's driver allocates: frame buffers, rings with completion queues, and the rest
/// (event queues, command queue with mailboxes, firmware pages; measured, rounded up).
constexpr std::uint64_t guest_driver_bytes(std::uint32_t log_sq, std::uint32_t log_rq,
                                           std::uint32_t mtu) {
  const std::uint64_t slots = (1ULL << log_sq) + (1ULL << log_rq);
  constexpr std::uint64_t kRingBytes = 128;  // request and completion
  return slots * (frame_buffer_bytes(mtu) + kRingBytes) + 3 * kMiB;
}

}  // namespace vfsim::bench
