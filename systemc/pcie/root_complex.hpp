// Root complex: where the requests of devices take effect.
#pragma once

#include <vector>

#include "systemc/common/calendar.hpp"
#include "systemc/common/params.hpp"
#include "systemc/common/probe.hpp"
#include "systemc/memory/host_memory.hpp"
#include "systemc/memory/iommu.hpp"
#include "systemc/pcie/cpu_requests.hpp"
#include "systemc/pcie/interrupts.hpp"
#include "systemc/pcie/link.hpp"
#include "systemc/pcie/windows.hpp"

namespace vfsim::model {

/// Decides per TLP that came up a link: interrupt, memory, peer device, completion for a peer or
/// the CPU, or refusal. All peer-to-peer traffic passes here (as with ACS redirect) and is
/// translated like any other.
class RootComplex final : public UpstreamSink {
 public:
  RootComplex(Calendar& calendar, ProbeBus& probes, const HostParams& params,
              const PcieParams& pcie, std::uint8_t host);

  void add_link(PcieLink& link, Rid first, std::uint32_t count);
  /// The link of the device that answers for `rid`, or nullptr.
  [[nodiscard]] PcieLink* link_of(Rid rid) const {
    return rid < links_.size() ? links_[rid] : nullptr;
  }
  void arrived(PcieLink& link, Packet& packet) override;
  /// The whole answer to the requester's next read of memory is lost.
  void drop_next_completion(Rid requester) { drops_.push_back(requester); }
  /// The requester's next memory write is lost, and the requester told that it has landed.
  void drop_next_write(Rid requester) { write_drops_.push_back(requester); }
  /// A function of the NIC for observations; false for other devices.
  [[nodiscard]] bool function_of(Rid rid, FnRef& who) const;

  [[nodiscard]] HostMemory& memory() { return memory_; }
  [[nodiscard]] Iommu& iommu() { return iommu_; }
  [[nodiscard]] SlotPool& payloads() { return payloads_; }
  [[nodiscard]] InterruptRouter& interrupts() { return interrupts_; }
  [[nodiscard]] WindowTable& windows() { return windows_; }
  [[nodiscard]] CpuRequests& cpu() { return cpu_; }

 private:
  void write(PcieLink& link, Packet& packet);
  void interrupt(PcieLink& link, const Packet& packet);
  void read(PcieLink& link, Packet& packet);
  void read_memory(PcieLink& link, const Tlp& request);
  void refuse_read(PcieLink& link, const Tlp& request);
  void completion(const Packet& packet);
  /// Sends the request to the peer that owns its physical address; nullptr when there is none.
  PcieLink* peer(Packet& packet);
  bool translate(Tlp& tlp, bool write);
  static bool dropped(std::vector<Rid>& drops, Rid requester);
  void finish_write(PcieLink& link, const Packet& packet, bool ok);

  Calendar& calendar_;
  ProbeBus& probes_;
  const std::uint8_t host_;
  const std::uint32_t max_payload_;
  const std::uint32_t read_boundary_;
  HostMemory memory_;
  Iommu iommu_;
  SlotPool payloads_;
  InterruptRouter interrupts_;
  WindowTable windows_;
  CpuRequests cpu_;
  std::vector<PcieLink*> links_;  // by routing id
  std::vector<Rid> drops_;
  std::vector<Rid> write_drops_;
};

}  // namespace vfsim::model
