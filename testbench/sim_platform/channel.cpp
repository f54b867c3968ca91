#include "testbench/sim_platform/channel.hpp"

#include <algorithm>

namespace vfsim::bench {
namespace {

/// One direction of the line.
struct Pipe {
  struct Message {
    model::Ps at;
    std::vector<std::uint8_t> bytes;
  };
  std::deque<Message> messages;
  model::Ps line_free = 0;
  std::unique_ptr<driver::Event> arrived;
  bool closed = false;
};

class End final : public driver::Channel {
 public:
  End(SimOs& os, const ChannelParams& params, std::shared_ptr<Pipe> out, std::shared_ptr<Pipe> in)
      : os_(os), params_(params), out_(std::move(out)), in_(std::move(in)) {}
  ~End() override { close(); }

  driver::Result<void> send(const std::vector<std::uint8_t>& message) override {
    if (out_->closed) {
      return driver::fail(EPIPE, "migration channel closed");
    }
    const model::Ps now = os_.calendar().now();
    const model::Ps wire = message.size() * 8 * model::kNs / params_.gbps;
    out_->line_free = std::max(out_->line_free, now) + wire;
    out_->messages.push_back({out_->line_free + params_.latency_us * model::kUs, message});
    out_->arrived->notify();
    os_.sleep(driver::Nanoseconds(static_cast<std::int64_t>((out_->line_free - now) / model::kNs)));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  driver::Result<std::vector<std::uint8_t>> receive(driver::Nanoseconds timeout) override {
    while (in_->messages.empty()) {
      if (in_->closed) {
        return driver::fail(EPIPE, "migration channel closed by the peer");
      }
      if (!in_->arrived->wait(timeout)) {
        return driver::fail(ETIMEDOUT, "nothing received on the migration channel");
      }
    }
    const model::Ps now = os_.calendar().now();
    if (in_->messages.front().at > now) {
      const model::Ps left = in_->messages.front().at - now;
      os_.sleep(driver::Nanoseconds(static_cast<std::int64_t>((left + model::kNs - 1) / model::kNs)));
    }
    auto bytes = std::move(in_->messages.front().bytes);
    in_->messages.pop_front();
    return bytes;
  }

  void close() override {
    for (Pipe* pipe : {out_.get(), in_.get()}) {
      pipe->closed = true;
      pipe->arrived->notify();
    }
  }

 private:
  SimOs& os_;
  ChannelParams params_;
  std::shared_ptr<Pipe> out_;
  std::shared_ptr<Pipe> in_;
};

}  // namespace

std::pair<std::unique_ptr<driver::Channel>, std::unique_ptr<driver::Channel>> make_channel(
    SimOs& a, SimOs& b, const ChannelParams& params) {
  auto to_b = std::make_shared<Pipe>();
  auto to_a = std::make_shared<Pipe>();
  to_b->arrived = b.make_event();
  to_a->arrived = a.make_event();
  return {std::make_unique<End>(a, params, to_b, to_a), std::make_unique<End>(b, params, to_a, to_b)};
}

}  // namespace vfsim::bench
