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

/// A host. Devices are attached to ports; the CPU side (platforms of drivers and guests) issues MMIO and
/// configuration accesses and receives interrupts.
///
/// Physical address map: memory from 0; device windows above kMmioBase. A device's memory request is translated by
/// the IOMMU domain of its requester id (all peer-to-peer traffic goes up to the root complex and down again, as
/// with ACS redirect). Ordering: see docs/architecture.md, "PCIe ordering".
class Host {
 public:
  static constexpr std::uint64_t kMmioBase = 1ULL << 46;

  Host(Calendar& calendar, ProbeBus& probes, const HostParams& params, const PcieParams& pcie, std::uint8_t index);
  ~Host();

  /// Attaches a device that answers for routing ids [first, first + count). Returns its link.
  PciePort& attach(PcieEndpoint& device, Rid first, std::uint32_t count);
  /// Routes the window to the device that owns routing id `rid` (called when a driver or the VMM programs a BAR).
  /// `bar_offset` is where the window starts in the device's own address decoding.
  void map_window(std::uint64_t phys, std::uint64_t bytes, Rid rid);
  void unmap_window(std::uint64_t phys);

  [[nodiscard]] HostMemory& memory();
  [[nodiscard]] Iommu& iommu();

  // CPU side. Accesses are `bytes` = 1, 2, 4, 8; values are little-endian in the integer, as on an x86 bus.
  /// Posted; returns at once, arrives after link latency.
  void cpu_write(std::uint64_t phys, std::uint64_t value, std::uint32_t bytes);
  /// Non-posted: blocks the calling SC_THREAD until the completion (or the 10 ms CPU time-out) comes.
  CpuRead cpu_read(std::uint64_t phys, std::uint32_t bytes);
  /// Configuration accesses, blocking. Reads of an absent function give unsupported_request and all ones.
  CpuRead config_read(Rid rid, std::uint32_t reg, std::uint32_t bytes);
  CplStatus config_write(Rid rid, std::uint32_t reg, std::uint32_t value, std::uint32_t bytes);

  /// Interrupt remapping: message `data` of `rid` calls `handler` after params.irq_latency_ns.
  /// The driver programs the MSI-X entry with address kMsiWindow and the same data.
  void route_interrupt(Rid rid, std::uint32_t data, std::function<void()> handler);
  void unroute_interrupts(Rid rid);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::model
