#include "systemc/nic/packet_view.hpp"

#include <algorithm>
#include <cstring>

namespace vfsim::model {

namespace {
constexpr std::uint32_t kEthertypeIpv4 = 0x0800;
constexpr std::uint32_t kEthertypeIpv6 = 0x86dd;
constexpr std::uint32_t kEthertypeVlan = 0x8100;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint32_t kIpv4Header = 20;
constexpr std::uint32_t kIpv6Header = 40;
constexpr std::uint32_t kTcpHeader = 20;
constexpr std::uint32_t kUdpHeader = 8;

std::uint32_t fold(std::uint64_t sum) {
  while (sum >> 16 != 0) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint32_t>(sum);
}

void parse_l4(const std::uint8_t* frame, PacketView& view) {
  const std::uint32_t room = view.ip_end > view.l4_offset ? view.ip_end - view.l4_offset : 0;
  if (view.protocol == kProtocolTcp && room >= kTcpHeader) {
    const std::uint32_t header = (frame[view.l4_offset + 12] >> 4) * 4U;
    if (header >= kTcpHeader && header <= room) {
      view.l4 = L4::tcp;
      view.payload_offset = view.l4_offset + header;
    }
  } else if (view.protocol == kProtocolUdp && room >= kUdpHeader) {
    view.l4 = L4::udp;
    view.payload_offset = view.l4_offset + kUdpHeader;
  }
}

void parse_ipv4(const std::uint8_t* frame, std::uint32_t length, PacketView& view) {
  const std::uint8_t* ip = frame + view.l3_offset;
  if (length - view.l3_offset < kIpv4Header || ip[0] >> 4 != 4) {
    return;
  }
  const std::uint32_t header = (ip[0] & 15U) * 4U;
  // A segmentation offload may leave the length open.
  const std::uint32_t total = be16_load(ip + 2) != 0 ? be16_load(ip + 2) : length - view.l3_offset;
  if (header < kIpv4Header || total < header || header > length - view.l3_offset) {
    return;
  }
  view.l3 = L3::ipv4;
  view.protocol = ip[9];
  view.fragment = (be16_load(ip + 6) & 0x3fff) != 0;
  view.l4_offset = view.l3_offset + header;
  view.ip_end = std::min(length, view.l3_offset + total);
  if (!view.fragment) {
    parse_l4(frame, view);
  }
}

void parse_ipv6(const std::uint8_t* frame, std::uint32_t length, PacketView& view) {
  const std::uint8_t* ip = frame + view.l3_offset;
  if (length - view.l3_offset < kIpv6Header || ip[0] >> 4 != 6) {
    return;
  }
  view.l3 = L3::ipv6;
  view.protocol = ip[6];
  view.l4_offset = view.l3_offset + kIpv6Header;
  view.ip_end = std::min(length, view.l4_offset + be16_load(ip + 4));
  parse_l4(frame, view);
}

std::uint32_t l4_checksum_offset(const PacketView& view) {
  return view.l4_offset + (view.l4 == L4::tcp ? 16U : 6U);
}

/// Sum over pseudo header and layer 4 with the checksum field as it is.
std::uint32_t l4_sum(const std::uint8_t* frame, const PacketView& view) {
  const std::uint32_t bytes = view.ip_end - view.l4_offset;
  const std::uint8_t* ip = frame + view.l3_offset;
  const std::uint32_t addresses = view.l3 == L3::ipv4 ? ones_sum(ip + 12, 8) : ones_sum(ip + 8, 32);
  const std::uint32_t pseudo =
      fold(static_cast<std::uint64_t>(addresses) + view.protocol + (bytes & 0xffff));
  return ones_sum(frame + view.l4_offset, bytes, pseudo);
}
}  // namespace

std::uint32_t ones_sum(const std::uint8_t* bytes, std::uint32_t count, std::uint32_t start) {
  // Summed in the order of the machine, four bytes at a time, and swapped once at the end (RFC
  // 1071, byte order).
  std::uint64_t sum = 0;
  std::uint32_t i = 0;
  for (; i + 4 <= count; i += 4) {
    std::uint32_t word;
    std::memcpy(&word, bytes + i, 4);
    sum += word;
  }
  std::uint8_t rest[4] = {0, 0, 0, 0};
  std::memcpy(rest, bytes + i, count - i);
  std::uint32_t word;
  std::memcpy(&word, rest, 4);
  sum += word;
  const std::uint32_t native = fold(sum);
  std::uint8_t order[2];
  const auto half = static_cast<std::uint16_t>(native);
  std::memcpy(order, &half, 2);
  return fold(static_cast<std::uint64_t>(be16_load(order)) + start);
}

PacketView parse_packet(const std::uint8_t* frame, std::uint32_t length) {
  PacketView view;
  view.ethertype = be16_load(frame + 12);
  if (view.ethertype == kEthertypeVlan && length >= kEthHeader + 4) {
    view.vlan = true;
    view.vlan_tag = be16_load(frame + 14);
    view.ethertype = be16_load(frame + 16);
    view.l3_offset += 4;
  }
  if (view.ethertype == kEthertypeIpv4) {
    parse_ipv4(frame, length, view);
  } else if (view.ethertype == kEthertypeIpv6) {
    parse_ipv6(frame, length, view);
  }
  return view;
}

bool l3_checksum_good(const std::uint8_t* frame, const PacketView& view) {
  return view.l3 != L3::ipv4 ||
         ones_sum(frame + view.l3_offset, view.l4_offset - view.l3_offset) == 0xffff;
}

bool l4_checksum_good(const std::uint8_t* frame, const PacketView& view) {
  if (view.l4 == L4::other) {
    return false;
  }
  if (view.l4 == L4::udp && be16_load(frame + l4_checksum_offset(view)) == 0) {
    return view.l3 == L3::ipv4;
  }
  return l4_sum(frame, view) == 0xffff;
}

void insert_l3_checksum(std::uint8_t* frame, const PacketView& view) {
  if (view.l3 == L3::ipv4) {
    std::uint8_t* field = frame + view.l3_offset + 10;
    be16_store(field, 0);
    be16_store(field, ~ones_sum(frame + view.l3_offset, view.l4_offset - view.l3_offset));
  }
}

void insert_l4_checksum(std::uint8_t* frame, const PacketView& view) {
  if (view.l4 != L4::other) {
    std::uint8_t* field = frame + l4_checksum_offset(view);
    be16_store(field, 0);
    const std::uint32_t value = ~l4_sum(frame, view) & 0xffff;
    be16_store(field, value == 0 && view.l4 == L4::udp ? 0xffff : value);
  }
}

}  // namespace vfsim::model
