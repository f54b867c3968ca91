// Messages between the session of a shell and the processes that hold moments of its run.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

namespace vfsim::bench {

using Json = nlohmann::json;

/// One end of a connected pair of sockets. A message is a JSON value; a descriptor can travel with it.
class Link {
 public:
  Link() = default;
  explicit Link(int fd) : fd_(fd) {}
  Link(Link&& other) noexcept : fd_(other.release()) {}
  Link& operator=(Link&& other) noexcept;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { close(); }

  /// Both ends of a new pair; throws std::system_error.
  [[nodiscard]] static std::pair<Link, Link> make_pair();

  [[nodiscard]] bool open() const { return fd_ >= 0; }
  void close();
  [[nodiscard]] int fd() const { return fd_; }
  int release();

  /// Sends the message, and a copy of `passed`'s descriptor if there is one. False: the other side is gone.
  [[nodiscard]] bool send(const Json& message, const Link* passed = nullptr);
  /// Waits for a message. Nothing: the other side is gone. What came along becomes `passed`. A signal does not end the wait.
  [[nodiscard]] std::optional<Json> receive(Link* passed = nullptr);

 private:
  [[nodiscard]] bool read_all(char* to, std::size_t bytes);

  int fd_ = -1;
};

}  // namespace vfsim::bench
