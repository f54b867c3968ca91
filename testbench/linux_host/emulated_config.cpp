#include "testbench/linux_host/emulated_config.hpp"

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kCommand = 0x04;
constexpr std::uint32_t kBusMaster = 1U << 2;
constexpr std::uint32_t kDeviceControl = model::ConfigSpace::kPcieCap + 0x08;
constexpr std::uint32_t kReset = 1U << 15;
constexpr std::uint32_t kMsixControl = model::ConfigSpace::kMsixCap + 2;

model::ConfigIdentity identity(const model::PcieParams& pcie) {
  model::ConfigIdentity id;
  id.vendor = VF_PCI_VENDOR;
  id.device = VF_PCI_DEVICE_VF;
  id.bar0_bytes = 1ULL << VF_BAR_LOG_VF_BYTES;
  id.msix_vectors = VF_MSIX_VECTORS;
  id.msix_table = VF_BAR_MSIX_TABLE;
  id.msix_pba = VF_BAR_MSIX_PBA;
  id.max_payload = pcie.max_payload;
  id.link_generation = pcie.generation;
  id.link_lanes = pcie.lanes;
  return id;
}

}  // namespace

EmulatedConfig::EmulatedConfig(const model::PcieParams& pcie, const FunctionPlace& place)
    : place_(place), config_(identity(pcie), *this) {}

void EmulatedConfig::bar_written(std::uint64_t offset, std::uint64_t value, std::uint32_t bytes) {
  if (offset >= VF_BAR_MSIX_TABLE && offset - VF_BAR_MSIX_TABLE < model::MsixTable::kTableBytes) {
    table_.write_table(static_cast<std::uint32_t>(offset - VF_BAR_MSIX_TABLE), value, bytes);
  }
}

void EmulatedConfig::flr_requested() {
  place_.host->config_write(place_.rid, kDeviceControl, kReset, 2);
  config_.reset();
  table_.reset();
}

void EmulatedConfig::command_changed() {
  place_.host->config_write(place_.rid, kCommand, config_.bus_master() ? kBusMaster : 0, 2);
}

void EmulatedConfig::msix_control_changed() {
  place_.host->config_write(place_.rid, kMsixControl, config_.read(kMsixControl, 2), 2);
}

void EmulatedConfig::move_to(const FunctionPlace& place) {
  place_ = place;
  restore();
}

void EmulatedConfig::restore() {
  for (std::uint32_t at = 0; at < model::MsixTable::kTableBytes; at += 4) {
    place_.host->cpu_write(place_.window + VF_BAR_MSIX_TABLE + at, table_.read_table(at, 4), 4);
  }
  msix_control_changed();
  command_changed();
}

}  // namespace vfsim::bench
