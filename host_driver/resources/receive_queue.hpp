// A receive queue: a cyclic ring of one or two data segments per buffer. Source: the stock Ethernet
// driver's data path.
#pragma once

#include <cstdint>
#include <memory>

#include "host_driver/cmd/eth_commands.hpp"
#include "host_driver/resources/dma_buffer.hpp"

namespace vfsim::driver {

/// Entry i of the ring keeps its buffer for ever; posting again only moves the producer counter.
/// Not thread safe.
class ReceiveQueue {
 public:
  /// Creates the queue in state RST. spec: log_size, pd, cqn, counter_set.
  /// @param log_segments  log2 of the data segments of an entry, 0 or 1; all but the first are
  ///                      empty until set_buffer() says otherwise
  [[nodiscard]] static Result<std::unique_ptr<ReceiveQueue>> create(Platform& platform,
                                                                    CommandChannel& channel,
                                                                    WorkQueueSpec spec,
                                                                    std::uint8_t log_segments = 0);
  [[nodiscard]] Result<void> destroy();
  [[nodiscard]] Result<void> set_ready();
  [[nodiscard]] std::uint32_t size() const { return 1U << spec_.log_size; }
  /// Sets a buffer of an entry: frames fill the segments one after the other.
  void set_buffer(std::uint32_t entry, std::uint32_t lkey, std::uint64_t address,
                  std::uint32_t bytes, std::uint32_t segment = 0);
  /// Hands `count` more entries to the device; publish() tells it.
  void post(std::uint32_t count) { producer_ = static_cast<std::uint16_t>(producer_ + count); }
  void publish();
  /// A completion names this entry. Returns its index in the ring, or size() if it is not the
  /// oldest one.
  [[nodiscard]] std::uint32_t consume(std::uint16_t wqe_counter);
  /// Entries that the device has.
  [[nodiscard]] std::uint32_t outstanding() const {
    return static_cast<std::uint16_t>(producer_ - consumer_);
  }
  [[nodiscard]] std::uint32_t number() const { return number_; }

 private:
  ReceiveQueue(CommandChannel& channel, const WorkQueueSpec& spec, DmaBuffer memory)
      : channel_(channel), spec_(spec), memory_(std::move(memory)) {}

  CommandChannel& channel_;
  WorkQueueSpec spec_;
  DmaBuffer memory_;  // ring, then the doorbell record
  std::uint32_t number_ = 0;
  std::uint16_t producer_ = 0;
  std::uint16_t consumer_ = 0;
};

}  // namespace vfsim::driver
