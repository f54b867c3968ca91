// The device's side of a split virtqueue in the memory of a guest.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "systemc/memory/host_memory.hpp"

namespace vfsim::bench {

/// Where a guest lets devices read and write: [start, start + bytes) of its physical addresses, and
/// where that is in the memory of the simulated host.
struct GuestRam {
  model::HostMemory* memory = nullptr;
  std::uint64_t base = 0;  // host physical address of the guest's address 0
  std::uint64_t start = 0;
  std::uint64_t bytes = 0;

  [[nodiscard]] bool holds(std::uint64_t address, std::uint64_t count) const {
    return memory != nullptr && address >= start && count <= bytes &&
           address - start <= bytes - count;
  }
  [[nodiscard]] bool read(std::uint64_t address, void* to, std::size_t count) const {
    return holds(address, count) && memory->read(base + address, to, count);
  }
  [[nodiscard]] bool write(std::uint64_t address, const void* from, std::size_t count) const {
    return holds(address, count) && memory->write(base + address, from, count);
  }
  /// nullptr: outside.
  [[nodiscard]] std::uint8_t* view(std::uint64_t address, std::size_t count) const {
    return holds(address, count) ? memory->view(base + address, count) : nullptr;
  }
  [[nodiscard]] bool touched(std::uint64_t address) const {
    return holds(address, 1) && memory->touched(base + address);
  }
};

/// A buffer that the driver made available: its readable bytes, and where it may be written.
struct QueueBuffer {
  struct Part {
    std::uint64_t address = 0;
    std::uint32_t bytes = 0;
  };
  std::uint16_t head = 0;
  std::vector<std::uint8_t> in;  // all that the device may read
  std::vector<Part> out;
  [[nodiscard]] std::uint64_t out_bytes() const;
};

/// Layout: virtio 1.x, section 2.7; no indirect descriptors, no event index. Nothing that the guest
/// writes into it makes the device leave the guest's memory or loop: a chain that does ends the
/// queue (broken()).
class SplitQueue {
 public:
  static constexpr std::uint32_t kMostEntries = 1024;
  static constexpr std::uint32_t kMostBytes = 64 * 1024;  // readable, of one buffer

  explicit SplitQueue(const GuestRam& ram) : ram_(ram) {}

  /// False: not a power of two up to kMostEntries.
  [[nodiscard]] bool set_size(std::uint32_t entries);
  void set_addresses(std::uint64_t descriptors, std::uint64_t available, std::uint64_t used);
  void set_base(std::uint16_t next) { next_ = next; }
  [[nodiscard]] std::uint16_t base() const { return next_; }
  void enable(bool on) { enabled_ = on; }
  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] std::uint32_t entries() const { return entries_; }

  /// Whether the driver is to tell of the buffers that it makes available.
  void want_kicks(bool on);
  /// The next buffer, if there is one.
  [[nodiscard]] std::optional<QueueBuffer> take();
  /// Gives it back; `written`: bytes of its writable part.
  void give_back(std::uint16_t head, std::uint32_t written);
  /// Copies into the writable part; false: it does not fit, or the guest's memory refuses.
  [[nodiscard]] bool fill(const QueueBuffer& buffer, const void* from, std::size_t bytes) const;
  /// Buffers given back so far (modulo 2^16), and whether the driver wants to be told of them.
  [[nodiscard]] std::uint16_t given_back() const { return used_index_; }
  [[nodiscard]] bool wants_call() const;

 private:
  [[nodiscard]] bool gather(QueueBuffer& buffer) const;

  const GuestRam& ram_;
  std::uint32_t entries_ = 0;
  std::uint64_t descriptors_ = 0;
  std::uint64_t available_ = 0;
  std::uint64_t used_ = 0;
  std::uint16_t next_ = 0;
  std::uint16_t used_index_ = 0;
  bool enabled_ = false;
  bool wants_kicks_ = true;
  bool broken_ = false;
};

}  // namespace vfsim::bench
