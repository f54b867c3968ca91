#include "testbench/sim_platform/enumerate.hpp"

#include "host_driver/platform/pci_registers.hpp"

namespace vfsim::bench {
namespace {

namespace pci = driver::pci;

constexpr std::uint32_t kBar0 = 0x10;
constexpr std::uint32_t kExtended = 0x100;
constexpr std::uint16_t kSriov = 0x0010;
constexpr std::uint32_t kVfBar0 = 0x24;

std::uint32_t read(model::Host& host, model::Rid rid, std::uint32_t reg, std::uint32_t bytes) {
  return static_cast<std::uint32_t>(host.config_read(rid, reg, bytes).value);
}

/// Sizes a 64-bit BAR and gives it its address.
std::uint64_t place_bar(model::Host& host, model::Rid rid, std::uint32_t reg, std::uint64_t address) {
  host.config_write(rid, reg, 0xffffffff, 4);
  host.config_write(rid, reg + 4, 0xffffffff, 4);
  const std::uint64_t mask =
      (std::uint64_t{read(host, rid, reg + 4, 4)} << 32 | read(host, rid, reg, 4)) & ~std::uint64_t{0xf};
  host.config_write(rid, reg, static_cast<std::uint32_t>(address), 4);
  host.config_write(rid, reg + 4, static_cast<std::uint32_t>(address >> 32), 4);
  return ~mask + 1;
}

/// Code of a Device Control size field: log2(bytes / 128).
std::uint32_t size_code(std::uint32_t bytes) {
  std::uint32_t code = 0;
  while (code < 5 && (128U << code) < bytes) {
    ++code;
  }
  return code;
}

}  // namespace

std::uint32_t find_capability(model::Host& host, model::Rid rid, std::uint8_t id) {
  for (std::uint32_t at = read(host, rid, pci::kCapabilities, 1); at >= 0x40 && at < kExtended;
       at = read(host, rid, at + 1, 1)) {
    if (read(host, rid, at, 1) == id) {
      return at;
    }
  }
  return 0;
}

std::uint32_t find_extended_capability(model::Host& host, model::Rid rid, std::uint16_t id) {
  for (std::uint32_t at = kExtended; at >= kExtended;) {
    const std::uint32_t header = read(host, rid, at, 4);
    if ((header & 0xffff) == id) {
      return at;
    }
    at = header >> 20;
  }
  return 0;
}

std::uint64_t enumerate_function(model::Host& host, model::Rid rid, std::uint64_t bar, const model::PcieParams& pcie) {
  const std::uint64_t bytes = bar == 0 ? 0 : place_bar(host, rid, kBar0, bar);
  if (const std::uint32_t cap = find_capability(host, rid, pci::kExpress); cap != 0) {
    const std::uint32_t control = read(host, rid, cap + pci::kDeviceControl, 2) & ~0x70e0U;
    host.config_write(rid, cap + pci::kDeviceControl,
                      control | size_code(pcie.max_payload) << 5 | size_code(pcie.max_read_request) << 12, 2);
  }
  host.config_write(rid, pci::kCommand, read(host, rid, pci::kCommand, 2) | pci::kMemoryAndMaster, 2);
  return bytes;
}

std::uint64_t place_vf_windows(model::Host& host, model::Rid pf, std::uint64_t bar) {
  return place_bar(host, pf, find_extended_capability(host, pf, kSriov) + kVfBar0, bar);
}

}  // namespace vfsim::bench
