// The stream over the loopback interface.
#include "testbench/linux_host/guest/stream.hpp"

#include <arpa/inet.h>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace vfsim::guest {
namespace {

/// A port that was free a moment ago.
std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

/// Tries until the receiver listens.
template <class Connect>
auto patiently(Connect&& connect) {
  auto done = connect();
  for (int i = 0; i < 500 && !done && done.error().code == ECONNREFUSED; ++i) {
    ::usleep(10'000);
    done = connect();
  }
  return done;
}

/// Sends a stream to this process. @return the sender's report
StreamReport pass(std::uint64_t bytes, const StreamPace& pace) {
  const std::uint16_t port = free_port();
  std::optional<driver::Result<StreamReport>> received;
  std::thread receiver([&] { received = receive_stream(port); });
  const auto sent = patiently([&] { return send_stream("127.0.0.1", port, bytes, pace); });
  receiver.join();
  EXPECT_TRUE(sent) << sent.error().text;
  EXPECT_TRUE(*received) << received->error().text;
  if (!sent || !*received) {
    return {};
  }
  EXPECT_EQ(received->value().bytes, bytes);
  EXPECT_EQ(sent.value().digest, received->value().digest);
  return sent.value();
}

TEST(Stream, BothEndsHaveTheSameDigest) {
  EXPECT_EQ(pass(1'000'001, {}).bytes, 1'000'001U);
}

TEST(Stream, PiecesComeAtTheirTime) {
  EXPECT_GE(pass(70'000, {10'000, std::chrono::milliseconds(10)}).took,
            std::chrono::milliseconds(60))
      << "seven pieces";
}

TEST(Stream, AWrongByteIsSeen) {
  const std::uint16_t port = free_port();
  std::optional<driver::Result<StreamReport>> received;
  std::thread receiver([&] { received = receive_stream(port); });
  const auto wrong = [&]() -> driver::Result<int> {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      const int code = errno;
      ::close(socket);
      return driver::fail(code, "");
    }
    std::vector<std::uint8_t> bytes(10);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = stream_byte(i);
    }
    bytes[6] ^= 1;
    EXPECT_EQ(::send(socket, bytes.data(), bytes.size(), 0), 10);
    ::close(socket);
    return 0;
  };
  ASSERT_TRUE(patiently(wrong));
  receiver.join();
  ASSERT_FALSE(*received);
  EXPECT_EQ(received->error().text, "byte 6 of the stream is wrong");
}

TEST(Stream, NeedsAnAddress) {
  EXPECT_EQ(send_stream("localhost", 1, 1).error().code, EINVAL);
}

}  // namespace
}  // namespace vfsim::guest
