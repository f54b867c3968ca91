// A migratable device behind the kernel's VFIO: the user's side of the migration protocol v2.
#pragma once

#include <memory>
#include <vector>

#include "host_driver/migration/vfio_device.hpp"
#include "host_driver/vfio/vfio_function.hpp"

namespace vfsim::driver {

/// The calls that reach the kernel. Each returns what the system call does, -1 with errno set on
/// failure.
class VfioCalls {
 public:
  virtual ~VfioCalls() = default;
  virtual int ioctl(int fd, unsigned long request, void* arg) = 0;
  virtual long read(int fd, void* to, std::size_t bytes) = 0;
  virtual long write(int fd, const void* from, std::size_t bytes) = 0;
  /// poll() without waiting: its bits, or POLLNVAL.
  virtual std::uint32_t poll(int fd) = 0;
  virtual void close(int fd) = 0;
};
/// The system's own.
[[nodiscard]] VfioCalls& system_calls();

/// Every error carries the errno that the kernel returned. Streams of this device block; a stream
/// must not outlive the VfioCalls.
class KernelDevice final : public VfioDevice {
 public:
  /// @param device_fd  of the function, outlives this object
  /// @param config     where its configuration space is in it
  KernelDevice(int device_fd, const VfioRegion& config, VfioCalls& calls = system_calls());

  /// Asks the kernel each time. 0: it offers no migration.
  [[nodiscard]] std::uint64_t migration_flags() const override;
  [[nodiscard]] Result<MigState> state() override;
  [[nodiscard]] Result<std::shared_ptr<MigStream>> set_state(MigState target) override;
  [[nodiscard]] Result<void> reset() override;
  [[nodiscard]] Result<std::uint64_t> data_size() override;
  void opt_in_precopy_reinit() override;
  [[nodiscard]] bool logging_supported() const override;
  [[nodiscard]] Result<std::uint64_t> logging_start(std::uint64_t page_size,
                                                    const std::vector<IovaRange>& ranges) override;
  [[nodiscard]] Result<void> logging_stop() override;
  [[nodiscard]] Result<std::vector<std::uint64_t>> logging_report(std::uint64_t iova,
                                                                  std::uint64_t length) override;
  /// The command register: BARs and interrupts are the kernel's, set up anew by who owns the
  /// function.
  [[nodiscard]] Result<std::vector<std::uint8_t>> save_config() override;
  [[nodiscard]] Result<void> restore_config(const std::vector<std::uint8_t>& bytes) override;

 private:
  template <class Data>
  Result<void> feature(std::uint32_t flags, Data& data, const char* what) const;
  Result<void> feature(std::uint32_t flags, const char* what) const;
  Result<void> feature_raw(std::vector<std::uint8_t>& raw, std::uint32_t flags,
                           const char* what) const;

  int fd_;
  VfioRegion config_;
  VfioCalls& calls_;
  std::uint64_t tracked_page_ = 4096;
};

}  // namespace vfsim::driver
