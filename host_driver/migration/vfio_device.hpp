// A migratable device as user space (a VMM) sees it: VFIO migration protocol v2.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

/// enum vfio_device_mig_state, same numbers as VF_MIG_* of the contract.
enum class MigState : std::uint32_t {
  error = 0,
  stop = 1,
  running = 2,
  stop_copy = 3,
  resuming = 4,
  running_p2p = 5,
  pre_copy = 6,
  pre_copy_p2p = 7,
};
[[nodiscard]] const char* to_string(MigState state);

struct PrecopyInfo {
  bool reinit = false;
  std::uint64_t initial_bytes = 0;
  std::uint64_t dirty_bytes = 0;
};

struct IovaRange {
  std::uint64_t iova = 0;
  std::uint64_t length = 0;
};

/// The data file descriptor of a session. Errors carry the errno of the uapi.
class MigStream {
 public:
  virtual ~MigStream() = default;
  /// Up to `bytes` bytes; an empty vector is end of stream (0). EAGAIN (nonblock), ENOMSG
  /// (temporary end in PRE_COPY), ENODEV (session over or failed), EBADF on the wrong kind of
  /// descriptor.
  [[nodiscard]] virtual Result<std::vector<std::uint8_t>> read(std::size_t bytes,
                                                               bool nonblock) = 0;
  [[nodiscard]] virtual Result<std::size_t> write(const std::uint8_t* data, std::size_t bytes) = 0;
  /// pread / pwrite: a stream has no position: ESPIPE.
  [[nodiscard]] virtual Result<std::size_t> seek(std::uint64_t position) = 0;
  /// Bit set as poll() returns it: 1 POLLIN, 4 POLLOUT, 0x40 POLLRDNORM, 0x2000 POLLRDHUP. Does not
  /// block.
  [[nodiscard]] virtual std::uint32_t poll() = 0;
  /// VFIO_MIG_GET_PRECOPY_INFO. EINVAL outside of PRE_COPY and PRE_COPY_P2P, ENODEV (session over),
  /// ENOTTY (a stream that is written).
  [[nodiscard]] virtual Result<PrecopyInfo> precopy_info() = 0;
};

/// One migratable device. All calls may block. SET_STATE walks the FSM arc by arc.
class VfioDevice {
 public:
  virtual ~VfioDevice() = default;
  /// VFIO_DEVICE_FEATURE_MIGRATION: VF_MIG_FLAG_* bits.
  [[nodiscard]] virtual std::uint64_t migration_flags() const = 0;
  [[nodiscard]] virtual Result<MigState> state() = 0;
  /// Returns the stream when the final arc opened one. On failure the state is that of the last
  /// finished arc: ask.
  [[nodiscard]] virtual Result<std::shared_ptr<MigStream>> set_state(MigState target) = 0;
  /// VFIO_DEVICE_RESET: RUNNING afterwards, from any state.
  [[nodiscard]] virtual Result<void> reset() = 0;
  /// VFIO_DEVICE_FEATURE_MIG_DATA_SIZE: estimated STOP_COPY bytes.
  [[nodiscard]] virtual Result<std::uint64_t> data_size() = 0;
  /// VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2: from now on PrecopyInfo::reinit may be set.
  virtual void opt_in_precopy_reinit() {}
  /// Whether logging_start() can work at all (ENOTTY otherwise).
  [[nodiscard]] virtual bool logging_supported() const { return true; }
  /// VFIO_DEVICE_FEATURE_DMA_LOGGING_*; page_size is in and out.
  [[nodiscard]] virtual Result<std::uint64_t> logging_start(
      std::uint64_t page_size, const std::vector<IovaRange>& ranges) = 0;
  [[nodiscard]] virtual Result<void> logging_stop() = 0;
  /// Dirty pages (addresses, ascending, multiples of the tracker's page size) of the range since
  /// the last report.
  [[nodiscard]] virtual Result<std::vector<std::uint64_t>> logging_report(std::uint64_t iova,
                                                                          std::uint64_t length) = 0;
  /// Configuration space as VFIO virtualises it, saved after and restored before the device state:
  /// command register, BARs, MSI-X control and table, PCIe control. Opaque bytes.
  [[nodiscard]] virtual Result<std::vector<std::uint8_t>> save_config() = 0;
  [[nodiscard]] virtual Result<void> restore_config(const std::vector<std::uint8_t>& bytes) = 0;
};

}  // namespace vfsim::driver
