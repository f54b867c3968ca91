// ICMP echo at a fixed interval, with what happened to every request.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "host_driver/platform/result.hpp"

namespace vfsim::guest {

struct PingOptions {
  std::string address;
  std::uint32_t count = 1000;
  std::chrono::nanoseconds interval{2'000'000};
  std::chrono::nanoseconds patience{1'000'000'000};  // behind the last request
};

struct PingReport {
  std::uint32_t sent = 0, answered = 0, duplicated = 0, damaged = 0;
  std::chrono::nanoseconds shortest{0}, longest{0}, sum{0};
  std::uint32_t longest_outage = 0;  // requests in a row without an answer
};

/// An ICMP echo message with its check sum: header and a payload that follows from the sequence
/// number.
[[nodiscard]] std::vector<std::uint8_t> echo_request(std::uint16_t id, std::uint16_t sequence);
/// Sequence number of the answer to one of them; -1: another message; -2: ours, but its bytes are
/// wrong.
[[nodiscard]] int answered_sequence(const std::uint8_t* message, std::size_t bytes,
                                    std::uint16_t id);

/// Needs a raw socket (root). EINVAL: no IPv4 address.
[[nodiscard]] driver::Result<PingReport> ping(const PingOptions& options);

}  // namespace vfsim::guest
