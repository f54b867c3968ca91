// What firmware and the PCI core of an operating system do before any driver runs.
#pragma once

#include <cstdint>

#include "systemc/common/params.hpp"
#include "systemc/pcie/host.hpp"

namespace vfsim::bench {

/// Offset of a capability in configuration space; 0 if the function has none.
[[nodiscard]] std::uint32_t find_capability(model::Host& host, model::Rid rid, std::uint8_t id);
[[nodiscard]] std::uint32_t find_extended_capability(model::Host& host, model::Rid rid, std::uint16_t id);

/// Gives the function's BAR0 the address `bar` (0: a VF, whose window is in its PF's SR-IOV capability), sets payload
/// and read request sizes, enables memory and bus mastering. Blocks (configuration accesses).
/// @returns size of BAR0, bytes
std::uint64_t enumerate_function(model::Host& host, model::Rid rid, std::uint64_t bar, const model::PcieParams& pcie);

/// Programs VF BAR0 of a physical function. @returns size of one VF's window, bytes
std::uint64_t place_vf_windows(model::Host& host, model::Rid pf, std::uint64_t bar);

}  // namespace vfsim::bench
