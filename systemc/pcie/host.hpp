// One host's hardware: memory, IOMMU, root complex, switch, interrupt controller.
#pragma once

#include <functional>
#include <memory>

#include "systemc/common/calendar.hpp"
#include "systemc/common/params.hpp"
#include "systemc/common/probe.hpp"
#include "systemc/memory/host_memory.hpp"
#include "systemc/memory/iommu.hpp"
#include "systemc/pcie/port.hpp"

namespace vfsim::model {

/// Result of a CPU read.
struct CpuRead {
  CplStatus status = CplStatus::successful;
  std::uint64_t value = 0;  // all ones on error, as a root complex gives it
};

/// A host. Devices are attached to ports; the CPU side (platforms of drivers and guests) issues
/// MMIO and configuration accesses and receives interrupts.
///
/// Physical address map: memory from 0; device windows above kMmioBase. A device's memory request
/// is translated by the IOMMU domain of its requester id (all peer-to-peer traffic goes up to the
/// root complex and down again, as with ACS redirect). A request that reaches a device carries the
/// function it is for in `completer`, the offset in that function's BAR0 in `addr` and the physical
/// address in `phys`. Timing: whatever a device sends takes effect one latency plus memory_ns after
/// its last byte left; what goes down arrives one latency after. Ordering: both directions of a
/// link are FIFO, unless pcie.reorder is set (link.hpp); writes landed are told in the order in
/// which they came to the root complex. See docs/architecture.md, "PCIe ordering". Observations
/// name functions of the NIC, the device at kNicRid: FnRef::fn = routing id
/// - kNicRid. CPU accesses to other devices and their interrupts are not reported as `access` and
/// `msi`; their TLPs are, by requester id.
class Host {
 public:
  static constexpr std::uint64_t kMmioBase = 1ULL << 46;
  static constexpr Rid kNicRid = 0x0100;
  static constexpr Rid kPeerRid = 0x0200;

  /// Throws std::runtime_error when the memory cannot be reserved.
  /// `seed`: of what pcie.reorder does.
  Host(Calendar& calendar, ProbeBus& probes, const HostParams& params, const PcieParams& pcie,
       std::uint8_t index, std::uint64_t seed = 1);
  ~Host();

  /// Attaches a device that answers for routing ids [first, first + count). Returns its link.
  PciePort& attach(PcieEndpoint& device, Rid first, std::uint32_t count);
  /// Routes the window to function `rid` (called when a driver or the VMM programs a BAR); replaces
  /// a window that begins at the same address. False: it overlaps another one. `bar_offset` is
  /// where the window starts in the function's BAR0.
  bool map_window(std::uint64_t phys, std::uint64_t bytes, Rid rid, std::uint64_t bar_offset = 0);
  void unmap_window(std::uint64_t phys);

  [[nodiscard]] HostMemory& memory();
  [[nodiscard]] Iommu& iommu();

  // CPU side. Accesses are `bytes` = 1, 2, 4, 8; values are little-endian in the integer, as on an
  // x86 bus. An access to memory takes no time. An access to no window: writes vanish, reads give
  // unsupported_request.
  /// Posted; takes the CPU no time, arrives after link latency.
  void cpu_write(std::uint64_t phys, std::uint64_t value, std::uint32_t bytes);
  /// Non-posted: blocks the calling SC_THREAD until the completion (or the 10 ms CPU time-out)
  /// comes. Arrives behind earlier writes to the same device; its answer arrives behind what the
  /// device wrote before answering.
  CpuRead cpu_read(std::uint64_t phys, std::uint32_t bytes);
  /// Configuration accesses, blocking. Reads of an absent function give unsupported_request and all
  /// ones.
  CpuRead config_read(Rid rid, std::uint32_t reg, std::uint32_t bytes);
  CplStatus config_write(Rid rid, std::uint32_t reg, std::uint32_t value, std::uint32_t bytes);

  /// Interrupt remapping: message `data` of `rid` calls `handler` after params.irq_latency_ns, in
  /// calendar time: it must not block. The driver programs the MSI-X entry with address kMsiWindow
  /// and the same data; the `msi` observation carries the data as its vector. A message without
  /// route is refused.
  void route_interrupt(Rid rid, std::uint32_t data, std::function<void()> handler);
  void unroute_interrupts(Rid rid);

  // Disturbances, for tests and scenarios.
  /// Link retrain of the device that answers for `device`: no TLP starts in either direction for
  /// this long.
  void stall_link(Rid device, Ps duration);
  /// The whole answer to the requester's next memory read is lost on the way.
  void drop_next_completion(Rid requester);
  /// The requester's next memory write is lost on the way, and the requester told that it has
  /// landed.
  void drop_next_write(Rid requester);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::model
