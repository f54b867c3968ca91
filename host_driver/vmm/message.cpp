#include "host_driver/vmm/message.hpp"

#include <iterator>
#include <string>

#include "host_driver/migration/bytes.hpp"

namespace vfsim::driver {
namespace {
constexpr std::uint32_t kMagic = 0x314d4656;  // "VFM1"
}  // namespace

const char* message_name(const std::vector<std::uint8_t>& frame) {
  static constexpr const char* kNames[] = {"unknown",     "hello",  "ready",  "pages",   "device_data",
                                           "device_end", "config", "finish", "running", "refuse"};
  const std::size_t type = frame.size() < kFrameBytes ? 0 : le_load<std::uint16_t>(frame.data() + 4);
  return kNames[type < std::size(kNames) ? type : 0];
}

std::vector<std::uint8_t> encode_message(const Message& message, std::uint32_t sequence) {
  std::vector<std::uint8_t> out;
  out.reserve(kFrameBytes + message.payload.size());
  le_append<std::uint32_t>(out, kMagic);
  le_append<std::uint16_t>(out, static_cast<std::uint16_t>(message.type));
  le_append<std::uint16_t>(out, message.device);
  le_append<std::uint64_t>(out, message.argument);
  le_append<std::uint32_t>(out, sequence);
  le_append<std::uint32_t>(out, static_cast<std::uint32_t>(message.payload.size()));
  le_append<std::uint32_t>(out, crc32c(message.payload.data(), message.payload.size()));
  le_append<std::uint32_t>(out, crc32c(out.data(), out.size()));
  out.insert(out.end(), message.payload.begin(), message.payload.end());
  return out;
}

Result<Message> decode_message(const std::vector<std::uint8_t>& frame, std::uint32_t sequence) {
  const auto bad = [](const char* what) {
    return fail(EINVAL, std::string("migration message: ") + what);
  };
  if (frame.size() < kFrameBytes) {
    return bad("shorter than a frame");
  }
  const std::uint8_t* p = frame.data();
  if (le_load<std::uint32_t>(p) != kMagic || le_load<std::uint32_t>(p + 28) != crc32c(p, 28)) {
    return bad("wrong magic or header check sum");
  }
  if (le_load<std::uint32_t>(p + 16) != sequence) {
    return bad("out of sequence");
  }
  if (le_load<std::uint32_t>(p + 20) != frame.size() - kFrameBytes) {
    return bad("wrong length");
  }
  if (le_load<std::uint32_t>(p + 24) != crc32c(p + kFrameBytes, frame.size() - kFrameBytes)) {
    return bad("wrong payload check sum");
  }
  const auto type = le_load<std::uint16_t>(p + 4);
  if (type < static_cast<std::uint16_t>(MessageType::hello) ||
      type > static_cast<std::uint16_t>(MessageType::refuse)) {
    return bad("unknown type");
  }
  Message message;
  message.type = static_cast<MessageType>(type);
  message.device = le_load<std::uint16_t>(p + 6);
  message.argument = le_load<std::uint64_t>(p + 8);
  message.payload.assign(frame.begin() + kFrameBytes, frame.end());
  return message;
}

Result<void> MessageLink::send(const Message& message) {
  const std::vector<std::uint8_t> frame = encode_message(message, next_out_);
  auto done = channel_.send(frame);
  if (done) {
    ++next_out_;
    sent_ += frame.size();
  }
  return done;
}

Result<Message> MessageLink::receive(Nanoseconds timeout) {
  auto frame = channel_.receive(timeout);
  if (!frame) {
    return frame.error();
  }
  return decode_message(frame.value(), next_in_++);
}

}  // namespace vfsim::driver
