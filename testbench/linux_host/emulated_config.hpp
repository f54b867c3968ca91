// Configuration space of a VF as a VM sees it.
#pragma once

#include "systemc/pcie/config_space.hpp"
#include "systemc/pcie/msix.hpp"
#include "testbench/linux_host/function_place.hpp"

namespace vfsim::bench {

/// A VM is shown a device of its own, with the VF's ids and a BAR: what a VMM emulates. Bus master,
/// MSI-X control and resets are passed on to the VF; its MSI-X table is the VF's, of which a copy is
/// kept for the next host. Calls block: use it in an SC_THREAD.
class EmulatedConfig final : private model::ConfigEvents {
 public:
  EmulatedConfig(const model::PcieParams& pcie, const FunctionPlace& place);

  [[nodiscard]] std::uint32_t read(std::uint32_t reg, std::uint32_t bytes) const {
    return config_.read(reg, bytes);
  }
  void write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) {
    config_.write(reg, value, bytes);
  }
  /// The VM wrote to the BAR; keeps what belongs to the MSI-X table.
  void bar_written(std::uint64_t offset, std::uint64_t value, std::uint32_t bytes);
  /// The VF is another one from now on, which is made like this one.
  void move_to(const FunctionPlace& place);

 private:
  void flr_requested() override;
  void command_changed() override;
  void msix_control_changed() override;
  /// Gives the VF what this configuration space says.
  void restore();

  FunctionPlace place_;
  model::ConfigSpace config_;
  model::MsixTable table_;
};

}  // namespace vfsim::bench
