#include "systemc/wire/wire.hpp"

#include <algorithm>
#include <cstring>

namespace vfsim::model {

namespace {

constexpr std::uint32_t kHeaderBytes = 14;
constexpr std::uint32_t kShortest = 60;   // without FCS; shorter frames are padded on the line
constexpr std::uint32_t kLineBytes = 24;  // preamble 8, FCS 4, gap 12

}  // namespace

/// An endpoint's way to the switch.
class EthernetWire::Port final : public WirePort {
 public:
  Port(EthernetWire& wire, WireEndpoint& endpoint, FrameFate* fate, Relay relay,
       std::uint32_t index)
      : wire_(wire), endpoint_(endpoint), fate_(fate), relay_(relay), index_(index) {}

  void send(const std::uint8_t* bytes, std::uint32_t length) override {
    ++wire_.counters_.sent;
    if (length < kHeaderBytes || length > wire_.slots_.slot_bytes()) {
      ++wire_.counters_.dropped;
      tell_dropped(bytes, length);
      return;
    }
    Frame& frame = frames_.push();
    frame.slot = wire_.slots_.take();
    frame.length = length;
    frame.sender = index_;
    std::memcpy(wire_.slots_.data(frame.slot), bytes, length);
    free_at_ = std::max(free_at_, wire_.calendar_.now()) + wire_.duration(length);
    frame.due = free_at_ + wire_.latency_;
    if (!timer_.armed()) {
      wire_.calendar_.arm(timer_, frames_.front().due);
    }
  }
  [[nodiscard]] Ps tx_free_at() const override { return std::max(free_at_, wire_.calendar_.now()); }

  WireEndpoint& endpoint() { return endpoint_; }
  [[nodiscard]] bool sends_again() const { return fate_ != nullptr && fate_->sends_again(); }
  [[nodiscard]] bool reflects() const { return relay_ == Relay::reflective; }
  [[nodiscard]] std::size_t in_flight() const { return frames_.size(); }
  void tell_dropped(const std::uint8_t* bytes, std::uint32_t length) {
    if (fate_ != nullptr) {
      fate_->dropped(bytes, length);
    }
  }
  void tell_taken(const std::uint8_t* bytes, std::uint32_t length) {
    if (fate_ != nullptr) {
      fate_->taken(bytes, length);
    }
  }

 private:
  void arrive() {
    while (!frames_.empty() && (frames_.front().due <= wire_.calendar_.now() ||
                                wire_.calendar_.step_to(frames_.front().due))) {
      const Frame frame = frames_.front();
      frames_.pop();
      wire_.route(frame);
    }
    if (!frames_.empty()) {
      wire_.calendar_.arm(timer_, frames_.front().due);
    }
  }

  EthernetWire& wire_;
  WireEndpoint& endpoint_;
  FrameFate* fate_;
  const Relay relay_;
  const std::uint32_t index_;
  Ps free_at_ = 0;
  Ring<Frame> frames_{256};
  MethodTimer<Port, &Port::arrive> timer_{*this};
};

EthernetWire::EthernetWire(Calendar& calendar, const WireParams& params, std::uint32_t gbps,
                           std::uint32_t max_frame)
    : calendar_(calendar),
      latency_(params.latency_ns * kNs),
      retry_period_(params.retry_us * kUs),
      hold_unowned_(params.unowned == "hold"),
      hold_limit_(params.hold_frames),
      gbps_(gbps),
      slots_(max_frame) {}

EthernetWire::~EthernetWire() = default;

WirePort& EthernetWire::attach(WireEndpoint& endpoint, FrameFate* fate, Relay relay) {
  ports_.push_back(std::make_unique<Port>(*this, endpoint, fate, relay,
                                          static_cast<std::uint32_t>(ports_.size())));
  return *ports_.back();
}

WirePort& EthernetWire::port(std::size_t index) {
  return *ports_.at(index);
}

std::size_t EthernetWire::in_flight() const {
  std::size_t frames = 0;
  for (const auto& port : ports_) {
    frames += port->in_flight();
  }
  return frames;
}

Ps EthernetWire::duration(std::uint32_t length) const {
  return (static_cast<Ps>(std::max(length, kShortest) + kLineBytes) * 8 * kNs + gbps_ - 1) / gbps_;
}

EthernetWire::Mac EthernetWire::destination(const Frame& frame) const {
  Mac mac{};
  std::copy_n(bytes(frame), mac.size(), mac.begin());
  return mac;
}

bool EthernetWire::reaches(const Frame& frame, std::uint32_t port) const {
  return port != frame.sender || ports_[port]->reflects();
}

void EthernetWire::route(const Frame& frame) {
  if ((bytes(frame)[0] & 1U) != 0) {
    flood(frame);
    return;
  }
  if (waiting_ != 0) {
    if (Queue* queue = waiting_queue(destination(frame))) {
      hold(*queue, frame);
      return;
    }
  }
  const FrameDrop result = offer(frame);
  if (result == FrameDrop::none) {
    deliver(frame);
  } else if (waits(frame, result)) {
    Queue& queue = free_queue(destination(frame));
    queue.next_try = calendar_.now() + retry_period_;
    calendar_.arm_earlier(retry_timer_, queue.next_try);
    hold(queue, frame);
  } else {
    drop(frame);
  }
}

bool EthernetWire::waits(const Frame& frame, FrameDrop result) const {
  const bool passing = result == FrameDrop::not_ready && !ports_[frame.sender]->sends_again();
  return result != FrameDrop::none && result != FrameDrop::too_long && (hold_unowned_ || passing);
}

void EthernetWire::flood(const Frame& frame) {
  bool taken = false;
  for (std::uint32_t i = 0; i < ports_.size(); ++i) {
    if (reaches(frame, i)) {
      taken = ports_[i]->endpoint().frame_arrived(bytes(frame), frame.length) == FrameDrop::none ||
              taken;
    }
  }
  if (!taken) {
    drop(frame);
    return;
  }
  deliver(frame);
}

FrameDrop EthernetWire::offer(const Frame& frame) {
  FrameDrop result = FrameDrop::no_owner;
  for (std::uint32_t i = 0; i < ports_.size(); ++i) {
    WireEndpoint& endpoint = ports_[i]->endpoint();
    if (!reaches(frame, i) || !endpoint.owns_mac(bytes(frame))) {
      continue;
    }
    // While a function moves, both NICs may know its MAC: the one that accepts is the owner.
    result = endpoint.frame_arrived(bytes(frame), frame.length);
    if (result == FrameDrop::none) {
      break;
    }
  }
  return result;
}

void EthernetWire::hold(Queue& queue, const Frame& frame) {
  if (queue.frames.size() >= hold_limit_) {
    drop(frame);
    return;
  }
  queue.frames.push(frame);
  ++waiting_;
  ++counters_.held;
}

EthernetWire::Queue* EthernetWire::waiting_queue(const Mac& mac) {
  for (const auto& queue : queues_) {
    if (!queue->frames.empty() && queue->mac == mac) {
      return queue.get();
    }
  }
  return nullptr;
}

EthernetWire::Queue& EthernetWire::free_queue(const Mac& mac) {
  const auto idle =
      std::find_if(queues_.begin(), queues_.end(), [](const auto& q) { return q->frames.empty(); });
  if (idle != queues_.end()) {
    (*idle)->mac = mac;
    return **idle;
  }
  queues_.push_back(std::make_unique<Queue>());
  queues_.back()->mac = mac;
  return *queues_.back();
}

void EthernetWire::retry() {
  const Ps now = calendar_.now();
  Ps next = kNever;
  for (std::size_t i = 0; i < queues_.size(); ++i) {  // an endpoint may send, which may add queues
    Queue& queue = *queues_[i];
    if (!queue.frames.empty() && queue.next_try <= now) {
      retry_head(queue);
    }
    if (!queue.frames.empty()) {
      next = std::min(next, queue.next_try);
    }
  }
  calendar_.arm_earlier(retry_timer_, next);
}

void EthernetWire::retry_head(Queue& queue) {
  const Frame frame = queue.frames.front();
  ++counters_.retried;
  const FrameDrop result = offer(frame);
  if (waits(frame, result)) {
    queue.next_try = calendar_.now() + retry_period_;
    return;
  }
  queue.frames.pop();
  --waiting_;
  queue.next_try = calendar_.now() + duration(frame.length);
  if (result == FrameDrop::none) {
    deliver(frame);
  } else {
    drop(frame);
  }
}

void EthernetWire::deliver(const Frame& frame) {
  ++counters_.delivered;
  ports_[frame.sender]->tell_taken(bytes(frame), frame.length);
  slots_.release(frame.slot);
}

void EthernetWire::drop(const Frame& frame) {
  ++counters_.dropped;
  ports_[frame.sender]->tell_dropped(bytes(frame), frame.length);
  slots_.release(frame.slot);
}

}  // namespace vfsim::model
