#include "testbench/linux_host/guest/stream.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <xxhash.h>

#include "host_driver/vfio/file.hpp"
#include "host_driver/vfio/vfio_function.hpp"

namespace vfsim::guest {
namespace {

using driver::File;
using driver::Result;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPiece = 32768;

driver::Error socket_error(const char* what) {
  return driver::fail(errno, driver::error_text(what, errno));
}

/// Digest, duration and gaps of what passes by.
class Meter {
 public:
  Meter() { XXH3_64bits_reset(state_.get()); }
  void pass(const std::uint8_t* data, std::size_t bytes) {
    const auto now = Clock::now();
    XXH3_64bits_update(state_.get(), data, bytes);
    report_.longest_gap = std::max<std::chrono::nanoseconds>(report_.longest_gap, now - last_);
    report_.bytes += bytes;
    last_ = now;
  }
  StreamReport report() {
    report_.digest = XXH3_64bits_digest(state_.get());
    report_.took = Clock::now() - begin_;
    return report_;
  }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_{XXH3_createState()};
  Clock::time_point begin_ = Clock::now(), last_ = begin_;
  StreamReport report_;
};

File tcp_socket() {
  return File(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

}  // namespace

std::uint8_t stream_byte(std::uint64_t at) {
  return static_cast<std::uint8_t>((at * 0x9e3779b97f4a7c15) >> 56);
}

Result<StreamReport> send_stream(const std::string& address, std::uint16_t port,
                                 std::uint64_t bytes, const StreamPace& pace) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) {
    return driver::fail(EINVAL, "'" + address + "' is no IPv4 address");
  }
  const File socket = tcp_socket();
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    return socket_error("connect");
  }
  Meter meter;
  std::vector<std::uint8_t> piece(pace.piece);
  auto due = Clock::now();
  for (std::uint64_t done = 0; done < bytes; due += pace.interval) {
    if (due > Clock::now()) {
      std::this_thread::sleep_until(due);
    }
    const std::size_t length = std::min<std::uint64_t>(pace.piece, bytes - done);
    for (std::size_t i = 0; i < length; ++i) {
      piece[i] = stream_byte(done + i);
    }
    const ssize_t put = ::send(socket.fd(), piece.data(), length, MSG_NOSIGNAL);
    if (put < 0) {
      return socket_error("send");
    }
    meter.pass(piece.data(), static_cast<std::size_t>(put));
    done += static_cast<std::uint64_t>(put);
  }
  ::shutdown(socket.fd(), SHUT_WR);
  if (::recv(socket.fd(), piece.data(), piece.size(), 0) != 0) {  // the receiver closes last
    return socket_error("end of the stream");
  }
  StreamReport report = meter.report();
  tcp_info info{};
  socklen_t size = sizeof info;
  ::getsockopt(socket.fd(), IPPROTO_TCP, TCP_INFO, &info, &size);
  report.retransmitted = info.tcpi_total_retrans;
  return report;
}

Result<StreamReport> receive_stream(std::uint16_t port) {
  const File door = tcp_socket();
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  const int on = 1;
  ::setsockopt(door.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(door.fd(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
      ::listen(door.fd(), 1) != 0) {
    return socket_error("listen");
  }
  const File socket(::accept4(door.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket.is_open()) {
    return socket_error("accept");
  }
  Meter meter;
  std::vector<std::uint8_t> piece(kPiece);
  for (std::uint64_t at = 0;;) {
    const ssize_t got = ::recv(socket.fd(), piece.data(), piece.size(), 0);
    if (got < 0) {
      return socket_error("receive");
    }
    if (got == 0) {
      return meter.report();
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i, ++at) {
      if (piece[i] != stream_byte(at)) {
        return driver::fail(EBADMSG, "byte " + std::to_string(at) + " of the stream is wrong");
      }
    }
    meter.pass(piece.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace vfsim::guest
