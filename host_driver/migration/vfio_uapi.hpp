// The VFIO user API of one device at the level of its structures: for code written against the
// kernel's interface.
#pragma once

#include <cstddef>
#include <cstdint>

#include "host_driver/migration/fd_table.hpp"
#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::driver {

/// Numbers of the user API that callers need. Source: mlx5 device interface section 7.
struct VfioAbi {
  static constexpr std::uint32_t kFeatureMask = 0xffff, kGet = 1U << 16, kSet = 1U << 17,
                                 kProbe = 1U << 18;
  static constexpr std::uint32_t kMigration = 1, kDeviceState = 2, kLoggingStart = 6,
                                 kLoggingStop = 7, kLoggingReport = 8, kDataSize = 9,
                                 kPrecopyInfoV2 = 12;
  static constexpr unsigned long kIoctlDeviceFeature = 0x3b75, kIoctlPrecopyInfo = 0x3b79;
  static constexpr std::uint32_t kPrecopyReinit = 1;
  static constexpr std::uint32_t kMaxRanges = 256;

  struct Header {
    std::uint32_t argsz, flags;
  };
  struct DeviceState {
    std::uint32_t state;
    std::int32_t data_fd;
  };
  struct LoggingControl {
    std::uint64_t page_size;
    std::uint32_t num_ranges, reserved;
    std::uint64_t ranges;
  };
  struct LoggingRange {
    std::uint64_t iova, length;
  };
  struct LoggingReport {
    std::uint64_t iova, length, page_size, bitmap;
  };
  struct PrecopyInfo {
    std::uint32_t argsz, flags;
    std::uint64_t initial_bytes, dirty_bytes;
  };
};
static_assert(sizeof(VfioAbi::LoggingControl) == 24 && sizeof(VfioAbi::PrecopyInfo) == 24,
              "as the user API packs them");

/// Every call returns 0 (or a byte count) or a negative errno.
class VfioUapi {
 public:
  VfioUapi(VfioDevice& device, FdTable& fds) : device_(device), fds_(fds) {}

  /// VFIO_DEVICE_FEATURE: `arg` is the caller's structure of `bytes` bytes (argsz, flags, data);
  /// pointers inside it are addresses of this process. EFAULT when the memory is shorter than argsz
  /// says.
  [[nodiscard]] int device_feature(void* arg, std::size_t bytes);
  /// ioctl on a data fd: VFIO_MIG_GET_PRECOPY_INFO. EBADF, ENOTTY, EINVAL.
  [[nodiscard]] int mig_ioctl(int fd, unsigned long command, void* arg, std::size_t bytes);
  [[nodiscard]] long read(int fd, void* to, std::size_t bytes, bool nonblock);
  [[nodiscard]] long write(int fd, const void* from, std::size_t bytes);
  [[nodiscard]] long pread(int fd, void* to, std::size_t bytes, std::uint64_t position);
  [[nodiscard]] long pwrite(int fd, const void* from, std::size_t bytes, std::uint64_t position);
  /// poll bits; POLLNVAL (0x20) for a number that is not open.
  [[nodiscard]] std::uint32_t poll(int fd);
  [[nodiscard]] int close(int fd);

 private:
  struct Feature;
  static const Feature kFeatures[];

  int check(const Feature& feature, std::uint32_t flags, std::size_t data_bytes) const;
  int migration(std::uint8_t* data, std::uint32_t flags);
  int device_state(std::uint8_t* data, std::uint32_t flags);
  int logging_start(std::uint8_t* data, std::uint32_t flags);
  int logging_stop(std::uint8_t* data, std::uint32_t flags);
  int logging_report(std::uint8_t* data, std::uint32_t flags);
  int data_size(std::uint8_t* data, std::uint32_t flags);
  int precopy_v2(std::uint8_t* data, std::uint32_t flags);

  VfioDevice& device_;
  FdTable& fds_;
  bool precopy_v2_ = false;
  std::uint64_t tracked_page_ = 4096;  // page size that the tracker granted
};

}  // namespace vfsim::driver
