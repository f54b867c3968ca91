// Where the headers of an Ethernet frame are, and its checksums.
#pragma once

#include <cstdint>

namespace vfsim::model {

inline constexpr std::uint32_t kEthHeader = 14;
inline constexpr std::uint32_t kMacBytes = 6;

/// Network byte order, 16 bits.
inline std::uint32_t be16_load(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 8 | p[1];
}
inline void be16_store(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}

/// Ones' complement sum of big-endian 16-bit words (an odd last byte counts as high half), folded
/// to 16 bits and added to `start`.
[[nodiscard]] std::uint32_t ones_sum(const std::uint8_t* bytes, std::uint32_t count,
                                     std::uint32_t start = 0);

enum class L3 : std::uint8_t { other, ipv4, ipv6 };
enum class L4 : std::uint8_t { other, tcp, udp };

/// Parsed headers; offsets are from the start of the frame and valid only for the protocols named.
struct PacketView {
  L3 l3 = L3::other;
  L4 l4 = L4::other;
  bool vlan = false;
  bool fragment = false;        // of IPv4: layer 4 is not looked at
  std::uint8_t protocol = 0;    // IP protocol number
  std::uint32_t ethertype = 0;  // behind a VLAN tag
  std::uint32_t vlan_tag = 0;
  std::uint32_t l3_offset = kEthHeader;
  std::uint32_t l4_offset = 0;
  std::uint32_t payload_offset = 0;  // behind the TCP or UDP header
  std::uint32_t ip_end = 0;          // first byte behind the IP packet (frames may be padded)
};

/// `length` at least kEthHeader.
[[nodiscard]] PacketView parse_packet(const std::uint8_t* frame, std::uint32_t length);
/// Whether the IPv4 header checksum is right (true for other packets' layer 3 as well).
[[nodiscard]] bool l3_checksum_good(const std::uint8_t* frame, const PacketView& view);
/// Whether the TCP or UDP checksum is right (an absent UDP checksum is).
[[nodiscard]] bool l4_checksum_good(const std::uint8_t* frame, const PacketView& view);
/// Compute and store; nothing happens if the frame has no such header.
void insert_l3_checksum(std::uint8_t* frame, const PacketView& view);
void insert_l4_checksum(std::uint8_t* frame, const PacketView& view);

}  // namespace vfsim::model
