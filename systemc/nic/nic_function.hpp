// Per-function hardware that software reaches over the bus: configuration space and command queue
// registers.
#pragma once

#include <cstdint>

#include "systemc/nic/nic_core.hpp"
#include "systemc/pcie/config_space.hpp"

namespace vfsim::model {

/// Told what configuration writes ask for.
class FunctionEvents {
 public:
  virtual ~FunctionEvents() = default;
  virtual void function_level_reset(std::uint32_t fn) = 0;
  virtual void msix_control(std::uint32_t fn) = 0;
  virtual void command_register(std::uint32_t fn) = 0;
  virtual void sriov_changed() = 0;
};

/// Doorbells of 8 bytes may come as two writes of 4 bytes: the first half waits here.
struct DoorbellHalf {
  std::uint64_t offset = ~0ULL;  // where the second half is expected
  std::uint32_t high = 0;
};

class NicFunction final : private ConfigEvents {
 public:
  NicFunction(const ConfigIdentity& identity, std::uint32_t fn, FunctionEvents& events)
      : config_(identity, *this), fn_(fn), events_(events) {}

  [[nodiscard]] ConfigSpace& config() { return config_; }
  [[nodiscard]] const ConfigSpace& config() const { return config_; }

  // Command queue registers (BAR_CMDQ_*, FW_FN_CMDQ_*).
  std::uint32_t cmdq_hi_written = 0;  // takes effect with the lower half
  std::uint32_t cmdq_hi = 0;
  std::uint32_t cmdq_lo = 0;  // address bits 31:12, nic_interface 10:8
  std::uint32_t track_ctrl = 0;
  DoorbellHalf send_half, arm_half;

  /// Function-level reset. Dirty tracking goes on: it belongs to the one who tracks.
  void reset_registers() {
    cmdq_hi_written = cmdq_hi = cmdq_lo = 0;
    send_half = arm_half = DoorbellHalf{};
  }

 private:
  void flr_requested() override { events_.function_level_reset(fn_); }
  void command_changed() override { events_.command_register(fn_); }
  void msix_control_changed() override { events_.msix_control(fn_); }
  void sriov_changed() override { events_.sriov_changed(); }

  ConfigSpace config_;
  std::uint32_t fn_;
  FunctionEvents& events_;
};

}  // namespace vfsim::model
