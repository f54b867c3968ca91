// What the VMM needs of its machine: the guest's memory and vCPUs, and a channel to the other host.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "host_driver/migration/vfio_device.hpp"
#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

inline constexpr std::uint64_t kGuestPage = 4096;

/// One guest on one host.
class GuestVm {
 public:
  virtual ~GuestVm() = default;
  [[nodiscard]] virtual std::uint32_t id() const = 0;
  [[nodiscard]] virtual std::uint8_t host() const = 0;
  [[nodiscard]] virtual std::uint64_t memory_bytes() const = 0;
  /// Pages (guest physical addresses, ascending) that hold anything but zeros.
  [[nodiscard]] virtual std::vector<std::uint64_t> used_pages() const = 0;
  virtual void read_page(std::uint64_t gpa, std::uint8_t* to) const = 0;
  virtual void write_page(std::uint64_t gpa, const std::uint8_t* from) = 0;
  /// Dirty log of the CPU's own writes (KVM's part): while on, report() returns and clears the
  /// pages written.
  virtual void cpu_log(bool on) = 0;
  [[nodiscard]] virtual std::vector<std::uint64_t> cpu_report() = 0;
  /// Stops all vCPUs: returns when none runs guest code. Interrupts stay pending.
  virtual void stop_vcpus() = 0;
  virtual void start_vcpus() = 0;
  /// This host's devices are about to run for the guest: its interrupts are routed here from now
  /// on. The VMM calls it on the destination when memory and device state are complete, and on the
  /// source when it rolls back, before any device leaves STOP.
  virtual void take_over() = 0;
  /// The migratable devices, in a fixed order that is equal on both hosts.
  [[nodiscard]] virtual std::vector<VfioDevice*> devices() = 0;
};

/// A reliable, ordered byte channel between the hosts (TCP's role): bandwidth and latency are the
/// machine's.
class Channel {
 public:
  virtual ~Channel() = default;
  /// Blocks while the line is busy. EPIPE after close() by either side.
  [[nodiscard]] virtual Result<void> send(const std::vector<std::uint8_t>& message) = 0;
  /// Blocks until a message is there. EPIPE when the peer closed and nothing is left; ETIMEDOUT.
  [[nodiscard]] virtual Result<std::vector<std::uint8_t>> receive(Nanoseconds timeout) = 0;
  virtual void close() = 0;
};

}  // namespace vfsim::driver
