#include "testbench/faults/faulty_platform.hpp"

#include <utility>

#include "firmware/interface/faults.h"

namespace vfsim::bench {
namespace {

/// A function that does not get the BAR writes of a kind.
class DeafPlatform final : public driver::Platform {
 public:
  using Forgotten = std::function<bool(std::uint64_t offset)>;

  DeafPlatform(driver::Platform& platform, Forgotten forgotten)
      : platform_(platform), forgotten_(std::move(forgotten)) {}

  driver::Os& os() override { return platform_.os(); }
  std::uint32_t read32(std::uint64_t offset) override { return platform_.read32(offset); }
  void write32(std::uint64_t offset, std::uint32_t value) override {
    if (!forgotten_(offset)) {
      platform_.write32(offset, value);
    }
  }
  void write64(std::uint64_t offset, std::uint64_t value) override {
    if (!forgotten_(offset)) {
      platform_.write64(offset, value);
    }
  }
  std::uint32_t config_read(std::uint32_t reg, std::uint32_t bytes) override {
    return platform_.config_read(reg, bytes);
  }
  void config_write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) override {
    platform_.config_write(reg, value, bytes);
  }
  std::optional<std::uint64_t> dma_alloc(std::size_t bytes) override {
    return platform_.dma_alloc(bytes);
  }
  void dma_free(std::uint64_t address, std::size_t bytes) override {
    platform_.dma_free(address, bytes);
  }
  void mem_write(std::uint64_t address, const void* from, std::size_t bytes) override {
    platform_.mem_write(address, from, bytes);
  }
  void mem_read(std::uint64_t address, void* to, std::size_t bytes) const override {
    platform_.mem_read(address, to, bytes);
  }
  std::uint32_t vectors() const override { return platform_.vectors(); }
  void bind_vector(std::uint32_t vector, std::function<void()> handler) override {
    platform_.bind_vector(vector, std::move(handler));
  }
  void unbind_vector(std::uint32_t vector) override { platform_.unbind_vector(vector); }

 private:
  driver::Platform& platform_;
  Forgotten forgotten_;
};

constexpr std::uint64_t kFirstUar = std::uint64_t{VF_BAR_FIRST_UAR} * VF_PAGE_BYTES;
constexpr std::uint64_t kDoorbellsKept = 64;
constexpr std::uint64_t kTwiceEvery = 64;
constexpr std::uint64_t kEntryBytes = 16;  // MSI-X table entry: address, data, control
constexpr std::uint64_t kEntryData = 8;

}  // namespace

std::unique_ptr<driver::Platform> make_faulty_guest_platform(driver::Platform& platform,
                                                             vf_fault_set faults) {
  if (vf_fault(faults, VF_FAULT_doorbells_forgotten) == 0) {
    return nullptr;
  }
  return std::make_unique<DeafPlatform>(
      platform, [rung = std::uint64_t{0}](std::uint64_t offset) mutable {
        return offset >= kFirstUar && offset % VF_PAGE_BYTES == VF_UAR_SEND_DB &&
               ++rung > kDoorbellsKept;
      });
}

std::unique_ptr<driver::Platform> make_faulty_vf_platform(driver::Platform& platform,
                                                          vf_fault_set faults) {
  if (vf_fault(faults, VF_FAULT_vector_map_not_restored) == 0) {
    return nullptr;
  }
  return std::make_unique<DeafPlatform>(platform, [](std::uint64_t offset) {
    return offset >= VF_BAR_MSIX_TABLE &&
           offset < VF_BAR_MSIX_TABLE + kEntryBytes * VF_MSIX_VECTORS &&
           offset % kEntryBytes == kEntryData;
  });
}

FrameHandler twice_now_and_then(FrameHandler handler) {
  return [handler = std::move(handler), frames = std::uint64_t{0}](const std::uint8_t* frame,
                                                                   std::uint32_t length) mutable {
    handler(frame, length);
    if (++frames % kTwiceEvery == 0) {
      handler(frame, length);
    }
  };
}

}  // namespace vfsim::bench
