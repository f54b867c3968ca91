#include "testbench/linux_host/frame_check.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "testbench/checkers/rule.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kEthernet = 14, kShortest = 60;  // header; what a sender may pad to
constexpr std::uint32_t kIpv4 = 0x0800;
constexpr std::uint32_t kHeader = 20;  // IPv4 and TCP without options
constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;
constexpr std::uint8_t kFin = 1, kSyn = 2;

std::uint32_t word(const std::uint8_t* at) { return static_cast<std::uint32_t>(at[0] << 8 | at[1]); }

/// Sum of RFC 1071 over the bytes and `more`: 0xffff where a checksum among them is right.
std::uint32_t sum(const std::uint8_t* at, std::uint32_t bytes, std::uint32_t more = 0) {
  for (std::uint32_t i = 0; i < bytes; ++i) {
    more += i % 2 == 0 ? at[i] * 256U : at[i];
  }
  while (more > 0xffff) {
    more = (more & 0xffff) + (more >> 16);
  }
  return more;
}

std::uint32_t pseudo_header(const std::uint8_t* ip, std::uint32_t l4_bytes) {
  return sum(ip + 12, 8, ip[9] + l4_bytes);
}

}  // namespace

FrameCheck::FrameCheck(model::ProbeBus& probes, std::uint32_t mtu) : mtu_(mtu) {
  probes.subscribe(*this, {model::Probe::frame});
}

void FrameCheck::frame_sent(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length) {
  if (length < kEthernet || word(bytes + 12) != kIpv4 || !wrong_.empty()) {
    return;
  }
  const std::string why = check_ipv4(bytes + kEthernet, length - kEthernet, length <= kShortest);
  if (!why.empty()) {
    wrong_ = fmt::format("a frame of {} bytes that {} sent at {:.6f} ms: {}", length, function_name(who),
                         static_cast<double>(t) / model::kMs, why);
  }
}

std::string FrameCheck::check_ipv4(const std::uint8_t* ip, std::uint32_t bytes, bool padded) {
  const std::uint32_t header = bytes < kHeader ? 0 : (ip[0] & 15U) * 4;
  const std::uint32_t total = header < kHeader ? 0 : word(ip + 2);
  if (total < header || header == 0 || total > bytes || (total < bytes && !padded) || total > mtu_) {
    return fmt::format("its IPv4 packet has a length of {} in the header, where {} are there and {} allowed", total, bytes, mtu_);
  }
  if (sum(ip, header) != 0xffff) {
    return "the checksum of its IPv4 header is wrong";
  }
  ++ipv4_;
  const Packet packet{ip, ip + header, total - header};
  const bool fragment = (word(ip + 6) & 0x3fff) != 0;
  return fragment      ? ""
         : ip[9] == kIcmp ? check_icmp(packet)
         : ip[9] == kUdp  ? check_udp(packet)
         : ip[9] == kTcp  ? check_tcp(packet)
                          : "";
}

std::string FrameCheck::check_icmp(const Packet& packet) {
  if (sum(packet.l4, packet.l4_bytes) != 0xffff) {
    return "the checksum of its ICMP message is wrong";
  }
  ++icmp_;
  return "";
}

std::string FrameCheck::check_udp(const Packet& packet) {
  if (packet.l4_bytes < 8 || word(packet.l4 + 4) != packet.l4_bytes) {
    return "its UDP length is wrong";
  }
  // 0: there is none
  if (word(packet.l4 + 6) != 0 &&
      sum(packet.l4, packet.l4_bytes, pseudo_header(packet.ip, packet.l4_bytes)) != 0xffff) {
    return "its UDP checksum is wrong";
  }
  ++udp_;
  return "";
}

std::string FrameCheck::check_tcp(const Packet& packet) {
  const std::uint32_t header = packet.l4_bytes < kHeader ? 0 : (packet.l4[12] >> 4) * 4U;
  if (header < kHeader || header > packet.l4_bytes) {
    return "its TCP header is cut";
  }
  if (sum(packet.l4, packet.l4_bytes, pseudo_header(packet.ip, packet.l4_bytes)) != 0xffff) {
    return "its TCP checksum is wrong";
  }
  Flow flow;
  std::copy_n(packet.ip + 12, 8, flow.begin());
  std::copy_n(packet.l4, 4, flow.begin() + 8);
  const std::uint8_t flags = packet.l4[13];
  const std::uint32_t first = word(packet.l4 + 4) << 16 | word(packet.l4 + 6);
  const std::uint32_t behind = first + (packet.l4_bytes - header) + ((flags & kSyn) != 0 ? 1U : 0U) +
                               ((flags & kFin) != 0 ? 1U : 0U);
  const auto [known, fresh] = next_.try_emplace(flow, first);
  if (fresh || (flags & kSyn) != 0) {
    known->second = first;
  }
  // Sequence numbers wrap: what is less than half of their range ahead is ahead.
  if (const auto gap = static_cast<std::int32_t>(first - known->second); gap > 0) {
    return fmt::format("its TCP segment begins {} bytes behind the end of the one before", gap);
  }
  if (static_cast<std::int32_t>(behind - known->second) > 0) {
    known->second = behind;
  }
  ++tcp_;
  return "";
}

std::string FrameCheck::account() const {
  return ipv4_ == 0 ? ""
                    : fmt::format("checksums right in {} IPv4 headers, {} TCP segments, {} UDP datagrams, {} ICMP messages", ipv4_,
                                  tcp_, udp_, icmp_);
}

}  // namespace vfsim::bench
