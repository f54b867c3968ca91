#include "testbench/shell/link.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace vfsim::bench {
namespace {

using Head = std::uint32_t;  // bytes that follow

/// Room for one descriptor beside a message.
union Control {
  cmsghdr align;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

}  // namespace

Link& Link::operator=(Link&& other) noexcept {
  close();
  fd_ = other.release();
  return *this;
}

std::pair<Link, Link> Link::make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  return {Link(ends[0]), Link(ends[1])};
}

void Link::close() {
  if (fd_ >= 0) {
    ::close(release());
  }
}

int Link::release() { return std::exchange(fd_, -1); }

bool Link::send(const Json& message, const Link* passed) {
  const std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto size = static_cast<Head>(text.size());
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
  bytes += text;
  for (std::size_t at = 0; at < bytes.size();) {
    iovec part{bytes.data() + at, bytes.size() - at};
    Control control{};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    if (passed != nullptr && at == 0) {
      head.msg_control = control.bytes.data();
      head.msg_controllen = control.bytes.size();
      cmsghdr* c = CMSG_FIRSTHDR(&head);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(c), &passed->fd_, sizeof(int));
    }
    const ssize_t n = ::sendmsg(fd_, &head, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) {
      return false;
    }
    at += n < 0 ? 0 : static_cast<std::size_t>(n);
  }
  return true;
}

bool Link::read_all(char* to, std::size_t bytes) {
  while (bytes != 0) {
    const ssize_t n = ::read(fd_, to, bytes);
    if (n == 0 || (n < 0 && errno != EINTR)) {
      return false;
    }
    to += n < 0 ? 0 : n;
    bytes -= n < 0 ? 0 : static_cast<std::size_t>(n);
  }
  return true;
}

std::optional<Json> Link::receive(Link* passed) {
  Head size = 0;
  iovec part{&size, sizeof size};
  Control control{};
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  head.msg_control = control.bytes.data();
  head.msg_controllen = control.bytes.size();
  ssize_t n = -1;
  while ((n = ::recvmsg(fd_, &head, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (n <= 0 || !read_all(reinterpret_cast<char*>(&size) + n, sizeof size - static_cast<std::size_t>(n))) {
    return std::nullopt;
  }
  if (const cmsghdr* c = CMSG_FIRSTHDR(&head); c != nullptr && c->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
    Link came(fd);
    if (passed != nullptr) {
      *passed = std::move(came);
    }
  }
  std::string text(size, '\0');
  if (!read_all(text.data(), size)) {
    return std::nullopt;
  }
  return Json::parse(text);
}

}  // namespace vfsim::bench
