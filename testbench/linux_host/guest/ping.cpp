#include "testbench/linux_host/guest/ping.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/endian/conversion.hpp>

#include "host_driver/vfio/file.hpp"
#include "host_driver/vfio/vfio_function.hpp"

namespace vfsim::guest {
namespace {

using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kHeader = 8, kPayload = 56;
constexpr std::uint8_t kEchoRequest = 8, kEchoReply = 0;

std::uint16_t internet_checksum(const std::uint8_t* data, std::size_t bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes; i += 2) {
    sum += boost::endian::load_big_u16(data + i);
  }
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~(sum + (sum >> 16)));
}

std::uint8_t payload_byte(std::uint16_t sequence, std::size_t at) {
  return static_cast<std::uint8_t>(sequence * 31U + at * 7U);
}

class Run {
 public:
  Run(const PingOptions& options, driver::File socket, const sockaddr_in& to)
      : options_(options),
        socket_(std::move(socket)),
        to_(to),
        sent_at_(options.count),
        answered_(options.count) {}

  PingReport run() {
    Clock::time_point due = Clock::now();
    for (std::uint32_t i = 0; i < options_.count; ++i, due += options_.interval) {
      take_answers_until(due);
      send(i);
    }
    take_answers_until(Clock::now() + options_.patience);
    count_outages();
    return report_;
  }

 private:
  void send(std::uint32_t number) {
    const auto message = echo_request(id_, static_cast<std::uint16_t>(number));
    sent_at_[number] = Clock::now();
    ++report_.sent;
    // no route or no buffer is an outage like a lost request
    (void)!::sendto(socket_.fd(), message.data(), message.size(), 0,
                    reinterpret_cast<const sockaddr*>(&to_), sizeof to_);
  }
  void take_answers_until(Clock::time_point end) {
    while (report_.answered < options_.count) {
      const auto left = end - Clock::now();
      if (left <= Clock::duration::zero()) {
        return;
      }
      pollfd wait{socket_.fd(), POLLIN, 0};
      const auto count = std::chrono::duration_cast<nanoseconds>(left).count();
      const timespec limit{static_cast<time_t>(count / 1'000'000'000),
                           static_cast<long>(count % 1'000'000'000)};
      if (::ppoll(&wait, 1, &limit, nullptr) > 0) {
        take_answer();
      }
    }
  }
  void take_answer() {
    std::array<std::uint8_t, 2048> packet{};
    const ssize_t got = ::recv(socket_.fd(), packet.data(), packet.size(), 0);
    const std::size_t header = got > 0 ? (packet[0] & 0xfU) * 4U : 0;
    if (got <= static_cast<ssize_t>(header)) {
      return;
    }
    const int number =
        answered_sequence(packet.data() + header, static_cast<std::size_t>(got) - header, id_);
    if (number == -2) {
      ++report_.damaged;
    }
    if (number < 0 || static_cast<std::uint32_t>(number) >= report_.sent) {
      return;
    }
    const auto index = static_cast<std::size_t>(number);
    if (answered_[index]) {
      ++report_.duplicated;
      return;
    }
    answered_[index] = true;
    const nanoseconds took = Clock::now() - sent_at_[index];
    report_.shortest = report_.answered == 0 ? took : std::min(report_.shortest, took);
    report_.longest = std::max(report_.longest, took);
    report_.sum += took;
    ++report_.answered;
  }
  void count_outages() {
    std::uint32_t row = 0;
    for (const bool answered : answered_) {
      row = answered ? 0 : row + 1;
      report_.longest_outage = std::max(report_.longest_outage, row);
    }
  }

  const PingOptions& options_;
  driver::File socket_;
  sockaddr_in to_;
  std::uint16_t id_ = static_cast<std::uint16_t>(::getpid());
  std::vector<Clock::time_point> sent_at_;
  std::vector<bool> answered_;
  PingReport report_;
};

}  // namespace

std::vector<std::uint8_t> echo_request(std::uint16_t id, std::uint16_t sequence) {
  std::vector<std::uint8_t> message(kHeader + kPayload);
  message[0] = kEchoRequest;
  boost::endian::store_big_u16(&message[4], id);
  boost::endian::store_big_u16(&message[6], sequence);
  for (std::size_t i = 0; i < kPayload; ++i) {
    message[kHeader + i] = payload_byte(sequence, i);
  }
  boost::endian::store_big_u16(&message[2], internet_checksum(message.data(), message.size()));
  return message;
}

int answered_sequence(const std::uint8_t* message, std::size_t bytes, std::uint16_t id) {
  if (bytes < kHeader || message[0] != kEchoReply ||
      boost::endian::load_big_u16(message + 4) != id) {
    return -1;
  }
  const std::uint16_t sequence = boost::endian::load_big_u16(message + 6);
  bool right = bytes == kHeader + kPayload;
  for (std::size_t i = 0; right && i < kPayload; ++i) {
    right = message[kHeader + i] == payload_byte(sequence, i);
  }
  return right ? sequence : -2;
}

driver::Result<PingReport> ping(const PingOptions& options) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  if (::inet_pton(AF_INET, options.address.c_str(), &to.sin_addr) != 1) {
    return driver::fail(EINVAL, "'" + options.address + "' is no IPv4 address");
  }
  driver::File socket(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  if (!socket.is_open()) {
    return driver::fail(errno, driver::error_text("raw socket", errno));
  }
  return Run(options, std::move(socket), to).run();
}

}  // namespace vfsim::guest
