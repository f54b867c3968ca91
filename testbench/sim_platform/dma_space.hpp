// Where a driver's DMA memory comes from: a host's physical memory behind the IOMMU, or a guest's memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "systemc/memory/host_memory.hpp"
#include "systemc/memory/iommu.hpp"

namespace vfsim::bench {

/// Page-granular first-fit allocator over an address range.
class PageAllocator {
 public:
  PageAllocator(std::uint64_t base, std::uint64_t bytes);
  [[nodiscard]] std::optional<std::uint64_t> alloc(std::uint64_t bytes);
  void free(std::uint64_t address, std::uint64_t bytes);

 private:
  std::map<std::uint64_t, std::uint64_t> free_;  // start -> bytes
};

class DmaSpace {
 public:
  virtual ~DmaSpace() = default;
  /// Zeroed, page aligned, contiguous for the device.
  [[nodiscard]] virtual std::optional<std::uint64_t> alloc(std::uint64_t bytes) = 0;
  virtual void free(std::uint64_t address, std::uint64_t bytes) = 0;
  virtual void write(std::uint64_t address, const void* from, std::size_t bytes) = 0;
  virtual void read(std::uint64_t address, void* to, std::size_t bytes) const = 0;
};

/// A host driver's memory: device address = physical address, mapped in the function's IOMMU domain while allocated.
class HostDmaSpace final : public DmaSpace {
 public:
  HostDmaSpace(model::HostMemory& memory, model::Iommu& iommu, PageAllocator& pages, model::Rid requester);
  [[nodiscard]] std::optional<std::uint64_t> alloc(std::uint64_t bytes) override;
  void free(std::uint64_t address, std::uint64_t bytes) override;
  void write(std::uint64_t address, const void* from, std::size_t bytes) override;
  void read(std::uint64_t address, void* to, std::size_t bytes) const override;

 private:
  model::HostMemory& memory_;
  model::Iommu& iommu_;
  PageAllocator& pages_;
  model::Rid requester_;
};

/// A guest's memory: device address = guest physical address; which host holds the bytes may change.
class GuestMemory final : public DmaSpace {
 public:
  explicit GuestMemory(std::uint64_t bytes);

  /// Where guest page 0 lies now.
  void place(model::HostMemory& memory, std::uint64_t phys);
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Dirty log of CPU writes; report() returns ascending page addresses and clears.
  void log(bool on);
  [[nodiscard]] std::vector<std::uint64_t> report();

  [[nodiscard]] std::optional<std::uint64_t> alloc(std::uint64_t bytes) override;
  void free(std::uint64_t address, std::uint64_t bytes) override;
  void write(std::uint64_t address, const void* from, std::size_t bytes) override;
  void read(std::uint64_t address, void* to, std::size_t bytes) const override;

 private:
  std::uint64_t bytes_;
  PageAllocator pages_;
  model::HostMemory* memory_ = nullptr;
  std::uint64_t phys_ = 0;
  bool logging_ = false;
  std::vector<bool> dirty_;  // by page
};

}  // namespace vfsim::bench
