#include "testbench/workload/traffic_peer.hpp"

#include <algorithm>

namespace vfsim::bench {

TrafficPeer::TrafficPeer(model::Calendar& calendar, Oracle& oracle, model::Ps retry)
    : calendar_(calendar), oracle_(oracle), retry_(retry) {}

void TrafficPeer::start(std::uint32_t guest, const std::vector<TimedFrame>& frames) {
  if (conversations_.size() <= guest) {
    conversations_.resize(guest + 1);
  }
  conversations_[guest] = {&frames, 0, calendar_.now()};
  arm_next();
}

bool TrafficPeer::done(std::uint32_t guest) const {
  return guest < conversations_.size() && conversations_[guest].frames != nullptr && !conversations_[guest].open();
}

model::FrameDrop TrafficPeer::frame_arrived(const std::uint8_t* bytes, std::uint32_t length) {
  if (const int guest = guest_of_mac(bytes + 6); guest >= 0) {
    oracle_.on_wire(static_cast<std::uint32_t>(guest), bytes, length);
  }
  return model::FrameDrop::none;
}

bool TrafficPeer::owns_mac(const std::uint8_t* mac) const {
  const Mac base = client_mac(0);
  return std::equal(mac, mac + 5, base.begin());
}

void TrafficPeer::dropped(const std::uint8_t* bytes, std::uint32_t length) {
  again_.push_back({calendar_.now() + retry_, {bytes, bytes + length}});
  arm_next();
}

void TrafficPeer::send_due() {
  const model::Ps now = calendar_.now();
  for (; !again_.empty() && again_.front().at <= now; again_.pop_front()) {
    wire_->send(again_.front().bytes.data(), static_cast<std::uint32_t>(again_.front().bytes.size()));
  }
  for (std::uint32_t guest = 0; guest < conversations_.size(); ++guest) {
    Conversation& c = conversations_[guest];
    while (c.open() && c.due() <= now) {
      const Frame& frame = (*c.frames)[c.next++].bytes;
      oracle_.offered(guest);
      wire_->send(frame.data(), static_cast<std::uint32_t>(frame.size()));
    }
  }
  arm_next();
}

void TrafficPeer::arm_next() {
  model::Ps next = again_.empty() ? model::kNever : again_.front().at;
  for (const Conversation& c : conversations_) {
    if (c.open()) {
      next = std::min(next, std::max(c.due(), calendar_.now()));
    }
  }
  if (next != model::kNever) {
    calendar_.arm(timer_, next);
  }
}

}  // namespace vfsim::bench
