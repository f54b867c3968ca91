// A completion queue: ring and doorbell record in host memory. Source: mlx5 device interface
// sections 5.1, 5.5.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/resources/dma_buffer.hpp"

namespace vfsim::driver {

/// One completion; fields with VF_GET(cqe, entry.data(), ...).
using Cqe = std::array<std::uint8_t, VF_LAYOUT_BYTES_cqe>;

/// One consumer.
class CompletionQueue {
 public:
  /// @param log_size log2 of entries of 64 bytes. The queue is not armed.
  [[nodiscard]] static Result<std::unique_ptr<CompletionQueue>> create(Platform& platform,
                                                                       CommandChannel& channel,
                                                                       std::uint8_t log_size,
                                                                       std::uint32_t eqn,
                                                                       std::uint32_t uar);
  [[nodiscard]] Result<void> destroy();
  /// Takes the next completion.
  [[nodiscard]] bool next(Cqe& entry);
  /// Writes the consumer index to the doorbell record.
  void update();
  /// update(), and asks for an event as soon as there is a completion that was not taken.
  void arm();
  /// The event came: the next arm() carries the next sequence number.
  void event_seen() {
    ++arm_sn_;
    armed_ = false;
  }
  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] std::uint32_t consumer_index() const { return ci_; }
  [[nodiscard]] bool armed() const { return armed_; }
  /// Completions that wait to be taken.
  [[nodiscard]] std::uint32_t pending() const;

 private:
  CompletionQueue(Platform& platform, CommandChannel& channel, std::uint8_t log_size,
                  std::uint32_t uar, DmaBuffer memory);
  [[nodiscard]] bool valid(const std::uint8_t* last_byte, std::uint32_t index) const;
  [[nodiscard]] std::size_t record() const { return std::size_t{VF_LAYOUT_BYTES_cqe} << log_size_; }

  Platform& platform_;
  CommandChannel& channel_;
  DmaBuffer memory_;  // ring, then the doorbell record
  std::uint8_t log_size_;
  std::uint32_t uar_;
  std::uint32_t number_ = 0;
  std::uint32_t ci_ = 0;  // free running
  std::uint32_t arm_sn_ = 0;
  bool armed_ = false;
};

}  // namespace vfsim::driver
