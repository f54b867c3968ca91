// Deliberate defects of the firmware's dealings with its hardware: a decorator of its only door.
#pragma once

#include <array>
#include <cstdint>

#include "firmware/interface/faults.h"
#include "systemc/common/calendar.hpp"
#include "systemc/fw_host/fw_host.hpp"

namespace vfsim::bench {

/// What the firmware reads, writes and starts goes through here and is falsified on the way, as if
/// the firmware had got it wrong. Machines without such a fault have none.
class FaultyFirmwarePort final : public model::FwPort, private model::Timer {
 public:
  /// @param hardware   what the firmware would be connected to
  /// @param processor  that runs it
  FaultyFirmwarePort(model::Calendar& calendar, model::FwPort& hardware, model::FwHost& processor,
                     vf_fault_set faults)
      : calendar_(calendar), hardware_(hardware), processor_(processor), faults_(faults) {}

  /// Whether the set has a fault that is done here.
  [[nodiscard]] static bool wanted(vf_fault_set faults);

  [[nodiscard]] vf_context_ram* ram() override { return hardware_.ram(); }
  std::uint32_t reg_read(std::uint32_t reg) override;
  void reg_write(std::uint32_t reg, std::uint32_t value) override;
  bool dma_start(const fw_dma& dma) override;
  bool dma_ended(std::uint32_t* cookie, fw_dma_result* result) override {
    return hardware_.dma_ended(cookie, result);
  }
  [[nodiscard]] std::uint32_t irq_level() const override;

 private:
  [[nodiscard]] bool on(enum vf_fault fault) const { return vf_fault(faults_, fault) != 0; }
  [[nodiscard]] std::uint32_t status(std::uint32_t fn, std::uint32_t value);
  void count_in_stop();
  void shift_pages(std::uint32_t fn);
  void disturb_doorbells(std::uint32_t reg, std::uint32_t value);
  static void clear_syndrome(std::uint8_t* entry);
  void take_another_key(fw_dma& dma);

  void close_gate(std::uint32_t fn, bool closed);
  void fire() override;

  model::Calendar& calendar_;
  model::FwPort& hardware_;
  model::FwHost& processor_;
  const vf_fault_set faults_;
  std::array<bool, VF_MAX_FUNCTIONS> stopped_{};          // responder
  std::array<bool, VF_MAX_FUNCTIONS> gate_{};             // initiator
  std::array<model::Ps, VF_MAX_FUNCTIONS> drained_at_{};  // drain_slow: not before
  bool woken_ = false;                                    // a slow drain has ended
  std::uint32_t commands_ = 0;  // done_twice, take_beside_offer: taken or ended
};

}  // namespace vfsim::bench
