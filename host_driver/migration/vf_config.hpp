// Configuration space of a VF as the virtual machine sees it: saved on one host, restored on
// another.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

/// Offset of a capability in configuration space, or nothing. @param id PCI capability id.
[[nodiscard]] std::optional<std::uint32_t> find_pci_capability(Platform& function, std::uint8_t id);
inline constexpr std::uint8_t kPciCapExpress = 0x10, kPciCapMsix = 0x11;

/// Values of BAR0..5 that the virtual machine wrote; a VF has none of its own in its header.
using VirtualBars = std::array<std::uint32_t, 6>;

/// Command register, virtual BARs, PCIe device control, MSI-X control and table, in an own format
/// (little-endian, with check sum). The table lies in BAR0 and is reached by MMIO, which works
/// while the VF is stopped. ENODEV when the function does not answer.
[[nodiscard]] Result<std::vector<std::uint8_t>> save_vf_config(Platform& function,
                                                               const VirtualBars& bars);
/// Writes it back: table first, MSI-X control, then the command register. EINVAL when the bytes are
/// not such a space.
[[nodiscard]] Result<VirtualBars> restore_vf_config(Platform& function,
                                                    const std::vector<std::uint8_t>& bytes);

/// How long a function is left alone behind a function level reset: PCI Express wants 100 ms,
/// unless the function says that it is ready earlier.
inline constexpr Nanoseconds kResetWait{100'000'000};

/// Function level reset, by the device control register; the registers that a reset clears are put
/// back. ENODEV.
[[nodiscard]] Result<void> reset_function(Platform& function, Nanoseconds wait = kResetWait);

}  // namespace vfsim::driver
