#include "host_driver/migration/vf_config.hpp"

#include <chrono>

#include "firmware/interface/layout.h"
#include "host_driver/migration/bytes.hpp"
#include "host_driver/migration/record.hpp"
#include "host_driver/platform/pci_registers.hpp"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

constexpr std::uint32_t kConfigMagic = 0x31434656;  // "VFC1"
constexpr std::uint32_t kMsixControl = 2, kMsixWritable = 0xc000;
constexpr std::uint32_t kTableDwords = VF_MSIX_VECTORS * 4;
// magic, command, device control, MSI-X control, 6 BARs, table, check sum
constexpr std::size_t kBytes = 4 * (4 + 6 + kTableDwords + 1);

constexpr std::uint32_t kMasked = 1;

/// One table entry. Reads cost a round trip each while the guest stands still, so the two middle
/// words of an entry that is masked and has no address, as all unused ones, are taken as zero.
void append_entry(Platform& function, std::uint32_t vector, std::vector<std::uint8_t>& out) {
  const std::uint64_t at = VF_BAR_MSIX_TABLE + std::uint64_t{16} * vector;
  const std::uint32_t address = read_le32(function, at);
  const std::uint32_t control = read_le32(function, at + 12);
  const bool unused = address == 0 && (control & kMasked) != 0;
  le_append<std::uint32_t>(out, address);
  le_append<std::uint32_t>(out, unused ? 0 : read_le32(function, at + 4));
  le_append<std::uint32_t>(out, unused ? 0 : read_le32(function, at + 8));
  le_append<std::uint32_t>(out, control);
}

bool present(Platform& function) {
  return function.config_read(pci::kCommand, 4) != 0xffffffffU;
}

Error absent() {
  return fail(ENODEV, "function does not answer configuration reads");
}

}  // namespace

std::optional<std::uint32_t> find_pci_capability(Platform& function, std::uint8_t id) {
  if ((function.config_read(pci::kStatus, 2) & pci::kHasCapabilities) == 0) {
    return std::nullopt;
  }
  std::uint32_t at = function.config_read(pci::kCapabilities, 1) & 0xfcU;
  for (int hops = 0; at >= 0x40 && hops < 48; ++hops) {
    if (function.config_read(at, 1) == id) {
      return at;
    }
    at = function.config_read(at + 1, 1) & 0xfcU;
  }
  return std::nullopt;
}

Result<std::vector<std::uint8_t>> save_vf_config(Platform& function, const VirtualBars& bars) {
  if (!present(function)) {
    return absent();
  }
  const auto express = find_pci_capability(function, kPciCapExpress);
  const auto msix = find_pci_capability(function, kPciCapMsix);
  std::vector<std::uint8_t> out;
  le_append<std::uint32_t>(out, kConfigMagic);
  le_append<std::uint32_t>(out, function.config_read(pci::kCommand, 2));
  le_append<std::uint32_t>(out, express ? function.config_read(*express + pci::kDeviceControl, 2) : 0);
  le_append<std::uint32_t>(out, msix ? function.config_read(*msix + kMsixControl, 2) : 0);
  for (const std::uint32_t bar : bars) {
    le_append<std::uint32_t>(out, bar);
  }
  for (std::uint32_t vector = 0; vector < VF_MSIX_VECTORS; ++vector) {
    append_entry(function, vector, out);
  }
  le_append<std::uint32_t>(out, crc32c(out.data(), out.size()));
  return out;
}

Result<VirtualBars> restore_vf_config(Platform& function, const std::vector<std::uint8_t>& bytes) {
  const auto word = [&](std::size_t i) { return le_load<std::uint32_t>(bytes.data() + 4 * i); };
  if (bytes.size() != kBytes || word(0) != kConfigMagic ||
      word(kBytes / 4 - 1) != crc32c(bytes.data(), kBytes - 4)) {
    return fail(EINVAL, "not a saved configuration space");
  }
  if (!present(function)) {
    return absent();
  }
  const auto express = find_pci_capability(function, kPciCapExpress);
  const auto msix = find_pci_capability(function, kPciCapMsix);
  for (std::uint32_t i = 0; i < kTableDwords; ++i) {
    write_le32(function, VF_BAR_MSIX_TABLE + std::uint64_t{4} * i, word(10 + i));
  }
  if (express) {
    function.config_write(*express + pci::kDeviceControl, word(2) & ~pci::kInitiateFlr, 2);
  }
  if (msix) {
    function.config_write(*msix + kMsixControl, word(3) & kMsixWritable, 2);
  }
  function.config_write(pci::kCommand, word(1), 2);
  VirtualBars bars{};
  for (std::size_t i = 0; i < bars.size(); ++i) {
    bars[i] = word(4 + i);
  }
  return bars;
}

Result<void> reset_function(Platform& function, Nanoseconds wait) {
  if (!present(function)) {
    return absent();
  }
  const auto express = find_pci_capability(function, kPciCapExpress);
  if (!express) {
    return fail(ENOTTY, "function has no PCI Express capability");
  }
  const std::uint32_t command = function.config_read(pci::kCommand, 2);
  const std::uint32_t control = function.config_read(*express + pci::kDeviceControl, 2);
  function.config_write(*express + pci::kDeviceControl, control | pci::kInitiateFlr, 2);
  function.os().sleep(wait);
  if (!present(function)) {
    return absent();
  }
  function.config_write(*express + pci::kDeviceControl, control & ~pci::kInitiateFlr, 2);
  function.config_write(pci::kCommand, command, 2);
  return success();
}

}  // namespace vfsim::driver
