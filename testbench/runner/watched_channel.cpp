#include "testbench/runner/watched_channel.hpp"

#include <utility>

#include "host_driver/vmm/message.hpp"

namespace vfsim::bench {
namespace {

class WatchedChannel final : public driver::Channel {
 public:
  WatchedChannel(std::unique_ptr<driver::Channel> channel, std::uint8_t host,
                 const model::Calendar& calendar, std::function<void(const ChannelMessage&)> tell)
      : channel_(std::move(channel)), host_(host), calendar_(calendar), tell_(std::move(tell)) {}

  driver::Result<void> send(const std::vector<std::uint8_t>& message) override {
    const model::Ps from = calendar_.now();
    auto result = channel_->send(message);
    if (result) {
      tell_({from, calendar_.now(), host_, driver::message_name(message), message.size()});
    }
    return result;
  }
  driver::Result<std::vector<std::uint8_t>> receive(driver::Nanoseconds timeout) override {
    return channel_->receive(timeout);
  }
  void close() override { channel_->close(); }

 private:
  std::unique_ptr<driver::Channel> channel_;
  std::uint8_t host_;
  const model::Calendar& calendar_;
  std::function<void(const ChannelMessage&)> tell_;
};

}  // namespace

std::unique_ptr<driver::Channel> watch_channel(std::unique_ptr<driver::Channel> channel,
                                               std::uint8_t host, const model::Calendar& calendar,
                                               std::function<void(const ChannelMessage&)> tell) {
  return std::make_unique<WatchedChannel>(std::move(channel), host, calendar, std::move(tell));
}

}  // namespace vfsim::bench
