#include "testbench/linux_host/split_queue.hpp"

#include <algorithm>
#include <atomic>

namespace vfsim::bench {
namespace {

struct Descriptor16 {
  std::uint64_t address;
  std::uint32_t bytes;
  std::uint16_t flags;
  std::uint16_t next;
};
static_assert(sizeof(Descriptor16) == 16, "as the driver lays it out");

struct UsedElement {
  std::uint32_t head;
  std::uint32_t bytes;
};

constexpr std::uint16_t kNext = 1;
constexpr std::uint16_t kDeviceWrites = 2;
constexpr std::uint16_t kIndirect = 4;
constexpr std::uint16_t kNoInterrupt = 1;  // flags of the available ring
constexpr std::uint16_t kNoKick = 1;       // flags of the used ring
constexpr std::uint64_t kRingHead = 4;     // flags and index, before the entries of a ring

}  // namespace

std::uint64_t QueueBuffer::out_bytes() const {
  std::uint64_t sum = 0;
  for (const Part& part : out) {
    sum += part.bytes;
  }
  return sum;
}

bool SplitQueue::set_size(std::uint32_t entries) {
  if (entries == 0 || entries > kMostEntries || (entries & (entries - 1)) != 0) {
    return false;
  }
  entries_ = entries;
  return true;
}

void SplitQueue::set_addresses(std::uint64_t descriptors, std::uint64_t available,
                               std::uint64_t used) {
  descriptors_ = descriptors;
  available_ = available;
  used_ = used;
  used_index_ = 0;
  broken_ = false;
  wants_kicks_ = true;
}

void SplitQueue::want_kicks(bool on) {
  if (!enabled_ || on == wants_kicks_) {
    return;
  }
  const std::uint16_t flags = on ? 0 : kNoKick;
  wants_kicks_ = on;
  broken_ = !ram_.write(used_, &flags, 2) || broken_;
}

bool SplitQueue::gather(QueueBuffer& buffer) const {
  std::uint16_t index = buffer.head;
  for (std::uint32_t links = 0; links < entries_; ++links) {
    Descriptor16 d{};
    if (index >= entries_ || !ram_.read(descriptors_ + 16ULL * index, &d, sizeof(d)) ||
        (d.flags & kIndirect) != 0 || !ram_.holds(d.address, d.bytes)) {
      return false;
    }
    if ((d.flags & kDeviceWrites) != 0) {
      buffer.out.push_back({d.address, d.bytes});
    } else if (buffer.in.size() + d.bytes > kMostBytes) {
      return false;
    } else {
      const std::size_t at = buffer.in.size();
      buffer.in.resize(at + d.bytes);
      if (d.bytes != 0 && !ram_.read(d.address, &buffer.in[at], d.bytes)) {
        return false;
      }
    }
    if ((d.flags & kNext) == 0) {
      return true;
    }
    index = d.next;
  }
  return false;
}

std::optional<QueueBuffer> SplitQueue::take() {
  std::uint16_t offered = 0;
  if (!enabled_ || broken_ || entries_ == 0 || !ram_.read(available_ + 2, &offered, 2) ||
      offered == next_) {
    return std::nullopt;
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  QueueBuffer buffer;
  if (!ram_.read(available_ + kRingHead + 2ULL * (next_ % entries_), &buffer.head, 2) ||
      !gather(buffer)) {
    broken_ = true;
    return std::nullopt;
  }
  ++next_;
  return buffer;
}

void SplitQueue::give_back(std::uint16_t head, std::uint32_t written) {
  const UsedElement element{head, written};
  const bool stored =
      ram_.write(used_ + kRingHead + sizeof(element) * (used_index_ % std::max(entries_, 1U)),
                 &element, sizeof(element));
  ++used_index_;
  std::atomic_thread_fence(std::memory_order_release);
  broken_ = !ram_.write(used_ + 2, &used_index_, 2) || !stored || broken_;
}

bool SplitQueue::fill(const QueueBuffer& buffer, const void* from, std::size_t bytes) const {
  const auto* at = static_cast<const std::uint8_t*>(from);
  for (const QueueBuffer::Part& part : buffer.out) {
    const std::size_t count = std::min<std::size_t>(part.bytes, bytes);
    if (!ram_.write(part.address, at, count)) {
      return false;
    }
    at += count;
    bytes -= count;
  }
  return bytes == 0;
}

bool SplitQueue::wants_call() const {
  std::uint16_t flags = 0;
  return ram_.read(available_, &flags, 2) && (flags & kNoInterrupt) == 0;
}

}  // namespace vfsim::bench
