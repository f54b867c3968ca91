#include "testbench/workload/traffic_peer.hpp"

#include <algorithm>
#include <utility>

namespace vfsim::bench {

TrafficPeer::TrafficPeer(model::Calendar& calendar, Oracle& oracle, model::Ps retry)
    : calendar_(calendar), oracle_(oracle), retry_(retry) {}

void TrafficPeer::start(std::uint32_t guest, const std::vector<TimedFrame>& frames) {
  if (conversations_.size() <= guest) {
    conversations_.resize(guest + 1);
  }
  Conversation& c = conversations_[guest];
  c.frames = &frames;
  c.start = calendar_.now();
  arm_next();
}

void TrafficPeer::stop(std::uint32_t guest) {
  Conversation& c = conversations_[guest];
  c.next = c.frames->size();
  c.backlog.clear();
  c.returned = 0;
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

/// The fate of a frame is known: it is no longer under way.
TrafficPeer::Conversation* TrafficPeer::settle(const std::uint8_t* bytes) {
  const int guest = guest_of_mac(bytes);
  if (guest < 0 || static_cast<std::size_t>(guest) >= conversations_.size()) {
    return nullptr;
  }
  Conversation& c = conversations_[static_cast<std::size_t>(guest)];
  --c.under_way;
  return &c;
}

void TrafficPeer::dropped(const std::uint8_t* bytes, std::uint32_t length) {
  if (Conversation* c = settle(bytes)) {
    // Frames come back in the order in which they were sent: later than what was dropped before
    // them, earlier than what has not been sent yet.
    c->backlog.insert(c->backlog.begin() + static_cast<std::ptrdiff_t>(c->returned), Frame(bytes, bytes + length));
    ++c->returned;
    c->next_try = calendar_.now() + retry_;
    arm_next();
  }
}

void TrafficPeer::taken(const std::uint8_t* bytes, std::uint32_t length) {
  (void)length;
  Conversation* c = settle(bytes);
  if (c == nullptr || c->under_way != 0 || c->backlog.empty()) {
    return;
  }
  if (c->returned == 0) {
    c->next_try = calendar_.now();
    c->owned = true;
  }
  arm_next();
}

void TrafficPeer::send(Conversation& c, const Frame& frame) {
  ++c.under_way;
  wire_->send(frame.data(), static_cast<std::uint32_t>(frame.size()));
}

void TrafficPeer::try_backlog(Conversation& c) {
  if (c.backlog.empty() || c.under_way != 0 || c.next_try > calendar_.now()) {
    return;
  }
  c.returned = 0;
  c.next_try = model::kNever;
  const std::size_t count = std::exchange(c.owned, false) ? c.backlog.size() : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const Frame frame = std::move(c.backlog.front());
    c.backlog.pop_front();
    send(c, frame);
  }
}

void TrafficPeer::send_schedule(std::uint32_t guest, Conversation& c) {
  while (c.open() && c.due() <= calendar_.now()) {
    const Frame& frame = (*c.frames)[c.next++].bytes;
    oracle_.offered(guest);
    if (c.backlog.empty()) {
      send(c, frame);
    } else {
      c.backlog.push_back(frame);
    }
  }
}

void TrafficPeer::send_due() {
  for (std::uint32_t guest = 0; guest < conversations_.size(); ++guest) {
    try_backlog(conversations_[guest]);
    send_schedule(guest, conversations_[guest]);
  }
  arm_next();
}

void TrafficPeer::arm_next() {
  model::Ps next = model::kNever;
  for (const Conversation& c : conversations_) {
    if (c.open()) {
      next = std::min(next, c.due());
    }
    if (!c.backlog.empty() && c.under_way == 0) {
      next = std::min(next, c.next_try);
    }
  }
  if (next != model::kNever) {
    calendar_.arm(timer_, std::max(next, calendar_.now()));
  }
}

}  // namespace vfsim::bench
