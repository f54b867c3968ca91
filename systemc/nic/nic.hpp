// The NIC: PF and VFs, command doorbells, DMA engine, data path, embedded processor with firmware.
#pragma once

#include <memory>

#include "firmware/interface/faults.h"
#include "systemc/common/calendar.hpp"
#include "systemc/common/params.hpp"
#include "systemc/common/probe.hpp"
#include "systemc/nic/block_makers.hpp"
#include "systemc/pcie/port.hpp"
#include "systemc/wire/port.hpp"

struct vf_context_ram;

namespace vfsim::model {

struct NicStats;  // systemc/nic/nic_core.hpp

/// One SR-IOV NIC on a PCIe port and a wire port.
///
/// Routing ids: PF = base, VF k = base + 1 + k (First VF Offset 1, VF Stride 1, ARI).
/// Everything a guest or peer can do ends in the status the hardware would give; nothing throws
/// after construction.
class Nic final : public PcieEndpoint, public WireEndpoint {
 public:
  /// @param host    0 or 1, for observations
  /// @param rid     routing id of the PF
  /// @param makers  of the blocks that have several implementations; not kept
  /// The firmware's serial number (MACs, GUIDs) is host + 1.
  Nic(Calendar& calendar, ProbeBus& probes, const NicParams& params, const PcieParams& pcie,
      std::uint8_t host, Rid rid, const BlockMakers& makers = {});
  ~Nic() override;

  void connect(PciePort& pcie, WirePort& wire);
  /// Deliberate defects of hardware and firmware, bits VF_FAULT_*; before power_on(), or between two
  /// activities of the models: what is decided later reckons with the new ones. Off by default.
  void set_faults(vf_fault_set faults);
  /// Ends power-on: firmware starts; `initializing` reads 0 after params.boot_us.
  void power_on();

  // PcieEndpoint, WireEndpoint
  void receive(const Tlp& tlp, const std::uint8_t* payload) override;
  void write_landed(const Tlp& tlp, bool ok) override;
  void credits_returned() override;
  FrameDrop frame_arrived(const std::uint8_t* bytes, std::uint32_t length) override;
  [[nodiscard]] bool owns_mac(const std::uint8_t* mac) const override;

  /// Link state of the wire port (a cable that is pulled): raises a port change event on every
  /// function.
  void set_link(bool up);

  /// Benchmarks and checkers that need a look inside (read only): context memory shared by firmware
  /// and hardware.
  [[nodiscard]] const vf_context_ram& context() const;
  /// Non-posted requests outstanding and posted writes in flight of a function (for waves).
  [[nodiscard]] std::uint32_t outstanding_reads(std::uint32_t fn) const;
  [[nodiscard]] std::uint32_t inflight_writes(std::uint32_t fn) const;
  /// Digest of the function's whole internal state (contexts, held doorbells, pending vectors) for
  /// S2 and Q4.
  [[nodiscard]] std::uint64_t state_digest(std::uint32_t fn) const;

  /// TLPs, frames, entries, interrupts so far (for benchmarks and waves).
  [[nodiscard]] const NicStats& stats() const;

  /// The blocks (systemc/nic/nic_impl.hpp): for tests and for benchmarks that drive one block
  /// directly.
  class Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::model
