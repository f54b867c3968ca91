// The packets were made by another implementation (in Python), from 10.0.0.2 to 10.0.0.1.
#include "testbench/linux_host/frame_check.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

using Bytes = std::vector<std::uint8_t>;
using testing::HasSubstr;

constexpr model::FnRef kVf{0, 1};

Bytes hex(const std::string& text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

const std::string kEth = "0200010000010200010000020800";
const std::string kTcp =
    "4500002f12344000400614930a0000020a00000113899c40000003e8000000075018020031c900007365676d656e74";
const std::string kTcpOptions =
    "45000037123440004006148b0a0000020a00000113899c40000003ef0000000780100200d99000000101080a00000001000000026f6464";
const std::string kUdp =
    "4500002412344000401114930a0000020a00000100350400001045f4646174616772616d";
const std::string kIcmp =
    "4500002112344000400114a60a0000020a0000010800092a000100026563686f21";

class FrameCheckTest : public testing::Test {
 protected:
  /// @return what is wrong with the frame
  std::string send(const Bytes& frame) {
    check_.frame_sent(1'500'000, kVf, frame.data(), static_cast<std::uint32_t>(frame.size()));
    return check_.wrong();
  }
  std::string send(const std::string& packet) { return send(hex(kEth + packet)); }
  model::ProbeBus probes_;
  FrameCheck check_{probes_, 1500};
};

/// A new judge for each frame, which tells of the first wrong one only.
std::string judged(const Bytes& frame) {
  model::ProbeBus probes;
  FrameCheck check(probes, 1500);
  check.frame_sent(1'500'000, kVf, frame.data(), static_cast<std::uint32_t>(frame.size()));
  return check.wrong();
}

TEST_F(FrameCheckTest, known_packets_are_right) {
  for (const std::string& packet : {kTcp, kTcpOptions, kUdp, kIcmp}) {
    EXPECT_EQ(send(packet), "");
  }
  EXPECT_EQ(check_.account(), "checksums right in 4 IPv4 headers, 2 TCP segments, 1 UDP datagrams, 1 ICMP messages");
}

TEST_F(FrameCheckTest, each_bit_counts) {
  for (const std::string& packet : {kTcp, kTcpOptions, kUdp, kIcmp}) {
    const Bytes right = hex(kEth + packet);
    for (std::size_t bit = 8 * 14; bit < 8 * right.size(); ++bit) {
      Bytes frame = right;
      frame[bit / 8] = static_cast<std::uint8_t>(frame[bit / 8] ^ 1U << bit % 8);
      EXPECT_NE(judged(frame), "") << packet << " bit " << bit;
    }
  }
}

TEST_F(FrameCheckTest, a_wrong_frame_is_told_with_its_place) {
  Bytes frame = hex(kEth + kTcp);
  frame.back() ^= 1U;
  EXPECT_EQ(send(frame), "a frame of 61 bytes that A.vf0 sent at 0.001500 ms: its TCP checksum is wrong");
}

TEST_F(FrameCheckTest, udp_may_do_without_and_frames_may_be_padded) {
  Bytes udp = hex(kEth + kUdp);
  udp[14 + 20 + 6] = udp[14 + 20 + 7] = 0;
  EXPECT_EQ(send(udp), "");
  Bytes padded = hex(kEth + kIcmp);
  padded.resize(60);
  EXPECT_EQ(send(padded), "");
  padded.resize(61);
  EXPECT_THAT(send(padded), HasSubstr("length"));
}

TEST_F(FrameCheckTest, segments_follow_each_other) {
  EXPECT_EQ(send(kTcp), "") << "1000 to 1007";
  EXPECT_EQ(send(kTcpOptions), "") << "1007 to 1010";
  EXPECT_EQ(send(kTcp), "") << "sent again";
  EXPECT_EQ(send("4500002f12344000400614930a0000020a00000113899c40000003f7000000075010020031c200007365676d656e74"), "a frame of 61 bytes that A.vf0 sent at 0.001500 ms: its TCP segment begins 5 bytes behind the end of the one before");
}

TEST_F(FrameCheckTest, other_protocols_pass) {
  Bytes arp(60, 0);
  arp[12] = 0x08;
  arp[13] = 0x06;
  EXPECT_EQ(send(arp), "");
  EXPECT_EQ(send(Bytes(10, 0)), "");
  EXPECT_EQ(check_.account(), "");
}

}  // namespace
}  // namespace vfsim::bench
