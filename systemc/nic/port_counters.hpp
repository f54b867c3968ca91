// Packet and octet counters of a virtual port by kind of destination.
#pragma once

#include <cstdint>

namespace vfsim::model {

[[nodiscard]] inline bool is_multicast(const std::uint8_t* mac) {
  return (mac[0] & 1U) != 0;
}
[[nodiscard]] inline bool is_broadcast(const std::uint8_t* mac) {
  return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff;
}

/// The six counters of one direction.
struct FrameCounters {
  std::uint64_t& unicast_packets;
  std::uint64_t& unicast_octets;
  std::uint64_t& multicast_packets;
  std::uint64_t& multicast_octets;
  std::uint64_t& broadcast_packets;
  std::uint64_t& broadcast_octets;
};

inline void count_frame(const std::uint8_t* frame, std::uint32_t length, const FrameCounters& c) {
  if (!is_multicast(frame)) {
    ++c.unicast_packets;
    c.unicast_octets += length;
  } else if (is_broadcast(frame)) {
    ++c.broadcast_packets;
    c.broadcast_octets += length;
  } else {
    ++c.multicast_packets;
    c.multicast_octets += length;
  }
}

}  // namespace vfsim::model
