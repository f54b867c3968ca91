// What NICs put on the wire for a stock network stack.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

/// A stock driver leaves checksums to the NIC, and the cutting of long TCP segments. Each frame that
/// leaves one is looked at: the checksums of IPv4, ICMP, TCP and UDP (RFC 1071, over pseudo headers),
/// lengths, and that the segments of a TCP flow have no gaps between them. It has its own parser and
/// its own sum: the NIC's are what it judges. Frames of other protocols pass.
class FrameCheck final : public model::Observer {
 public:
  /// @param mtu  longest IP packet, bytes
  FrameCheck(model::ProbeBus& probes, std::uint32_t mtu);

  void frame_sent(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length) override;

  /// The first wrong frame, one line; "": none.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  /// What was right so far, one line; "": there was nothing of the kind.
  [[nodiscard]] std::string account() const;

 private:
  using Flow = std::array<std::uint8_t, 12>;  // addresses and ports
  struct Packet {
    const std::uint8_t* ip;
    const std::uint8_t* l4;
    std::uint32_t l4_bytes;
  };
  /// @return what is wrong with it, "" nothing
  [[nodiscard]] std::string check_ipv4(const std::uint8_t* ip, std::uint32_t bytes, bool padded);
  [[nodiscard]] std::string check_icmp(const Packet& packet);
  [[nodiscard]] std::string check_udp(const Packet& packet);
  [[nodiscard]] std::string check_tcp(const Packet& packet);

  const std::uint32_t mtu_;
  std::map<Flow, std::uint32_t> next_;  // sequence number behind the last byte of a flow
  std::uint64_t ipv4_ = 0, icmp_ = 0, udp_ = 0, tcp_ = 0;
  std::string wrong_;
};

}  // namespace vfsim::bench
