// Platform of a function that the kernel's VFIO gives to this process.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "host_driver/platform/platform.hpp"
#include "host_driver/vfio/dma_pool.hpp"
#include "host_driver/vfio/file.hpp"
#include "host_driver/vfio/posix_os.hpp"
#include "host_driver/vfio/vfio_function.hpp"

namespace vfsim::driver {

/// Registers and configuration space by pread and pwrite, memory from a pool, interrupts by
/// eventfd. A register that cannot be read gives all ones, as an absent function does.
class VfioPlatform final : public Platform {
 public:
  /// @param function  may be replaced with move_to()
  /// @param vectors   MSI-X vectors to use; fewer if the function has fewer
  [[nodiscard]] static Result<std::unique_ptr<VfioPlatform>> create(
      PosixOs& os, DmaPool& memory, std::unique_ptr<DeviceFile> function, std::uint32_t vectors);
  /// No handler runs any more when it returns.
  ~VfioPlatform() override;

  /// From now on the driver's function is this one: registers and interrupts. Called by the thread
  /// that has the turn, while the old function is stopped: what a VMM does behind the driver's
  /// back. Handlers of all bound vectors run once, as an interrupt may have come in between. On
  /// failure the old function stays.
  [[nodiscard]] Result<void> move_to(std::unique_ptr<DeviceFile> function);
  [[nodiscard]] DeviceFile& function() { return *function_; }
  /// Interrupts taken, all vectors.
  [[nodiscard]] std::uint64_t interrupts() const { return interrupts_; }

  [[nodiscard]] Os& os() override { return os_; }
  [[nodiscard]] std::uint32_t read32(std::uint64_t offset) override;
  void write32(std::uint64_t offset, std::uint32_t value) override;
  void write64(std::uint64_t offset, std::uint64_t value) override;
  [[nodiscard]] std::uint32_t config_read(std::uint32_t reg, std::uint32_t bytes) override;
  void config_write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) override;
  [[nodiscard]] std::optional<std::uint64_t> dma_alloc(std::size_t bytes) override {
    return memory_.alloc(bytes);
  }
  void dma_free(std::uint64_t address, std::size_t bytes) override { memory_.free(address, bytes); }
  void mem_write(std::uint64_t address, const void* from, std::size_t bytes) override {
    memory_.write(address, from, bytes);
  }
  void mem_read(std::uint64_t address, void* to, std::size_t bytes) const override {
    memory_.read(address, to, bytes);
  }
  [[nodiscard]] std::uint32_t vectors() const override {
    return static_cast<std::uint32_t>(handlers_.size());
  }
  void bind_vector(std::uint32_t vector, std::function<void()> handler) override;
  void unbind_vector(std::uint32_t vector) override;

 private:
  VfioPlatform(PosixOs& os, DmaPool& memory) : os_(os), memory_(memory) {}
  Result<void> start(std::unique_ptr<DeviceFile> function, std::uint32_t vectors);
  [[nodiscard]] std::vector<int> event_fds() const;
  void write_region(const VfioRegion& region, std::uint64_t offset, const void* from,
                    std::size_t bytes);
  bool read_region(const VfioRegion& region, std::uint64_t offset, void* to,
                   std::size_t bytes) const;
  void enable_memory_and_dma();
  void take_interrupts();

  PosixOs& os_;
  DmaPool& memory_;
  std::unique_ptr<DeviceFile> function_;
  std::vector<File> events_;  // one a vector, then the one that ends the interrupt thread
  std::vector<std::function<void()>> handlers_;
  std::unique_ptr<Event> ended_;
  std::uint64_t interrupts_ = 0;
  bool running_ = false;
  bool stop_ = false;
};

}  // namespace vfsim::driver
