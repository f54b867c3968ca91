// The hardware as the embedded processor sees it: registers of fw_regs.def and DMA descriptors.
#pragma once

#include <array>
#include <cstdint>

#include "systemc/fw_host/fw_host.hpp"
#include "systemc/nic/delay_line.hpp"
#include "systemc/nic/run_control.hpp"

namespace vfsim::model {

class FwRegisters final : public FwPort, private DmaClient {
 public:
  FwRegisters(NicCore& core, const NicBlocks& blocks, RunControl& control);

  // FwPort
  [[nodiscard]] vf_context_ram* ram() override { return core_.ram; }
  std::uint32_t reg_read(std::uint32_t reg) override;
  void reg_write(std::uint32_t reg, std::uint32_t value) override;
  bool dma_start(const fw_dma& dma) override;
  bool dma_ended(std::uint32_t* cookie, fw_dma_result* result) override;
  [[nodiscard]] std::uint32_t irq_level() const override;

 private:
  struct Ended {
    std::uint32_t cookie;
    fw_dma_result result;
  };

  void dma_done(std::uint64_t slot, DmaResult result) override;
  [[nodiscard]] std::uint32_t global_read(std::uint32_t reg) const;
  void global_write(std::uint32_t reg, std::uint32_t value);
  [[nodiscard]] std::uint32_t command_offer() const;
  [[nodiscard]] std::uint32_t function_read(std::uint32_t fn, std::uint32_t reg) const;
  void function_write(std::uint32_t fn, std::uint32_t reg, std::uint32_t value);
  void command_register_write(std::uint32_t fn, std::uint32_t reg, std::uint32_t value);
  void key_changed(std::uint32_t fn, std::uint32_t number);
  void set_tracking(std::uint32_t fn, std::uint32_t value);
  void snapshot(std::uint32_t fn);

  NicCore& core_;
  NicBlocks blocks_;
  RunControl& control_;
  std::array<std::uint32_t, 64> cookies_{};  // of running transfers
  std::uint64_t free_slots_ = ~0ULL;
  Ring<Ended> ended_;
  std::uint32_t mtt_first_ = 0;  // register MTT_FIRST
};

}  // namespace vfsim::model
