// What the host side tells whoever watches it (rules, event log, time line).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vfsim::driver {

/// Which VF, by its PF driver's host and VF index.
struct VfRef {
  std::uint8_t host = 0;
  std::uint16_t vf = 0;
};

class DriverObserver {
 public:
  virtual ~DriverObserver() = default;
  /// One arc of the VFIO state machine ended: `error` = 0 and the device is in `to`, or errno and
  /// it is in `from`.
  virtual void vfio_arc(VfRef vf, std::uint32_t from, std::uint32_t to, int error) {
    (void)vf, (void)from, (void)to, (void)error;
  }
  /// A dirty report was handed to the VMM.
  virtual void dirty_report(VfRef vf, const std::uint64_t* pages, std::size_t count) {
    (void)vf, (void)pages, (void)count;
  }
  virtual void dirty_tracking(VfRef vf, bool on) { (void)vf, (void)on; }
  /// VMM phase of a guest begins or ends.
  virtual void phase(std::uint32_t guest, std::string_view name, bool begin) {
    (void)guest, (void)name, (void)begin;
  }
  /// vCPUs of a guest stopped or started on a host.
  virtual void vcpus(std::uint32_t guest, std::uint8_t host, bool running) {
    (void)guest, (void)host, (void)running;
  }
};

}  // namespace vfsim::driver
