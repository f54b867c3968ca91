// Where things lie in the simulated hosts. Both hosts are laid out alike.
#pragma once

#include <cstdint>

#include "firmware/interface/layout.h"
#include "systemc/pcie/host.hpp"
#include "testbench/scenarios/memory_plan.hpp"

namespace vfsim::bench {

/// Device windows, behind model::Host::kMmioBase.
inline constexpr std::uint64_t kPfWindow = model::Host::kMmioBase;
inline constexpr std::uint64_t kVfWindows = model::Host::kMmioBase + 256 * kMiB;
inline constexpr std::uint64_t kPeerWindow = model::Host::kMmioBase + 1024 * kMiB;

inline constexpr std::uint64_t kVfWindowBytes = 1ULL << VF_BAR_LOG_VF_BYTES;

/// The same windows in a guest's physical address space, for peer-to-peer.
inline constexpr std::uint64_t kGuestVfWindows = 1ULL << 40;
inline constexpr std::uint64_t kGuestPeerWindow = (1ULL << 40) + 16 * kMiB;

/// As observations name VF `vf`.
inline model::FnRef vf_ref(std::uint8_t host, std::uint32_t vf) { return {host, static_cast<std::uint8_t>(vf + 1)}; }
/// Routing id and window of VF `vf`.
inline model::Rid vf_rid(std::uint32_t vf) { return static_cast<model::Rid>(model::Host::kNicRid + 1 + vf); }
inline std::uint64_t vf_window(std::uint32_t vf) { return kVfWindows + (std::uint64_t{vf} << VF_BAR_LOG_VF_BYTES); }
/// Bus address of the BAR of a guest's n-th VF, for the guest's other devices.
inline std::uint64_t guest_vf_window(std::uint32_t n) {
  return kGuestVfWindows + (std::uint64_t{n} << VF_BAR_LOG_VF_BYTES);
}
/// Host physical address of a guest's memory.
inline std::uint64_t guest_phys(std::uint32_t guest, std::uint64_t bytes) { return kGuestMemory + guest * bytes; }

}  // namespace vfsim::bench
