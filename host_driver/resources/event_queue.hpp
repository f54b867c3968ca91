// An event queue: ring in host memory, owner parity, doorbells. Source: mlx5 device interface
// section 5.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/resources/dma_buffer.hpp"

namespace vfsim::driver {

struct EqEvent {
  std::uint8_t type = 0;
  std::uint8_t sub_type = 0;
  std::array<std::uint8_t, 28> data{};
};

struct EqConfig {
  std::uint8_t log_size = 8;
  std::uint32_t uar = 0;
  std::uint16_t vector = 0;
  std::uint64_t mask = 0;  // event types 0..63
};

class EventQueue {
 public:
  /// Allocates the ring, sets every owner bit and issues CREATE_EQ. The queue is not armed.
  [[nodiscard]] static Result<std::shared_ptr<EventQueue>> create(Platform& platform,
                                                                  CommandChannel& channel,
                                                                  const EqConfig& config);
  [[nodiscard]] Result<void> destroy();
  /// Takes the next event. Thread safe (the ring may be polled by hand beside its interrupt).
  [[nodiscard]] bool next(EqEvent& event);
  /// Tells the device the consumer index and arms the queue, or only tells it.
  void arm();
  void update();
  [[nodiscard]] std::uint8_t number() const { return number_; }
  [[nodiscard]] std::uint16_t vector() const { return config_.vector; }
  [[nodiscard]] std::uint32_t consumer_index() const { return ci_; }
  [[nodiscard]] bool armed() const { return armed_; }
  /// An event waits to be taken.
  [[nodiscard]] bool pending() const;

 private:
  EventQueue(Platform& platform, CommandChannel& channel, const EqConfig& config, DmaBuffer ring);
  void ring_doorbell(std::uint32_t offset);

  Platform& platform_;
  CommandChannel& channel_;
  EqConfig config_;
  DmaBuffer ring_;
  std::unique_ptr<Mutex> lock_;
  std::uint32_t ci_ = 0;    // free running
  std::uint32_t told_ = 0;  // consumer index of the newest doorbell
  std::uint8_t number_ = 0;
  bool armed_ = false;
};

}  // namespace vfsim::driver
