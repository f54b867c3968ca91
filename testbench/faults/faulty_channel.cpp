#include "testbench/faults/faulty_channel.hpp"

#include <utility>

#include "firmware/interface/faults.h"
#include "host_driver/migration/bytes.hpp"
#include "host_driver/vmm/message.hpp"

namespace vfsim::bench {
namespace {

constexpr std::size_t kTypeOffset = 4;  // in a frame: host_driver/vmm/message.hpp

class FaultyChannel final : public driver::Channel {
 public:
  explicit FaultyChannel(std::unique_ptr<driver::Channel> channel) : channel_(std::move(channel)) {}

  driver::Result<void> send(const std::vector<std::uint8_t>& message) override {
    auto sent = channel_->send(message);
    const auto type = static_cast<driver::MessageType>(
        driver::le_load<std::uint16_t>(message.data() + kTypeOffset));
    return sent && type == driver::MessageType::finish
               ? driver::fail(EIO, "migration channel: message was not sent")
               : std::move(sent);
  }
  driver::Result<std::vector<std::uint8_t>> receive(driver::Nanoseconds timeout) override {
    return channel_->receive(timeout);
  }
  void close() override { channel_->close(); }

 private:
  const std::unique_ptr<driver::Channel> channel_;
};

}  // namespace

std::unique_ptr<driver::Channel> with_channel_faults(std::unique_ptr<driver::Channel> channel,
                                                     vf_fault_set faults) {
  return vf_fault(faults, VF_FAULT_finish_called_lost) != 0
             ? std::make_unique<FaultyChannel>(std::move(channel))
             : std::move(channel);
}

}  // namespace vfsim::bench
