// Registers of PCI configuration space that hosts use. Source: PCI Express Base Specification, 7.5.
#pragma once

#include <cstdint>

namespace vfsim::driver::pci {

inline constexpr std::uint32_t kCommand = 0x04;
inline constexpr std::uint32_t kMemoryAndMaster = 0x6;  // of it: memory space, bus master
inline constexpr std::uint32_t kStatus = 0x06;
inline constexpr std::uint32_t kHasCapabilities = 1U << 4;  // of it
inline constexpr std::uint32_t kCapabilities = 0x34;        // where the first one is

inline constexpr std::uint8_t kExpress = 0x10;       // capability
inline constexpr std::uint32_t kDeviceControl = 8;  // in it
inline constexpr std::uint32_t kInitiateFlr = 1U << 15;

}  // namespace vfsim::driver::pci
