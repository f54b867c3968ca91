// A PCI function that the kernel's VFIO gives to a user process.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host_driver/platform/result.hpp"
#include "host_driver/vfio/file.hpp"

namespace vfsim::driver {

/// Part of a device file that stands for a BAR or for the configuration space.
struct VfioRegion {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// A function's registers and configuration space as parts of a file, its interrupts as eventfds.
class DeviceFile {
 public:
  virtual ~DeviceFile() = default;
  [[nodiscard]] virtual int device_fd() const = 0;
  [[nodiscard]] virtual const VfioRegion& bar0() const = 0;
  [[nodiscard]] virtual const VfioRegion& config() const = 0;
  /// MSI-X vectors that it has.
  [[nodiscard]] virtual std::uint32_t vectors() const = 0;
  /// Vector i raises event_fds[i], until the next call; an empty list disables MSI-X.
  [[nodiscard]] virtual Result<void> set_interrupts(const std::vector<int>& event_fds) = 0;
};

/// Container, group and device of one function. The function is reset when it is opened, and when
/// the last descriptor of it is closed.
class VfioFunction final : public DeviceFile {
 public:
  /// The descriptors that make up an open function; another process of the same user may have got
  /// them from the one that opened it.
  struct Files {
    File container, group, device;
  };

  /// Opens the function `address` ("0000:00:01.0"), which must be bound to a driver of VFIO.
  /// Without an IOMMU it uses the no-IOMMU mode, which the kernel must allow
  /// (vfio.enable_unsafe_noiommu_mode=1). ENODEV: no such function, or not bound; EBUSY: its group
  /// is open already; EINVAL.
  [[nodiscard]] static Result<std::unique_ptr<VfioFunction>> open(const std::string& address);
  /// Takes over descriptors, asks the device what it has. EINVAL, ENOTTY: not a PCI function.
  [[nodiscard]] static Result<std::unique_ptr<VfioFunction>> adopt(Files files);

  [[nodiscard]] const Files& files() const { return files_; }
  [[nodiscard]] int device_fd() const override { return files_.device.fd(); }
  [[nodiscard]] const VfioRegion& bar0() const override { return bar0_; }
  [[nodiscard]] const VfioRegion& config() const override { return config_; }
  [[nodiscard]] std::uint32_t vectors() const override { return vectors_; }
  [[nodiscard]] Result<void> set_interrupts(const std::vector<int>& event_fds) override;

 private:
  Files files_;
  VfioRegion bar0_, config_;
  std::uint32_t vectors_ = 0;
};

/// "what: Device or resource busy (EBUSY)" for an errno.
[[nodiscard]] std::string error_text(const std::string& what, int code);
[[nodiscard]] std::string errno_name(int code);

}  // namespace vfsim::driver
