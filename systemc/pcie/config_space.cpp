#include "systemc/pcie/config_space.hpp"

namespace vfsim::model {

namespace {

// reg::<capability>_<register>: where it is; flag::<capability>_<register>_<name>: a bit of it.
namespace reg {
#define CONFIG_CAP(cap, at, doc)
#define CONFIG_REG(cap, name, offset, bytes, doc) \
  constexpr std::uint32_t cap##_##name = ConfigSpace::cap##_capability + (offset);
#define CONFIG_BIT(cap, name, bit, flag, doc)
#include "systemc/pcie/config_registers.def"
#undef CONFIG_CAP
#undef CONFIG_REG
#undef CONFIG_BIT
}  // namespace reg
namespace flag {
#define CONFIG_CAP(cap, at, doc)
#define CONFIG_REG(cap, name, offset, bytes, doc)
#define CONFIG_BIT(cap, name, bit, flag, doc) \
  constexpr std::uint32_t cap##_##name##_##flag = 1U << (bit);
#include "systemc/pcie/config_registers.def"
#undef CONFIG_CAP
#undef CONFIG_REG
#undef CONFIG_BIT
}  // namespace flag

constexpr std::uint32_t kBar64Prefetchable = 0xc;
constexpr std::uint32_t kIdPm = 0x01;
constexpr std::uint32_t kIdPcie = 0x10;
constexpr std::uint32_t kIdMsix = 0x11;
constexpr std::uint32_t kExtAri = 0x000e;
constexpr std::uint32_t kExtSriov = 0x0010;
constexpr std::uint32_t kExtVersion1 = 1U << 16;
constexpr std::uint32_t kMrrs512 = 2U << 12;
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
  put(reg::header_vendor, vf ? 0xffff : identity_.vendor, 2);
  put(reg::header_device, vf ? 0xffff : identity_.device, 2);
  // A VF decodes memory by its PF's SR-IOV control; its own enable bit is hardwired to zero.
  put(reg::header_command, 0, 2,
      vf ? flag::header_command_master
         : flag::header_command_memory | flag::header_command_master | flag::header_command_parity |
               flag::header_command_serr | flag::header_command_intx_off);
  put(reg::header_status, flag::header_status_cap_list, 2);
  put(reg::header_class, identity_.class_code << 8U, 4);
  put(reg::header_subsystem_vendor, identity_.vendor, 2);
  put(reg::header_subsystem, identity_.device, 2);
  put(reg::header_cap_pointer, kPmCap, 1);
  put(reg::header_interrupt_line, 0, 1, vf ? 0 : 0xff);
  if (!vf) {
    build_bar(reg::header_bar0, identity_.bar0_bytes);
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
  put(reg::pm_capabilities, 0x0003, 2);                          // version 3, D0 and D3hot only
  put(reg::pm_control, flag::pm_control_no_soft_reset, 2, 0x3);  // power state
}

void ConfigSpace::build_pcie() {
  const bool vf = identity_.role == ConfigIdentity::Role::vf;
  const std::uint32_t next = identity_.msix_vectors == 0 ? 0 : kMsixCap;
  const std::uint32_t link = identity_.link_generation | identity_.link_lanes << 4U;
  put(kPcieCap, kIdPcie | next << 8U, 2);
  put(reg::pcie_capabilities, 0x0002, 2);  // version 2, endpoint
  put(reg::pcie_device_cap,
      (log2_floor(identity_.max_payload) - 7) | flag::pcie_device_cap_role_based |
          flag::pcie_device_cap_flr,
      4);
  // Payload and request sizes are the PF's business; a VF's fields are reserved.
  put(reg::pcie_device_control,
      vf ? 0 : flag::pcie_device_control_relaxed | flag::pcie_device_control_no_snoop | kMrrs512, 2,
      vf ? 0 : 0x7fff);
  put(reg::pcie_link_cap, link, 4);
  put(reg::pcie_link_status, link, 2);
  put(reg::pcie_device_cap_2, 0x0000001f, 4);  // completion time-out ranges A-D and disable
  put(reg::pcie_device_control_2, 0, 2, vf ? 0 : 0x1f);
}

void ConfigSpace::build_msix() {
  if (identity_.msix_vectors == 0) {
    return;
  }
  put(kMsixCap, kIdMsix, 2);
  put(reg::msix_control, identity_.msix_vectors - 1, 2,
      flag::msix_control_enable | flag::msix_control_function_mask);
  put(reg::msix_table, identity_.msix_table, 4);  // BIR 0
  put(reg::msix_pba, identity_.msix_pba, 4);
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
  put(reg::sriov_capabilities, flag::sriov_capabilities_ari_preserved,
      4);  // ARI capable hierarchy preserved; no VF migration
  put(reg::sriov_control, 0, 2,
      flag::sriov_control_enable | flag::sriov_control_memory | flag::sriov_control_ari);
  put(reg::sriov_initial_vfs, identity_.total_vfs, 2);
  put(reg::sriov_total_vfs, identity_.total_vfs, 2);
  put(reg::sriov_num_vfs, 0, 2, 0xffff);
  put(reg::sriov_first_offset, 1, 2);
  put(reg::sriov_stride, 1, 2);
  put(reg::sriov_vf_device, identity_.vf_device, 2);
  put(reg::sriov_page_sizes, kPageSizes, 4);
  put(reg::sriov_page_size, 1, 4, kPageSizes);
  build_bar(reg::sriov_vf_bar0, identity_.vf_bar0_bytes);
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
    put(reg::sriov_num_vfs, old, 2, 0xffff);
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
  const std::uint32_t old_command = get(reg::header_command, 2);
  const bool old_relaxed = relaxed_ordering();
  const std::uint32_t old_msix = get(reg::msix_control, 2);
  const std::uint32_t old_sriov = get(reg::sriov_control, 2);
  const std::uint16_t old_vfs = num_vfs();
  const std::uint64_t old_vf_bar = vf_bar0();
  merge(reg, value, bytes);
  if (pf && covers(reg::sriov_num_vfs, 2)) {
    limit_num_vfs(old_vfs);
  }
  if (get(reg::header_command, 2) != old_command || relaxed_ordering() != old_relaxed) {
    events_.command_changed();
  }
  if (identity_.bar0_bytes != 0 && identity_.role != ConfigIdentity::Role::vf &&
      covers(reg::header_bar0, 8)) {
    events_.bar_changed();
  }
  if (get(reg::msix_control, 2) != old_msix) {
    events_.msix_control_changed();
  }
  if (pf && (get(reg::sriov_control, 2) != old_sriov || num_vfs() != old_vfs ||
             vf_bar0() != old_vf_bar)) {
    events_.sriov_changed();
  }
  // Last: the owner resets the function from here.
  if (covers(reg::pcie_device_control + 1, 1) &&
      (value >> (8 * (reg::pcie_device_control + 1 - reg)) & flag::pcie_device_control_flr >> 8U) !=
          0) {
    events_.flr_requested();
  }
}

void ConfigSpace::reset() {
  value_ = power_on_;
}

bool ConfigSpace::bus_master() const {
  return (get(reg::header_command, 2) & flag::header_command_master) != 0;
}
bool ConfigSpace::memory_enable() const {
  return (get(reg::header_command, 2) & flag::header_command_memory) != 0;
}
std::uint64_t ConfigSpace::bar0() const {
  return bar_address(get(reg::header_bar0, 4), get(reg::header_bar0 + 4, 4));
}
bool ConfigSpace::msix_enable() const {
  return (get(reg::msix_control, 2) & flag::msix_control_enable) != 0;
}
bool ConfigSpace::msix_function_mask() const {
  return (get(reg::msix_control, 2) & flag::msix_control_function_mask) != 0;
}
std::uint32_t ConfigSpace::max_payload() const {
  return 128U << (get(reg::pcie_device_control, 2) >> 5U & 7U);
}
std::uint32_t ConfigSpace::max_read_request() const {
  return 128U << (get(reg::pcie_device_control, 2) >> 12U & 7U);
}
bool ConfigSpace::relaxed_ordering() const {
  return (get(reg::pcie_device_control, 2) & flag::pcie_device_control_relaxed) != 0;
}
bool ConfigSpace::vf_enable() const {
  return (get(reg::sriov_control, 2) & flag::sriov_control_enable) != 0;
}
bool ConfigSpace::vf_memory_enable() const {
  return (get(reg::sriov_control, 2) & flag::sriov_control_memory) != 0;
}
std::uint16_t ConfigSpace::num_vfs() const {
  return static_cast<std::uint16_t>(get(reg::sriov_num_vfs, 2));
}
std::uint64_t ConfigSpace::vf_bar0() const {
  return bar_address(get(reg::sriov_vf_bar0, 4), get(reg::sriov_vf_bar0 + 4, 4));
}

}  // namespace vfsim::model
