// Fixed-size byte buffers, reused last in first out so that they stay in the cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace vfsim::model {

/// Buffers ("slots") of one size. Addresses stay valid while a slot is taken; the pool grows by
/// blocks when it is empty and never shrinks.
class SlotPool {
 public:
  static constexpr std::uint32_t kNone = ~0U;

  explicit SlotPool(std::size_t slot_bytes) : slot_bytes_((slot_bytes + 63) / 64 * 64) {}

  [[nodiscard]] std::uint32_t take() {
    if (free_.empty()) {
      grow();
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  /// Gives a slot back; kNone is ignored.
  void release(std::uint32_t slot) {
    if (slot != kNone) {
      free_.push_back(slot);
    }
  }
  /// The bytes of a slot, nullptr for kNone.
  [[nodiscard]] std::uint8_t* data(std::uint32_t slot) const {
    return slot == kNone ? nullptr : blocks_[slot / kBlock].get() + slot % kBlock * slot_bytes_;
  }
  [[nodiscard]] std::size_t slot_bytes() const { return slot_bytes_; }

 private:
  static constexpr std::uint32_t kBlock = 64;

  void grow() {
    const auto first = static_cast<std::uint32_t>(blocks_.size()) * kBlock;
    blocks_.push_back(std::make_unique<std::uint8_t[]>(kBlock * slot_bytes_));
    free_.reserve(blocks_.size() * kBlock);
    for (std::uint32_t i = kBlock; i > 0; --i) {
      free_.push_back(first + i - 1);
    }
  }

  std::size_t slot_bytes_;
  std::vector<std::unique_ptr<std::uint8_t[]>> blocks_;
  std::vector<std::uint32_t> free_;
};

}  // namespace vfsim::model
