#include "testbench/linux_host/guest/ping.hpp"

#include <gtest/gtest.h>

namespace vfsim::guest {
namespace {

/// What the other side sends back: check sums are the kernel's business.
std::vector<std::uint8_t> reply_to(std::vector<std::uint8_t> message) {
  message[0] = 0;
  return message;
}

TEST(Ping, ChecksumOfARequestIsRight) {
  const auto message = echo_request(0x1234, 7);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < message.size(); i += 2) {
    sum += static_cast<std::uint32_t>(message[i] << 8 | message[i + 1]);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  EXPECT_EQ(sum, 0xffffU);
}

TEST(Ping, OnlyTheOwnAnswersCount) {
  const auto request = echo_request(0x1234, 700);
  const auto reply = reply_to(request);
  EXPECT_EQ(answered_sequence(reply.data(), reply.size(), 0x1234), 700);
  EXPECT_EQ(answered_sequence(reply.data(), reply.size(), 0x1235), -1);
  EXPECT_EQ(answered_sequence(request.data(), request.size(), 0x1234), -1);  // a request
  EXPECT_EQ(answered_sequence(reply.data(), 7, 0x1234), -1);
}

TEST(Ping, DamageIsSeen) {
  auto reply = reply_to(echo_request(1, 2));
  EXPECT_EQ(answered_sequence(reply.data(), reply.size() - 1, 1), -2);
  reply.back() ^= 0x10;
  EXPECT_EQ(answered_sequence(reply.data(), reply.size(), 1), -2);
}

TEST(Ping, NeedsAnAddress) {
  PingOptions options;
  options.address = "10.0.0";
  EXPECT_EQ(ping(options).error().code, EINVAL);
}

}  // namespace
}  // namespace vfsim::guest
