// DMA memory of a user process: pages that stay where they are, by the addresses that the device
// uses for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

/// One page of 4096 bytes: what the device calls it, and where this process has it.
struct DmaPage {
  std::uint64_t address = 0;
  std::uint8_t* pointer = nullptr;
};

/// Of these pages so many as lie in the longest rows of addresses, the longest row first, each in order.
[[nodiscard]] std::vector<DmaPage> longest_rows(std::vector<DmaPage> pages, std::size_t count);

/// Anonymous memory, locked; freed when it goes away. Move only.
class LockedMemory {
 public:
  /// ENOMEM, or EPERM when the process may not lock that much (RLIMIT_MEMLOCK).
  [[nodiscard]] static Result<LockedMemory> map(std::size_t bytes);
  ~LockedMemory();
  LockedMemory(LockedMemory&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), bytes_(other.bytes_) {}
  LockedMemory& operator=(LockedMemory&&) = delete;

  /// Its pages by physical address. `pagemap_fd` is /proc/self/pagemap, which tells them to root
  /// only. EPERM: it hides them; EIO: it cannot be read.
  [[nodiscard]] Result<std::vector<DmaPage>> physical_pages(int pagemap_fd) const;
  /// Its pages in order, with addresses from `iova` on, for a device behind an IOMMU.
  [[nodiscard]] std::vector<DmaPage> pages_at(std::uint64_t iova) const;
  [[nodiscard]] std::uint8_t* base() const { return base_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  LockedMemory(std::uint8_t* base, std::size_t bytes) : base_(base), bytes_(bytes) {}
  std::uint8_t* base_;
  std::size_t bytes_;
};

/// Hands out pieces that are contiguous for the device, first fit by address: the same calls on the
/// same pages give the same addresses. Access goes by device address.
class DmaPool {
 public:
  /// @param pages  any order; their memory outlives the pool
  explicit DmaPool(std::vector<DmaPage> pages);

  /// Page aligned, zeroed; nothing when there is no run of free pages that long.
  [[nodiscard]] std::optional<std::uint64_t> alloc(std::size_t bytes);
  void free(std::uint64_t address, std::size_t bytes);
  /// The whole piece must lie in pages of the pool: std::out_of_range otherwise.
  void write(std::uint64_t address, const void* from, std::size_t bytes);
  void read(std::uint64_t address, void* to, std::size_t bytes) const;
  /// All pages, by ascending address.
  [[nodiscard]] const std::vector<DmaPage>& pages() const { return pages_; }
  /// Longest piece that alloc() can give now, bytes.
  [[nodiscard]] std::size_t largest() const;

  /// From now on the pool remembers what this process wrote, to tell what the device wrote.
  void start_watch();
  void stop_watch() { shadow_.clear(); }
  /// Addresses of pages that differ from what this process wrote, ascending: only the device can
  /// have changed them. The watch starts anew. Writes of equal bytes leave no trace.
  [[nodiscard]] std::vector<std::uint64_t> device_written();

 private:
  [[nodiscard]] std::size_t index_of(std::uint64_t address) const;
  template <class Piece>
  void for_each_piece(std::uint64_t address, std::size_t bytes, Piece&& piece) const;

  std::vector<DmaPage> pages_;
  std::map<std::uint64_t, std::uint64_t> free_;  // start -> bytes
  std::vector<std::uint8_t> shadow_;             // of pages_, while watched
};

}  // namespace vfsim::driver
