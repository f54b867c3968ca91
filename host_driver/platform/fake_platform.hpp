// Platform for unit tests: a function with memory, registers and interrupts, and a device behind it
// that a test scripts.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host_driver/platform/fake_os.hpp"
#include "host_driver/platform/platform.hpp"

namespace vfsim::driver {

/// Memory is sparse. Allocation is a bump allocator, so addresses are the same in every run.
/// Registers read 0 unless set or hooked. Interrupt handlers run in a thread of their own, in the
/// order of raise().
class FakePlatform final : public Platform {
 public:
  explicit FakePlatform(FakeOs& os, std::uint32_t vectors = 8);
  ~FakePlatform() override;

  [[nodiscard]] Os& os() override { return os_; }
  [[nodiscard]] FakeOs& fake_os() { return os_; }
  [[nodiscard]] std::uint32_t read32(std::uint64_t offset) override;
  void write32(std::uint64_t offset, std::uint32_t value) override;
  void write64(std::uint64_t offset, std::uint64_t value) override;
  [[nodiscard]] std::uint32_t config_read(std::uint32_t reg, std::uint32_t bytes) override;
  void config_write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) override;
  [[nodiscard]] std::optional<std::uint64_t> dma_alloc(std::size_t bytes) override;
  void dma_free(std::uint64_t address, std::size_t bytes) override;
  void mem_write(std::uint64_t address, const void* from, std::size_t bytes) override;
  void mem_read(std::uint64_t address, void* to, std::size_t bytes) const override;
  [[nodiscard]] std::uint32_t vectors() const override { return vectors_; }
  void bind_vector(std::uint32_t vector, std::function<void()> handler) override;
  void unbind_vector(std::uint32_t vector) override;

  /// Next address that dma_alloc() returns (page aligned).
  void set_next_address(std::uint64_t address) { next_address_ = address; }
  /// dma_alloc() fails once this many bytes are allocated.
  void set_memory_limit(std::size_t bytes) { memory_limit_ = bytes; }
  /// Bytes allocated and not freed.
  [[nodiscard]] std::size_t allocated() const { return allocated_; }
  void set_register(std::uint64_t offset, std::uint32_t value) { registers_[offset] = value; }
  /// Called for each register write before it is stored: offset, value, bytes (4 or 8).
  void on_write(std::function<void(std::uint64_t, std::uint64_t, std::uint32_t)> hook) {
    on_write_ = std::move(hook);
  }
  /// Called for each register read; a value replaces the stored one.
  void on_read(std::function<std::optional<std::uint32_t>(std::uint64_t)> hook) {
    on_read_ = std::move(hook);
  }
  /// Called after each configuration write: register, value, bytes.
  void on_config_write(std::function<void(std::uint32_t, std::uint32_t, std::uint32_t)> hook) {
    on_config_write_ = std::move(hook);
  }
  /// Puts an SR-IOV capability at 0x100 of the configuration space.
  void add_sriov_capability(std::uint16_t total_vfs, std::uint16_t first_offset = 1,
                            std::uint16_t stride = 1);
  /// Interrupt message of a vector; dropped when the vector is not bound.
  void raise(std::uint32_t vector);

 private:
  std::uint8_t* page(std::uint64_t address);

  FakeOs& os_;
  std::uint32_t vectors_;
  std::map<std::uint64_t, std::unique_ptr<std::array<std::uint8_t, 4096>>> pages_;
  std::map<std::uint64_t, std::size_t> blocks_;  // allocated, by address
  std::uint64_t next_address_ = 0x10000000;
  std::size_t memory_limit_ = SIZE_MAX;
  std::size_t allocated_ = 0;
  std::map<std::uint64_t, std::uint32_t> registers_;
  std::array<std::uint8_t, 4096> config_{};
  std::function<void(std::uint64_t, std::uint64_t, std::uint32_t)> on_write_;
  std::function<std::optional<std::uint32_t>(std::uint64_t)> on_read_;
  std::function<void(std::uint32_t, std::uint32_t, std::uint32_t)> on_config_write_;
  std::map<std::uint32_t, std::function<void()>> handlers_;
  struct Interrupts;
  std::shared_ptr<Interrupts> interrupts_;
};

}  // namespace vfsim::driver
