#include "testbench/linux_host/descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace vfsim::bench {
namespace {

constexpr time_t kPatienceSeconds = 10;  // wall clock: for the rest of a message that has begun
constexpr std::size_t kMostDescriptors = 8;

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Descriptor::~Descriptor() {
  close();
}

void Descriptor::close() {
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
  }
}

Descriptor listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return {};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener.get(), 1) != 0) {
    listener.close();
  }
  return listener;
}

// A socket of the abstract name space: there is no file that a killed process could leave.
Descriptor claim_name(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Descriptor claim(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::size_t bytes = std::min(name.size(), sizeof(address.sun_path) - 1);
  std::memcpy(address.sun_path + 1, name.data(), bytes);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + bytes);
  if (bind(claim.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    claim.close();
  }
  return claim;
}

Descriptor accept_from(const Descriptor& listener) {
  Descriptor peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  return peer;
}

bool read_all(const Descriptor& from, void* to, std::size_t bytes) {
  auto* at = static_cast<char*>(to);
  while (bytes != 0) {
    const ssize_t part = recv(from.get(), at, bytes, 0);
    if (part <= 0) {
      if (part < 0 && errno == EINTR) {
        continue;
      }
      return false;
    }
    at += part;
    bytes -= static_cast<std::size_t>(part);
  }
  return true;
}

bool write_all(const Descriptor& to, const void* from, std::size_t bytes) {
  const auto* at = static_cast<const char*>(from);
  while (bytes != 0) {
    const ssize_t part = send(to.get(), at, bytes, MSG_NOSIGNAL);
    if (part < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    at += part;
    bytes -= static_cast<std::size_t>(part);
  }
  return true;
}

bool write_with_descriptors(const Descriptor& to, const void* from, std::size_t bytes,
                            const int* passed, std::size_t count) {
  std::vector<char> copy(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
  iovec part{copy.data(), copy.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(count * sizeof(int));
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(count * sizeof(int));
  std::memcpy(CMSG_DATA(head), passed, count * sizeof(int));
  ssize_t sent = 0;
  do {
    sent = sendmsg(to.get(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(bytes);
}

bool read_with_descriptors(const Descriptor& from, void* to, std::size_t bytes,
                           std::vector<Descriptor>& passed) {
  iovec part{to, bytes};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = recvmsg(from.get(), &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    return false;
  }
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
      const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
        passed.emplace_back(fd);
      }
    }
  }
  const auto done = static_cast<std::size_t>(got);
  return read_all(from, static_cast<char*>(to) + done, bytes - done);
}

}  // namespace vfsim::bench
