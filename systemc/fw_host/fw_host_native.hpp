// Embedded processor, native back-end: the firmware is linked into the simulator.
#pragma once

#include <cstdint>
#include <memory>

#include "firmware/hal_native/hal_native.h"
#include "systemc/common/calendar.hpp"
#include "systemc/common/params.hpp"
#include "systemc/fw_host/fw_host.hpp"

namespace vfsim::model {

/// Runs one firmware step at a time. A step's effects happen at its start; the next step begins
/// after params.fw_step_ns + fw_register_ns per register access + fw_dma_start_ns per transfer
/// started. Between steps the processor sleeps unless the firmware wants to go on or an enabled
/// interrupt is pending.
class FwHostNative final : public FwHost, private Timer {
 public:
  FwHostNative(Calendar& calendar, const NicParams& params, FwPort& port, std::uint32_t serial);
  ~FwHostNative() override;

  void start() override;
  void irq_changed() override;
  void set_port(FwPort& port) override { port_ = &port; }
  void set_faults(vf_fault_set faults) override;
  /// Firmware steps run so far.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  void fire() override;
  [[nodiscard]] Ps cost(const fw_native_counts& counts) const;

  Calendar& calendar_;
  const NicParams params_;
  FwPort* port_;
  fw_config config_{};
  std::unique_ptr<std::uint8_t[]> memory_;
  fw_native native_{};
  Ps busy_until_ = 0;
  std::uint64_t steps_ = 0;
  bool started_ = false;
  bool stepping_ = false;
};

}  // namespace vfsim::model
