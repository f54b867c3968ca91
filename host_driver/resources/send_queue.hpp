// A send queue of Ethernet frames, one 64-byte block per frame. Source: the stock Ethernet driver's
// data path.
#pragma once

#include <cstdint>
#include <memory>

#include "host_driver/cmd/eth_commands.hpp"
#include "host_driver/resources/dma_buffer.hpp"

namespace vfsim::driver {

/// How to ring for a work request: 8 bytes to BAR0 + uar_offset, value in host order (it is
/// big-endian on the bus). The k-th request behind it: value + k * step in the first dword.
struct SendDoorbell {
  std::uint64_t uar_offset = 0;
  std::uint64_t value = 0;
  std::uint32_t step = 0;
};

/// Not thread safe: its owner locks.
class SendQueue {
 public:
  /// Frame header bytes that a request carries itself when the device demands it.
  static constexpr std::uint32_t kInlineBytes = 18;

  /// Creates the queue and sets it ready. spec: log_size, pd, uar, cqn, tisn, min_inline_mode (0:
  /// no inline header).
  [[nodiscard]] static Result<std::unique_ptr<SendQueue>> create(Platform& platform,
                                                                 CommandChannel& channel,
                                                                 WorkQueueSpec spec);
  [[nodiscard]] Result<void> destroy();
  [[nodiscard]] bool full() const { return outstanding() == size(); }
  [[nodiscard]] std::uint32_t size() const { return 1U << spec_.log_size; }
  /// Requests posted and not completed.
  [[nodiscard]] std::uint32_t outstanding() const {
    return static_cast<std::uint16_t>(producer_ - consumer_);
  }
  /// Buffer slot of the next request, 0 to size() - 1.
  [[nodiscard]] std::uint32_t next_slot() const { return producer_ & (size() - 1); }
  /// Frame header bytes that the request itself must carry: 0 or kInlineBytes.
  [[nodiscard]] std::uint32_t inline_bytes() const {
    return spec_.min_inline_mode != 0 ? kInlineBytes : 0;
  }
  /// Writes a request for a frame of `length` bytes, all of it at `address` in key `lkey`; `header`
  /// is its start. Does not ring. The queue may not be full, length must exceed inline_bytes().
  void post(const std::uint8_t* header, std::uint32_t lkey, std::uint64_t address,
            std::uint32_t length);
  /// Rings for everything posted.
  void ring();
  /// The doorbell of the oldest request that was not rung for by ring() and has not completed.
  [[nodiscard]] SendDoorbell doorbell() const;
  /// A completion names this request: it and all before it are done. Returns how many; 0 for one
  /// that is not posted.
  std::uint32_t complete(std::uint16_t index);
  [[nodiscard]] std::uint32_t number() const { return number_; }

 private:
  SendQueue(Platform& platform, CommandChannel& channel, const WorkQueueSpec& spec,
            DmaBuffer memory);
  [[nodiscard]] std::uint64_t doorbell_value(std::uint16_t index) const;
  [[nodiscard]] std::uint32_t units() const {
    return inline_bytes() != 0 ? 4 : 3;
  }  // 16-byte units of a request

  Platform& platform_;
  CommandChannel& channel_;
  WorkQueueSpec spec_;
  DmaBuffer memory_;  // ring, then the doorbell record
  std::uint32_t number_ = 0;
  std::uint16_t producer_ = 0;
  std::uint16_t consumer_ = 0;
  std::uint16_t rung_ = 0;
};

}  // namespace vfsim::driver
