#include "systemc/pcie/config_space.hpp"

namespace vfsim::model {

namespace {

// Type 0 header.
constexpr std::uint32_t kVendor = 0x00;
constexpr std::uint32_t kDevice = 0x02;
constexpr std::uint32_t kCommand = 0x04;
constexpr std::uint32_t kStatus = 0x06;
constexpr std::uint32_t kClass = 0x08;
constexpr std::uint32_t kBar0 = 0x10;
constexpr std::uint32_t kSubsystemVendor = 0x2c;
constexpr std::uint32_t kSubsystem = 0x2e;
constexpr std::uint32_t kCapPointer = 0x34;
constexpr std::uint32_t kInterruptLine = 0x3c;
constexpr std::uint32_t kCommandMemory = 1U << 1;
constexpr std::uint32_t kCommandMaster = 1U << 2;
constexpr std::uint32_t kCommandParity = 1U << 6;
constexpr std::uint32_t kCommandSerr = 1U << 8;
constexpr std::uint32_t kCommandIntxOff = 1U << 10;
constexpr std::uint32_t kStatusCapList = 1U << 4;
constexpr std::uint32_t kBar64Prefetchable = 0xc;

// Capability ids and registers, as offsets from the capability.
constexpr std::uint32_t kIdPm = 0x01;
constexpr std::uint32_t kIdPcie = 0x10;
constexpr std::uint32_t kIdMsix = 0x11;
constexpr std::uint32_t kExtAri = 0x000e;
constexpr std::uint32_t kExtSriov = 0x0010;
constexpr std::uint32_t kExtVersion1 = 1U << 16;

constexpr std::uint32_t kDevCap = ConfigSpace::kPcieCap + 0x04;
constexpr std::uint32_t kDevCtl = ConfigSpace::kPcieCap + 0x08;
constexpr std::uint32_t kLinkCap = ConfigSpace::kPcieCap + 0x0c;
constexpr std::uint32_t kLinkStatus = ConfigSpace::kPcieCap + 0x12;
constexpr std::uint32_t kDevCap2 = ConfigSpace::kPcieCap + 0x24;
constexpr std::uint32_t kDevCtl2 = ConfigSpace::kPcieCap + 0x28;
constexpr std::uint32_t kDevCapRoleBased = 1U << 15;
constexpr std::uint32_t kDevCapFlr = 1U << 28;
constexpr std::uint32_t kDevCtlRelaxed = 1U << 4;
constexpr std::uint32_t kDevCtlFlr = 1U << 15;

constexpr std::uint32_t kMsixControl = ConfigSpace::kMsixCap + 2;
constexpr std::uint32_t kMsixFunctionMask = 1U << 14;
constexpr std::uint32_t kMsixEnable = 1U << 15;

constexpr std::uint32_t kSriovControl = ConfigSpace::kSriovCap + 0x08;
constexpr std::uint32_t kSriovInitialVfs = ConfigSpace::kSriovCap + 0x0c;
constexpr std::uint32_t kSriovTotalVfs = ConfigSpace::kSriovCap + 0x0e;
constexpr std::uint32_t kSriovNumVfs = ConfigSpace::kSriovCap + 0x10;
constexpr std::uint32_t kSriovFirstOffset = ConfigSpace::kSriovCap + 0x14;
constexpr std::uint32_t kSriovStride = ConfigSpace::kSriovCap + 0x16;
constexpr std::uint32_t kSriovVfDevice = ConfigSpace::kSriovCap + 0x1a;
constexpr std::uint32_t kSriovPageSizes = ConfigSpace::kSriovCap + 0x1c;
constexpr std::uint32_t kSriovPageSize = ConfigSpace::kSriovCap + 0x20;
constexpr std::uint32_t kSriovVfBar0 = ConfigSpace::kSriovCap + 0x24;
constexpr std::uint32_t kSriovEnable = 1U << 0;
constexpr std::uint32_t kSriovMemory = 1U << 3;
constexpr std::uint32_t kSriovAri = 1U << 4;
constexpr std::uint32_t kPageSizes = 0x7ff;  // 4 KiB to 4 MiB

constexpr std::uint32_t log2_floor(std::uint64_t value) {
  std::uint32_t log = 0;
  while (value > 1) {
    value >>= 1U;
    ++log;
  }
  return log;
}

constexpr std::uint64_t bar_address(std::uint32_t low, std::uint32_t high) {
  return (static_cast<std::uint64_t>(high) << 32U) | (low & ~0xfU);
}

}  // namespace

ConfigSpace::ConfigSpace(const ConfigIdentity& identity, ConfigEvents& events)
    : identity_(identity), events_(events) {
  build_header();
  build_pm();
  build_pcie();
  build_msix();
  build_ari();
  build_sriov();
  power_on_ = value_;
}

void ConfigSpace::put(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes,
                      std::uint32_t writable) {
  for (std::uint32_t i = 0; i < bytes; ++i) {
    value_[reg + i] = static_cast<std::uint8_t>(value >> (8 * i));
    writable_[reg + i] = static_cast<std::uint8_t>(writable >> (8 * i));
  }
}

std::uint32_t ConfigSpace::get(std::uint32_t reg, std::uint32_t bytes) const {
  std::uint32_t value = 0;
  for (std::uint32_t i = 0; i < bytes; ++i) {
    value |= static_cast<std::uint32_t>(value_[reg + i]) << (8 * i);
  }
  return value;
}

void ConfigSpace::build_header() {
  const bool vf = identity_.role == ConfigIdentity::Role::vf;
  put(kVendor, vf ? 0xffff : identity_.vendor, 2);
  put(kDevice, vf ? 0xffff : identity_.device, 2);
  // A VF decodes memory by its PF's SR-IOV control; its own enable bit is hardwired to zero.
  put(kCommand, 0, 2,
      vf ? kCommandMaster
         : kCommandMemory | kCommandMaster | kCommandParity | kCommandSerr | kCommandIntxOff);
  put(kStatus, kStatusCapList, 2);
  put(kClass, identity_.class_code << 8U, 4);
  put(kSubsystemVendor, identity_.vendor, 2);
  put(kSubsystem, identity_.device, 2);
  put(kCapPointer, kPmCap, 1);
  put(kInterruptLine, 0, 1, vf ? 0 : 0xff);
  if (!vf) {
    build_bar(kBar0, identity_.bar0_bytes);
  }
}

void ConfigSpace::build_bar(std::uint32_t reg, std::uint64_t bytes) {
  if (bytes == 0) {
    return;
  }
  const std::uint64_t address_bits = ~(bytes - 1);
  put(reg, kBar64Prefetchable, 4, static_cast<std::uint32_t>(address_bits) & ~0xfU);
  put(reg + 4, 0, 4, static_cast<std::uint32_t>(address_bits >> 32U));
}

void ConfigSpace::build_pm() {
  put(kPmCap, kIdPm | kPcieCap << 8U, 2);
  put(kPmCap + 2, 0x0003, 2);         // version 3, D0 and D3hot only
  put(kPmCap + 4, 1U << 3U, 2, 0x3);  // No_Soft_Reset; power state
}

void ConfigSpace::build_pcie() {
  const bool vf = identity_.role == ConfigIdentity::Role::vf;
  const std::uint32_t next = identity_.msix_vectors == 0 ? 0 : kMsixCap;
  const std::uint32_t link = identity_.link_generation | identity_.link_lanes << 4U;
  put(kPcieCap, kIdPcie | next << 8U, 2);
  put(kPcieCap + 2, 0x0002, 2);  // version 2, endpoint
  put(kDevCap, (log2_floor(identity_.max_payload) - 7) | kDevCapRoleBased | kDevCapFlr, 4);
  // Payload and request sizes are the PF's business; a VF's fields are reserved.
  put(kDevCtl, vf ? 0 : 0x2810, 2,
      vf ? 0 : 0x7fff);  // reset value: relaxed ordering, no snoop, MRRS 512
  put(kLinkCap, link, 4);
  put(kLinkStatus, link, 2);
  put(kDevCap2, 0x0000001f, 4);  // completion time-out ranges A-D and disable
  put(kDevCtl2, 0, 2, vf ? 0 : 0x1f);
}

void ConfigSpace::build_msix() {
  if (identity_.msix_vectors == 0) {
    return;
  }
  put(kMsixCap, kIdMsix, 2);
  put(kMsixControl, identity_.msix_vectors - 1, 2, kMsixEnable | kMsixFunctionMask);
  put(kMsixCap + 4, identity_.msix_table, 4);  // BIR 0
  put(kMsixCap + 8, identity_.msix_pba, 4);
}

void ConfigSpace::build_ari() {
  if (identity_.role == ConfigIdentity::Role::endpoint) {
    return;
  }
  const std::uint32_t next = identity_.role == ConfigIdentity::Role::pf ? kSriovCap : 0;
  put(kAriCap, kExtAri | kExtVersion1 | next << 20U,
      4);  // next function number 0: the PF is the only one
}

void ConfigSpace::build_sriov() {
  if (identity_.role != ConfigIdentity::Role::pf) {
    return;
  }
  put(kSriovCap, kExtSriov | kExtVersion1, 4);
  put(kSriovCap + 4, 1U << 1U, 4);  // ARI capable hierarchy preserved; no VF migration
  put(kSriovControl, 0, 2, kSriovEnable | kSriovMemory | kSriovAri);
  put(kSriovInitialVfs, identity_.total_vfs, 2);
  put(kSriovTotalVfs, identity_.total_vfs, 2);
  put(kSriovNumVfs, 0, 2, 0xffff);
  put(kSriovFirstOffset, 1, 2);
  put(kSriovStride, 1, 2);
  put(kSriovVfDevice, identity_.vf_device, 2);
  put(kSriovPageSizes, kPageSizes, 4);
  put(kSriovPageSize, 1, 4, kPageSizes);
  build_bar(kSriovVfBar0, identity_.vf_bar0_bytes);
}

std::uint32_t ConfigSpace::read(std::uint32_t reg, std::uint32_t bytes) const {
  return bytes <= 4 && reg <= kBytes - bytes ? get(reg, bytes) : 0;
}

void ConfigSpace::merge(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) {
  for (std::uint32_t i = 0; i < bytes; ++i) {
    const std::uint32_t mask = writable_[reg + i];
    value_[reg + i] =
        static_cast<std::uint8_t>((value_[reg + i] & ~mask) | ((value >> (8 * i)) & mask));
  }
}

void ConfigSpace::limit_num_vfs(std::uint16_t old) {
  // NumVFs holds still while VFs exist, and a number above TotalVFs is undefined: both leave it
  // alone.
  if (vf_enable() || num_vfs() > identity_.total_vfs) {
    put(kSriovNumVfs, old, 2, 0xffff);
  }
}

void ConfigSpace::write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) {
  if (bytes > 4 || reg > kBytes - bytes) {
    return;
  }
  const auto covers = [reg, bytes](std::uint32_t at, std::uint32_t count) {
    return reg < at + count && at < reg + bytes;
  };
  const bool pf = identity_.role == ConfigIdentity::Role::pf;
  const std::uint32_t old_command = get(kCommand, 2);
  const bool old_relaxed = relaxed_ordering();
  const std::uint32_t old_msix = get(kMsixControl, 2);
  const std::uint32_t old_sriov = get(kSriovControl, 2);
  const std::uint16_t old_vfs = num_vfs();
  const std::uint64_t old_vf_bar = vf_bar0();
  merge(reg, value, bytes);
  if (pf && covers(kSriovNumVfs, 2)) {
    limit_num_vfs(old_vfs);
  }
  if (get(kCommand, 2) != old_command || relaxed_ordering() != old_relaxed) {
    events_.command_changed();
  }
  if (identity_.bar0_bytes != 0 && identity_.role != ConfigIdentity::Role::vf && covers(kBar0, 8)) {
    events_.bar_changed();
  }
  if (get(kMsixControl, 2) != old_msix) {
    events_.msix_control_changed();
  }
  if (pf &&
      (get(kSriovControl, 2) != old_sriov || num_vfs() != old_vfs || vf_bar0() != old_vf_bar)) {
    events_.sriov_changed();
  }
  // Last: the owner resets the function from here.
  if (covers(kDevCtl + 1, 1) && (value >> (8 * (kDevCtl + 1 - reg)) & kDevCtlFlr >> 8U) != 0) {
    events_.flr_requested();
  }
}

void ConfigSpace::reset() {
  value_ = power_on_;
}

bool ConfigSpace::bus_master() const {
  return (get(kCommand, 2) & kCommandMaster) != 0;
}
bool ConfigSpace::memory_enable() const {
  return (get(kCommand, 2) & kCommandMemory) != 0;
}
std::uint64_t ConfigSpace::bar0() const {
  return bar_address(get(kBar0, 4), get(kBar0 + 4, 4));
}
bool ConfigSpace::msix_enable() const {
  return (get(kMsixControl, 2) & kMsixEnable) != 0;
}
bool ConfigSpace::msix_function_mask() const {
  return (get(kMsixControl, 2) & kMsixFunctionMask) != 0;
}
std::uint32_t ConfigSpace::max_payload() const {
  return 128U << (get(kDevCtl, 2) >> 5U & 7U);
}
std::uint32_t ConfigSpace::max_read_request() const {
  return 128U << (get(kDevCtl, 2) >> 12U & 7U);
}
bool ConfigSpace::relaxed_ordering() const {
  return (get(kDevCtl, 2) & kDevCtlRelaxed) != 0;
}
bool ConfigSpace::vf_enable() const {
  return (get(kSriovControl, 2) & kSriovEnable) != 0;
}
bool ConfigSpace::vf_memory_enable() const {
  return (get(kSriovControl, 2) & kSriovMemory) != 0;
}
std::uint16_t ConfigSpace::num_vfs() const {
  return static_cast<std::uint16_t>(get(kSriovNumVfs, 2));
}
std::uint64_t ConfigSpace::vf_bar0() const {
  return bar_address(get(kSriovVfBar0, 4), get(kSriovVfBar0 + 4, 4));
}

}  // namespace vfsim::model
