// Platform of one PCI function in the simulation.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "firmware/interface/layout.h"
#include "host_driver/platform/platform.hpp"
#include "systemc/pcie/host.hpp"
#include "testbench/sim_platform/dma_space.hpp"
#include "testbench/sim_platform/sim_os.hpp"

namespace vfsim::bench {

/// Where a function is: its host, routing id and the address of its BAR0.
struct Place {
  model::Host* host = nullptr;
  model::Rid rid = 0;
  std::uint64_t bar = 0;
};

/// One class for all drivers: they differ in Os (host or gated guest) and in memory (host or guest).
/// A guest's function can be moved to another host between any two calls; its bound vectors move along.
class FunctionPlatform final : public driver::Platform {
 public:
  FunctionPlatform(SimOs& os, DmaSpace& memory, const Place& place);

  /// The function is now here. Interrupt routes follow; the device's MSI-X table is the VMM's business.
  void move_to(const Place& place);
  [[nodiscard]] const Place& place() const { return place_; }
  /// Masks or unmasks every bound vector in the device's MSI-X table.
  void mask_vectors(bool masked);
  /// Sets or clears the function mask of the MSI-X capability. Blocks.
  void mask_function(bool masked);
  /// Messages that arrived and whose handler has not run yet.
  [[nodiscard]] bool interrupt_pending() const { return pending_ != 0; }

  [[nodiscard]] driver::Os& os() override { return os_; }
  [[nodiscard]] std::uint32_t read32(std::uint64_t offset) override;
  void write32(std::uint64_t offset, std::uint32_t value) override;
  void write64(std::uint64_t offset, std::uint64_t value) override;
  [[nodiscard]] std::uint32_t config_read(std::uint32_t reg, std::uint32_t bytes) override;
  void config_write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) override;
  [[nodiscard]] std::optional<std::uint64_t> dma_alloc(std::size_t bytes) override { return memory_.alloc(bytes); }
  void dma_free(std::uint64_t address, std::size_t bytes) override { memory_.free(address, bytes); }
  void mem_write(std::uint64_t address, const void* from, std::size_t bytes) override;
  void mem_read(std::uint64_t address, void* to, std::size_t bytes) const override { memory_.read(address, to, bytes); }
  [[nodiscard]] std::uint32_t vectors() const override { return VF_MSIX_VECTORS; }
  void bind_vector(std::uint32_t vector, std::function<void()> handler) override;
  void unbind_vector(std::uint32_t vector) override;

 private:
  void route(std::uint32_t vector);
  void write_entry(std::uint32_t vector, bool masked);
  /// Changes bits of the message control of the MSI-X capability.
  void msix_control(std::uint32_t set, std::uint32_t clear);
  void interrupt_thread();

  SimOs& os_;
  DmaSpace& memory_;
  Place place_;
  std::unique_ptr<driver::Event> interrupt_;
  std::array<std::function<void()>, VF_MSIX_VECTORS> handlers_;
  std::uint32_t pending_ = 0;  // bit v: message of vector v waits for its handler
  bool thread_running_ = false;
};

}  // namespace vfsim::bench
