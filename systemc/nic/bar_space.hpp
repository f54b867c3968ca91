// BAR0 of the functions: initialization segment, MSI-X table, doorbell pages.
#pragma once

#include <cstdint>

#include "systemc/nic/run_control.hpp"

namespace vfsim::model {

/// Decodes memory accesses to BAR0. All registers but the MSI-X table and pending bits are
/// big-endian. Registers that do not exist read 0 and ignore writes. A stopped responder reads 0
/// and drops writes everywhere but in the MSI-X table and pending bits. Source: mlx5 device
/// interface sections 2 and 5.1.
class BarSpace {
 public:
  static constexpr std::uint32_t kHealthBytes = 0x40;  // from VF_BAR_HEALTH on
  /// MSI-X table or pending bits, which are little-endian.
  [[nodiscard]] static constexpr bool in_msix(std::uint64_t offset) {
    return (offset >= VF_BAR_MSIX_TABLE && offset < VF_BAR_MSIX_TABLE + MsixTable::kTableBytes) ||
           (offset >= VF_BAR_MSIX_PBA && offset < VF_BAR_MSIX_PBA + MsixTable::kPbaBytes);
  }

  BarSpace(NicCore& core, const NicBlocks& blocks, RunControl& control)
      : core_(core), blocks_(blocks), control_(control) {}

  /// @param to  `bytes` bytes in memory order
  void read(std::uint32_t fn, std::uint64_t offset, std::uint8_t* to, std::uint32_t bytes);
  void write(std::uint32_t fn, std::uint64_t offset, const std::uint8_t* from, std::uint32_t bytes);

 private:
  [[nodiscard]] bool stopped(std::uint32_t fn) const;
  [[nodiscard]] std::uint32_t read_register(std::uint32_t fn, std::uint64_t offset) const;
  [[nodiscard]] std::uint32_t read_health(std::uint32_t fn, std::uint64_t offset) const;
  void read_msix(std::uint32_t fn, std::uint64_t offset, std::uint8_t* to, std::uint32_t bytes);
  void write_msix(std::uint32_t fn, std::uint64_t offset, const std::uint8_t* from,
                  std::uint32_t bytes);
  void write_register(std::uint32_t fn, std::uint64_t offset, std::uint32_t value);
  void write_uar(std::uint32_t fn, std::uint64_t offset, const std::uint8_t* from,
                 std::uint32_t bytes);
  bool assemble(DoorbellHalf& half, std::uint64_t offset, const std::uint8_t* from,
                std::uint32_t bytes, std::uint8_t* doorbell);

  NicCore& core_;
  NicBlocks blocks_;
  RunControl& control_;
};

}  // namespace vfsim::model
