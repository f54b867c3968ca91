// The embedded processor of a NIC, whatever runs its firmware, and what it is connected to.
#pragma once

#include <cstdint>

#include "firmware/hal/fw_hal.h"
#include "firmware/interface/faults.h"

namespace vfsim::model {

/// Implemented by the NIC: its registers, context memory and DMA engine as the processor sees them.
class FwPort {
 public:
  virtual ~FwPort() = default;
  [[nodiscard]] virtual vf_context_ram* ram() = 0;
  virtual std::uint32_t reg_read(std::uint32_t reg) = 0;
  virtual void reg_write(std::uint32_t reg, std::uint32_t value) = 0;
  /// As in struct fw_hal.
  virtual bool dma_start(const fw_dma& dma) = 0;
  virtual bool dma_ended(std::uint32_t* cookie, fw_dma_result* result) = 0;
  /// Value of FW_IRQ_PENDING.
  [[nodiscard]] virtual std::uint32_t irq_level() const = 0;
};

/// Implemented by the back-ends.
class FwHost {
 public:
  virtual ~FwHost() = default;
  /// Power-on: the firmware starts now.
  virtual void start() = 0;
  /// FwPort::irq_level() may have gained a bit.
  virtual void irq_changed() = 0;
  /// Another door to the hardware than the one it was built with, before start(): a decorator.
  virtual void set_port(FwPort& port) = 0;
  /// Deliberate defects for the firmware; see Nic::set_faults().
  virtual void set_faults(vf_fault_set faults) = 0;
};

}  // namespace vfsim::model
