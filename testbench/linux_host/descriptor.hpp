// Owned file descriptors and whole messages on them.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace vfsim::bench {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

/// A listening socket of the file system; one peer is expected. Not open() when it cannot be made.
[[nodiscard]] Descriptor listen_at(const std::string& path);
/// Holds a name of this machine that one process can hold at a time, which ends with the descriptor
/// or the process. Not open(): another has it.
[[nodiscard]] Descriptor claim_name(const std::string& name);
/// The peer that connected, not open() if none has. Its reads give up after some seconds: a peer
/// that sends half a message does not hold up the simulator.
[[nodiscard]] Descriptor accept_from(const Descriptor& listener);

/// All `bytes`, or false: the peer is gone, or stopped in the middle.
[[nodiscard]] bool read_all(const Descriptor& from, void* to, std::size_t bytes);
[[nodiscard]] bool write_all(const Descriptor& to, const void* from, std::size_t bytes);
/// As write_all(), with descriptors; few bytes, at most eight descriptors.
[[nodiscard]] bool write_with_descriptors(const Descriptor& to, const void* from, std::size_t bytes,
                                          const int* passed, std::size_t count);
/// As read_all(), and takes the descriptors that came along.
[[nodiscard]] bool read_with_descriptors(const Descriptor& from, void* to, std::size_t bytes,
                                         std::vector<Descriptor>& passed);

}  // namespace vfsim::bench
