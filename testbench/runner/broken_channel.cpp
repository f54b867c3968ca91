#include "testbench/runner/broken_channel.hpp"

#include <map>
#include <utility>

#include "host_driver/migration/record.hpp"
#include "host_driver/vmm/message.hpp"
#include "testbench/fuzz/image_corrupt.hpp"

namespace vfsim::bench {
namespace {

using driver::Message;
using driver::MessageType;
using driver::RecordHeader;

/// A record of a stream: where it begins, where its payload is.
struct Piece {
  std::size_t offset = 0;
  std::size_t end = 0;
};

/// The image records that are whole.
std::vector<Piece> images_in(const std::vector<std::uint8_t>& stream) {
  std::vector<Piece> images;
  for (std::size_t at = 0; at + RecordHeader::kBytes <= stream.size();) {
    const auto header = RecordHeader::decode(&stream[at]);
    const std::size_t payload = at + RecordHeader::kBytes;
    if (header.bytes > stream.size() - payload) {
      break;
    }
    const std::size_t end = payload + static_cast<std::size_t>(header.bytes);
    if (header.tag == RecordHeader::kFwData) {
      images.push_back({at, end});
    }
    at = end;
  }
  return images;
}

class BrokenChannel final : public driver::Channel {
 public:
  BrokenChannel(std::unique_ptr<driver::Channel> line, const ChannelDefect& defect)
      : line_(std::move(line)), defect_(defect) {}

  driver::Result<void> send(const std::vector<std::uint8_t>& frame) override {
    BOOST_OUTCOME_TRY(message, driver::decode_message(frame, next_in_));
    ++next_in_;
    if (!defect_.corrupt.empty() && message.type == MessageType::device_data) {
      auto& stream = held_[message.device];
      stream.insert(stream.end(), message.payload.begin(), message.payload.end());
      return BOOST_OUTCOME_V2_NAMESPACE::success();
    }
    if (message.type == MessageType::device_end) {
      BOOST_OUTCOME_TRYV(let_go(message.device));
    }
    return message.type == MessageType::finish ? finish(message) : pass(message);
  }
  driver::Result<std::vector<std::uint8_t>> receive(driver::Nanoseconds timeout) override {
    return line_->receive(timeout);
  }
  void close() override { line_->close(); }

 private:
  driver::Result<void> let_go(std::uint16_t device) {
    const auto held = held_.find(device);
    if (held == held_.end()) {
      return BOOST_OUTCOME_V2_NAMESPACE::success();
    }
    const auto stream = spoil_stream(held->second, defect_);
    held_.erase(held);
    return pass({MessageType::device_data, device, 0, stream});
  }

  driver::Result<void> finish(const Message& message) {
    if (defect_.cut != "at_finish") {
      BOOST_OUTCOME_TRYV(pass(message));
    }
    if (!defect_.cut.empty()) {
      line_->close();
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  /// Messages are numbered anew: some went missing, some came in between.
  driver::Result<void> pass(const Message& message) {
    return line_->send(driver::encode_message(message, next_out_++));
  }

  const std::unique_ptr<driver::Channel> line_;
  const ChannelDefect defect_;
  std::map<std::uint16_t, std::vector<std::uint8_t>> held_;  // streams, by device
  std::uint32_t next_in_ = 0;
  std::uint32_t next_out_ = 0;
};

}  // namespace

std::vector<std::uint8_t> spoil_stream(const std::vector<std::uint8_t>& stream,
                                       const ChannelDefect& defect) {
  if (!defect.records) {
    return corrupt(stream, defect.corrupt, defect.seed);
  }
  const auto images = images_in(stream);
  if (images.empty()) {
    return stream;
  }
  const Piece& chosen = images[defect.seed % images.size()];
  const auto at = [&](std::size_t offset) {
    return stream.begin() + static_cast<std::ptrdiff_t>(offset);
  };
  const ImageBytes spoiled = corrupt({at(chosen.offset + RecordHeader::kBytes), at(chosen.end)},
                                     defect.corrupt, defect.seed);
  RecordHeader header = RecordHeader::decode(&stream[chosen.offset]);
  header.bytes = spoiled.size();
  const auto head = header.encode();
  std::vector<std::uint8_t> out(stream.begin(), at(chosen.offset));
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), spoiled.begin(), spoiled.end());
  out.insert(out.end(), at(chosen.end), stream.end());
  return out;
}

std::unique_ptr<driver::Channel> make_broken_channel(std::unique_ptr<driver::Channel> line,
                                                     const ChannelDefect& defect) {
  return std::make_unique<BrokenChannel>(std::move(line), defect);
}

}  // namespace vfsim::bench
