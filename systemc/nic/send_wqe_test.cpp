#include "systemc/nic/send_wqe.hpp"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "firmware/interface/layout.h"
#include "systemc/nic/packet_view.hpp"

namespace vfsim::model {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Ethernet, IPv4 (20), TCP (20) headers; checksums and lengths left for the hardware.
Bytes tcp_header() {
  Bytes h(54, 0);
  h[0] = h[6] = 2;
  be16_store(&h[12], 0x0800);
  h[14] = 0x45;
  be16_store(&h[18], 0x1000);  // id
  h[22] = 64;
  h[23] = 6;
  h[26] = 10;
  h[30] = 10;
  h[33] = 2;
  be16_store(&h[34], 4000);
  be16_store(&h[36], 80);
  vf_be32_store(&h[38], 1000000);
  h[46] = 0x50;
  h[47] = 0x19;  // FIN, PSH, ACK
  return h;
}

class SendWqeTest : public testing::Test {
 protected:
  SendWqeTest() : wqe_(1024, 0), frame_(kMaxSendBytes), out_(kMaxSendBytes + 1024) {}
  void control(std::uint32_t opcode, std::uint32_t ce = 0) {
    VF_SET(wqe_ctrl, wqe_.data(), opcode, opcode);
    VF_SET(wqe_ctrl, wqe_.data(), ce, ce);
  }
  void eth(std::uint32_t header, std::uint32_t mss, bool checksums) {
    VF_SET(wqe_eth, &wqe_[16], inline_hdr_size, header);
    VF_SET(wqe_eth, &wqe_[16], mss, mss);
    VF_SET(wqe_eth, &wqe_[16], l3_csum, checksums);
    VF_SET(wqe_eth, &wqe_[16], l4_csum, checksums);
  }
  void data(std::uint32_t pos, std::uint32_t bytes, std::uint32_t lkey, std::uint64_t addr) {
    vf_be32_store(&wqe_[pos], bytes);
    VF_SET(wqe_data, &wqe_[pos], lkey, lkey);
    VF_SET(wqe_data, &wqe_[pos], addr, addr);
  }
  void decode(std::uint32_t units) { decode_send_wqe(wqe_.data(), units, frame_.data(), work_); }
  Bytes build(std::uint32_t index) {
    const std::uint32_t length = build_frame(work_, frame_.data(), index, out_.data());
    return Bytes(out_.begin(), out_.begin() + length);
  }

  Bytes wqe_, frame_, out_;
  SendWork work_;
};

TEST_F(SendWqeTest, inline_header_then_data_segments) {
  control(VF_WQE_SEND, 2);
  eth(18, 0, false);  // 2 bytes in the segment, 16 behind it
  for (std::uint8_t i = 0; i < 18; ++i) {
    wqe_[30U + i] = i;
  }
  data(48, 100, 0x4242, 0x1000);
  data(64, 7, 0x4243, 0x9000);
  decode(5);
  ASSERT_EQ(work_.syndrome, CqeSyndrome::none);
  EXPECT_TRUE(work_.completion);
  EXPECT_EQ(work_.bytes, 125U);
  ASSERT_EQ(work_.pieces, 2);
  EXPECT_EQ(work_.piece[0].offset, 18U);
  EXPECT_EQ(work_.piece[1].offset, 118U);
  EXPECT_EQ(work_.piece[1].lkey, 0x4243U);
  EXPECT_EQ(frame_[17], 17);
  EXPECT_EQ(frame_count(work_), 1U);
}

TEST_F(SendWqeTest, inline_data_segment) {
  control(VF_WQE_SEND);
  eth(0, 0, false);
  vf_be32_store(&wqe_[32], 0x80000000U | 20U);  // 4 + 20 bytes fill 2 units
  wqe_[36] = 0xab;
  data(64, 8, 1, 2);
  decode(5);
  ASSERT_EQ(work_.syndrome, CqeSyndrome::none);
  EXPECT_EQ(work_.bytes, 28U);
  EXPECT_EQ(frame_[0], 0xab);
  EXPECT_EQ(work_.piece[0].offset, 20U);
}

TEST_F(SendWqeTest, nop_makes_no_frame) {
  control(VF_WQE_NOP, 2);
  decode(1);
  EXPECT_EQ(work_.syndrome, CqeSyndrome::none);
  EXPECT_EQ(frame_count(work_), 0U);
}

TEST_F(SendWqeTest, malformed_entries) {
  control(0x11);
  decode(4);
  EXPECT_EQ(work_.syndrome, CqeSyndrome::local_operation) << "opcode";
  control(VF_WQE_SEND);
  decode(1);
  EXPECT_EQ(work_.syndrome, CqeSyndrome::local_operation) << "no Ethernet segment";
  eth(1000, 0, false);
  decode(3);
  EXPECT_EQ(work_.syndrome, CqeSyndrome::local_operation) << "inline header behind the end";
  eth(0, 0, false);
  vf_be32_store(&wqe_[32], 0x80000000U | 500U);
  decode(3);
  EXPECT_EQ(work_.syndrome, CqeSyndrome::local_operation) << "inline data behind the end";
  data(32, 70000, 1, 0);
  decode(3);
  EXPECT_EQ(work_.syndrome, CqeSyndrome::local_length);
  data(32, 5, 1, 0);
  decode(3);
  EXPECT_EQ(work_.syndrome, CqeSyndrome::local_length) << "shorter than a header";
  control(VF_WQE_LSO);
  data(32, 5000, 1, 0);
  decode(3);
  EXPECT_EQ(work_.syndrome, CqeSyndrome::local_operation) << "LSO without a TCP header";
}

TEST_F(SendWqeTest, lso_segments_have_right_headers_and_checksums) {
  const Bytes header = tcp_header();
  control(VF_WQE_LSO);
  eth(54, 1000, true);
  std::memcpy(&wqe_[30], header.data(), header.size());
  data(96, 2500, 1, 0);  // 32 + 52 rounded up to 16
  decode(7);
  ASSERT_EQ(work_.syndrome, CqeSyndrome::none);
  for (std::uint32_t i = 0; i < 2500; ++i) {
    frame_[54 + i] = static_cast<std::uint8_t>(i * 7);
  }
  ASSERT_EQ(frame_count(work_), 3U);
  std::uint32_t at = 0;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const Bytes f = build(i);
    const std::uint32_t payload = i == 2 ? 500 : 1000;
    ASSERT_EQ(f.size(), 54U + payload);
    EXPECT_EQ(be16_load(&f[16]), 40U + payload);
    EXPECT_EQ(be16_load(&f[18]), 0x1000U + i);
    EXPECT_EQ(vf_be32_load(&f[38]), 1000000U + 1000 * i);
    EXPECT_EQ(f[47], i == 2 ? 0x19 : 0x10) << "FIN and PSH on the last only";
    const PacketView view = parse_packet(f.data(), static_cast<std::uint32_t>(f.size()));
    EXPECT_TRUE(l3_checksum_good(f.data(), view));
    EXPECT_TRUE(l4_checksum_good(f.data(), view));
    EXPECT_EQ(std::memcmp(&f[54], &frame_[54 + at], payload), 0);
    at += payload;
  }
}

// Header of the worked example in RFC 1071's successors (Wikipedia, "IPv4 header checksum"): sum
// 0xb861.
TEST(PacketView, known_ipv4_checksum) {
  Bytes f(14 + 20 + 95, 0);
  const Bytes ip{0x45, 0, 0,    0x73, 0, 0, 0x40, 0,    0x40, 0x11,
                 0,    0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,    0xc7};
  be16_store(&f[12], 0x0800);
  std::copy(ip.begin(), ip.end(), f.begin() + 14);
  const PacketView view = parse_packet(f.data(), static_cast<std::uint32_t>(f.size()));
  EXPECT_FALSE(l3_checksum_good(f.data(), view));
  insert_l3_checksum(f.data(), view);
  EXPECT_EQ(be16_load(&f[24]), 0xb861U);
  EXPECT_TRUE(l3_checksum_good(f.data(), view));
}

TEST(PacketView, ones_sum_matches_the_definition) {
  Bytes data(101);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<std::uint8_t>(i * 37 + 11);
    sum += i % 2 == 0 ? data[i] * 256U : data[i];
  }
  while (sum >> 16 != 0) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  EXPECT_EQ(ones_sum(data.data(), 101), sum);
}

TEST(PacketView, short_and_odd_packets_are_not_misread) {
  Bytes f = tcp_header();
  for (std::uint32_t length = 14; length < 54; ++length) {
    EXPECT_EQ(parse_packet(f.data(), length).l4, L4::other) << length;
  }
  be16_store(&f[20], 0x2000);  // more fragments
  EXPECT_EQ(parse_packet(f.data(), 54).l4, L4::other);
  EXPECT_TRUE(parse_packet(f.data(), 54).fragment);
}

}  // namespace
}  // namespace vfsim::model
