// What source and destination say to each other: framed messages over a Channel.
#pragma once

#include <cstdint>
#include <vector>

#include "host_driver/platform/result.hpp"
#include "host_driver/vmm/environment.hpp"

namespace vfsim::driver {

enum class MessageType : std::uint16_t {
  hello = 1,        // source: guest, memory size, devices
  ready = 2,        // destination: devices are RESUMING
  pages = 3,        // page records: address (bit 0: the page is zero), 4096 bytes unless zero
  device_data = 4,  // piece of a device's stream
  device_end = 5,   // the device's stream is complete
  config = 6,       // configuration space of a device
  finish = 7,       // everything was sent: run
  running = 8,      // destination: the guest runs; argument = time, ns
  refuse = 9,       // either side gives up; argument = errno, payload = why
};

struct Message {
  MessageType type = MessageType::hello;
  std::uint16_t device = 0;
  std::uint64_t argument = 0;
  std::vector<std::uint8_t> payload;
};

/// Frame, little-endian, 32 bytes: magic (4), type (2), device (2), argument (8), sequence (4),
/// payload bytes (4), CRC-32C of the payload (4), CRC-32C of the 28 bytes before (4); then the
/// payload.
inline constexpr std::size_t kFrameBytes = 32;
[[nodiscard]] std::vector<std::uint8_t> encode_message(const Message& message,
                                                       std::uint32_t sequence);
/// EINVAL: magic, length, check sum or sequence is wrong, or the type is unknown.
[[nodiscard]] Result<Message> decode_message(const std::vector<std::uint8_t>& frame,
                                             std::uint32_t sequence);

/// Type of the message that a frame begins, "pages"; "unknown" if it has none.
[[nodiscard]] const char* message_name(const std::vector<std::uint8_t>& frame);

/// Messages over a channel, numbered in each direction.
class MessageLink {
 public:
  explicit MessageLink(Channel& channel) : channel_(channel) {}
  [[nodiscard]] Result<void> send(const Message& message);
  [[nodiscard]] Result<Message> receive(Nanoseconds timeout);
  void close() { channel_.close(); }
  /// Bytes sent, frames included.
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  Channel& channel_;
  std::uint32_t next_out_ = 0, next_in_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace vfsim::driver
