// PCI configuration space of one function: type 0 header, capability list, SR-IOV.
#pragma once

#include <array>
#include <cstdint>

namespace vfsim::model {

/// What a function says it is. Register layouts: PCIe base specification; values the mlx5 drivers
/// look at: docs/reference, "PCI identity".
struct ConfigIdentity {
  enum class Role : std::uint8_t {
    endpoint,  // plain function without SR-IOV
    pf,        // endpoint + ARI + SR-IOV capability
    vf,        // ids read 0xffff, no BARs, no memory enable; ARI
  };
  Role role = Role::endpoint;
  std::uint16_t vendor = 0;  // for subsystem ids of VFs too
  std::uint16_t device = 0;
  std::uint32_t class_code = 0x020000;  // Ethernet controller
  std::uint64_t bar0_bytes = 0;         // power of two >= 4096; 0: no BAR
  std::uint32_t msix_vectors = 0;       // 0: no MSI-X capability
  std::uint32_t msix_table = 0;         // offset in BAR0
  std::uint32_t msix_pba = 0;           // offset in BAR0
  std::uint32_t max_payload = 256;      // bytes
  std::uint32_t link_generation = 4;
  std::uint32_t link_lanes = 16;
  // Role pf:
  std::uint16_t total_vfs = 0;
  std::uint16_t vf_device = 0;
  std::uint64_t vf_bar0_bytes = 0;
};

/// Told to the owner of a configuration space after a write took effect.
class ConfigEvents {
 public:
  virtual ~ConfigEvents() = default;
  /// Device Control bit 15 was written 1 (it reads 0). The owner resets the function and calls
  /// ConfigSpace::reset().
  virtual void flr_requested() {}
  /// Bus master, memory or relaxed ordering enable changed.
  virtual void command_changed() {}
  /// BAR0 was written (also with all ones, for sizing).
  virtual void bar_changed() {}
  /// MSI-X Enable or Function Mask changed.
  virtual void msix_control_changed() {}
  /// VF Enable, VF Memory Space Enable, NumVFs or VF BAR0 changed.
  virtual void sriov_changed() {}
};

/// Registers are little-endian; accesses are 1, 2 or 4 bytes, aligned. Registers that do not exist
/// read as zero and ignore writes; nothing a driver writes is an error.
class ConfigSpace {
 public:
  // Where the capabilities are.
  enum CapabilityOffset : std::uint32_t {
#define CONFIG_CAP(cap, at, doc) cap##_capability = (at),
#define CONFIG_REG(cap, name, offset, bytes, doc)
#define CONFIG_BIT(cap, name, bit, flag, doc)
#include "systemc/pcie/config_registers.def"
#undef CONFIG_CAP
#undef CONFIG_REG
#undef CONFIG_BIT
  };
  static constexpr std::uint32_t kPmCap = pm_capability;
  static constexpr std::uint32_t kPcieCap = pcie_capability;
  static constexpr std::uint32_t kMsixCap = msix_capability;
  static constexpr std::uint32_t kAriCap = ari_capability;
  static constexpr std::uint32_t kSriovCap = sriov_capability;
  static constexpr std::uint32_t kBytes = 0x180;  // registers behind it read as zero

  /// `events` may be called from write() only.
  ConfigSpace(const ConfigIdentity& identity, ConfigEvents& events);

  [[nodiscard]] std::uint32_t read(std::uint32_t reg, std::uint32_t bytes) const;
  void write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes);
  /// Power-on values (FLR); calls no event.
  void reset();

  [[nodiscard]] bool bus_master() const;
  /// Memory Space Enable of the function itself; a VF's is in its PF's SR-IOV control:
  /// vf_memory_enable().
  [[nodiscard]] bool memory_enable() const;
  [[nodiscard]] std::uint64_t bar0() const;
  [[nodiscard]] bool msix_enable() const;
  [[nodiscard]] bool msix_function_mask() const;
  [[nodiscard]] std::uint32_t max_payload() const;       // Device Control, bytes
  [[nodiscard]] std::uint32_t max_read_request() const;  // Device Control, bytes
  [[nodiscard]] bool relaxed_ordering() const;           // Device Control
  // Role pf.
  [[nodiscard]] bool vf_enable() const;
  [[nodiscard]] bool vf_memory_enable() const;
  [[nodiscard]] std::uint16_t num_vfs() const;
  [[nodiscard]] std::uint64_t vf_bar0() const;  // VF k's BAR0 is at vf_bar0() + k * vf_bar0_bytes

 private:
  void put(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes, std::uint32_t writable = 0);
  [[nodiscard]] std::uint32_t get(std::uint32_t reg, std::uint32_t bytes) const;
  void build_header();
  void build_bar(std::uint32_t reg, std::uint64_t bytes);
  void build_pm();
  void build_pcie();
  void build_msix();
  void build_ari();
  void build_sriov();
  void merge(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes);
  void limit_num_vfs(std::uint16_t old);

  ConfigIdentity identity_;
  ConfigEvents& events_;
  std::array<std::uint8_t, kBytes> power_on_{};
  std::array<std::uint8_t, kBytes> value_{};
  std::array<std::uint8_t, kBytes> writable_{};
};

}  // namespace vfsim::model
