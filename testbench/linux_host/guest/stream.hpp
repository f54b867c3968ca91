// A TCP stream of known bytes, check-summed on both ends.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "host_driver/platform/result.hpp"

namespace vfsim::guest {

struct StreamReport {
  std::uint64_t bytes = 0;
  std::uint64_t digest = 0;  // XXH3 of all bytes
  std::chrono::nanoseconds took{0};
  std::chrono::nanoseconds longest_gap{0};  // between two pieces that came or were taken
  std::uint32_t retransmitted = 0;          // segments, of the sender
};

/// How a stream is sent.
struct StreamPace {
  std::size_t piece = 32768;             // bytes at a time
  std::chrono::nanoseconds interval{0};  // between two of them; 0: as fast as it goes
};

/// Byte `at` of the stream.
[[nodiscard]] std::uint8_t stream_byte(std::uint64_t at);

/// Connects and sends `bytes` bytes; returns when the other side has taken all of them and closed.
/// EINVAL: no IPv4 address; otherwise the errno of the socket.
[[nodiscard]] driver::Result<StreamReport> send_stream(const std::string& address,
                                                       std::uint16_t port, std::uint64_t bytes,
                                                       const StreamPace& pace = {});
/// Takes one connection to its end. EBADMSG: a byte is not the one that send_stream() sends; the
/// text says where.
[[nodiscard]] driver::Result<StreamReport> receive_stream(std::uint16_t port);

}  // namespace vfsim::guest
