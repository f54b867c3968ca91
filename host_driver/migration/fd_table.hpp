// Small integers for open streams, as a process sees file descriptors.
#pragma once

#include <map>
#include <memory>

#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::driver {

/// The lowest free number is given out; 0 to 2 stay free as in any process.
class FdTable {
 public:
  [[nodiscard]] int open(std::shared_ptr<MigStream> stream) {
    int fd = kFirst;
    while (streams_.count(fd) != 0) {
      ++fd;
    }
    streams_.emplace(fd, std::move(stream));
    return fd;
  }
  /// Nothing when the number is not open.
  [[nodiscard]] std::shared_ptr<MigStream> get(int fd) const {
    const auto found = streams_.find(fd);
    return found == streams_.end() ? nullptr : found->second;
  }
  [[nodiscard]] bool close(int fd) { return streams_.erase(fd) != 0; }

 private:
  static constexpr int kFirst = 3;
  std::map<int, std::shared_ptr<MigStream>> streams_;
};

}  // namespace vfsim::driver
