#include "systemc/pcie/link.hpp"

#include <algorithm>
#include <cstring>
#include <systemc>
#include <utility>

namespace vfsim::model {

namespace {

/// Room for one TLP of the largest payload is the least that flow control may advertise.
std::uint32_t data_credits(std::uint32_t wanted, std::uint32_t max_payload) {
  return std::max(wanted, max_payload / 16);
}

// Of a link that reorders: the most that one TLP goes past, and that go past one.
constexpr std::uint32_t kMostAhead = 4;
constexpr std::uint8_t kMostPassed = 8;

/// PCIe base specification, table of ordering rules: whether `later` may go past `earlier` in its
/// direction.
bool may_pass(const Tlp& later, const Tlp& earlier) {
  if (later.kind == TlpKind::mem_write) {
    return later.relaxed;  // past anything; without the attribute a posted write passes no other
  }
  if (later.kind != TlpKind::completion || earlier.kind == TlpKind::mem_write) {
    return later.kind == TlpKind::completion && later.relaxed;
  }
  return earlier.kind != TlpKind::completion || earlier.requester != later.requester ||
         earlier.tag != later.tag;
}

}  // namespace

LinkRate::LinkRate(std::uint32_t generation, std::uint32_t lanes) {
  // Megatransfers per second and lane; 10^9 femtoseconds per microsecond.
  const std::uint64_t mega = generation == 1   ? 2500
                             : generation == 2 ? 5000
                                               : 8000ULL << (generation - 3);
  const std::uint64_t encoded = generation <= 2 ? 10 : 130;
  const std::uint64_t plain = generation <= 2 ? 8 : 128;
  fs_per_byte_ = 8 * 1000000000ULL * encoded / (plain * mega * lanes);
}

PcieLink::PcieLink(Calendar& calendar, ProbeBus& probes, const PcieParams& params,
                   SlotPool& payloads, PcieEndpoint& device, UpstreamSink& root, std::uint8_t host,
                   std::uint64_t seed)
    : calendar_(calendar),
      probes_(probes),
      payloads_(payloads),
      device_(device),
      root_(root),
      rate_(params.generation, params.lanes),
      latency_(params.latency_ns * kNs),
      memory_(params.memory_ns * kNs),
      host_(host),
      posted_headers_(params.posted_headers),
      posted_data_(data_credits(params.posted_data, params.max_payload)),
      nonposted_headers_(params.nonposted_headers),
      completion_data_(data_credits(params.completion_data, params.max_payload)),
      reorder_(params.reorder),
      draw_(static_cast<std::minstd_rand::result_type>(seed * 2 + host + 1)) {}

bool PcieLink::can_send(TlpKind kind, std::uint32_t payload_bytes) {
  switch (kind) {
    case TlpKind::mem_write:
      if (posted_headers_ > 0 && posted_data_ >= units(payload_bytes)) {
        return true;
      }
      posted_starved_ = true;
      return false;
    case TlpKind::mem_read:
      take_nonposted_returns();
      if (nonposted_headers_ > 0) {
        return true;
      }
      nonposted_starved_ = true;
      if (!nonposted_returns_.empty()) {
        calendar_.arm_earlier(nonposted_timer_, nonposted_returns_.front().due);
      }
      return false;
    case TlpKind::completion:
      return true;
    case TlpKind::cfg_read:
    case TlpKind::cfg_write:
      break;  // devices do not configure
  }
  return false;
}

void PcieLink::send(const Tlp& tlp, const std::uint8_t* payload) {
  const bool carries = tlp.kind != TlpKind::mem_read && tlp.bytes != 0;
  if (!can_send(tlp.kind, tlp.bytes) || (carries && tlp.bytes > payloads_.slot_bytes())) {
    SC_REPORT_FATAL("pcie", "a device sent a TLP without credits or above the maximum payload");
  }
  if (tlp.kind == TlpKind::mem_write) {
    --posted_headers_;
    posted_data_ -= units(tlp.bytes);
  } else if (tlp.kind == TlpKind::mem_read) {
    --nonposted_headers_;
  }
  Packet& packet = up_.push();
  packet.tlp = tlp;
  packet.slot = SlotPool::kNone;
  packet.passed = 0;
  if (carries) {
    packet.slot = payloads_.take();
    std::memcpy(payloads_.data(packet.slot), payload, tlp.bytes);
  }
  const Ps now = calendar_.now();
  up_free_ = std::max(up_free_, now) + rate_.duration(carries ? tlp.bytes : 0);
  packet.due = up_free_ + latency_ + memory_;
  if (reorder_) {
    overtake(up_);
  }
  if (!up_timer_.armed()) {
    calendar_.arm(up_timer_, up_.front().due);
  }
  probes_.emit<Probe::tlp_sent>(&Observer::tlp_sent, now, host_, tlp, payload);
}

Ps PcieLink::tx_free_at() const {
  return std::max(up_free_, calendar_.now());
}

void PcieLink::overtake(Ring<Packet>& lane) {
  // The first one may be under way into its target at this moment.
  const std::uint64_t first = lane.first() + 1;
  std::uint64_t at = lane.next() - 1;
  for (auto ahead = draw_() % (kMostAhead + 1); ahead != 0 && at > first; --ahead, --at) {
    Packet& later = lane.at(at);
    Packet& earlier = lane.at(at - 1);
    if (!may_pass(later.tlp, earlier.tlp) || earlier.passed == kMostPassed) {
      return;
    }
    ++earlier.passed;
    earlier.due = later.due;
    std::swap(later, earlier);
  }
}

void PcieLink::stall(Ps duration) {
  const Ps now = calendar_.now();
  up_free_ = std::max(up_free_, now) + duration;
  down_free_ = std::max(down_free_, now) + duration;
}

template <class T, class Handle>
void PcieLink::work_off(Ring<T>& lane, Timer& timer, const Handle& handle) {
  while (!lane.empty() &&
         (lane.front().due <= calendar_.now() || calendar_.step_to(lane.front().due))) {
    handle(lane.front());
    lane.pop();
  }
  if (!lane.empty()) {
    calendar_.arm(timer, lane.front().due);
  }
}

void PcieLink::up_arrival() {
  work_off(up_, up_timer_, [this](Packet& packet) { root_.arrived(*this, packet); });
}

void PcieLink::landed(const Tlp& tlp, bool ok) {
  Landing& landing = landings_.push();
  landing.tlp = tlp;
  landing.due = calendar_.now() + latency_;
  landing.ok = ok;
  if (!landing_timer_.armed() && landings_.size() == 1) {
    calendar_.arm(landing_timer_, landing.due);
  }
}

std::uint64_t PcieLink::landing_later(const Tlp& tlp) {
  Landing& landing = landings_.push();
  landing.tlp = tlp;
  landing.due = kNever;
  return landings_.next() - 1;
}

void PcieLink::settle(std::uint64_t sequence, bool ok) {
  Landing& landing = landings_.at(sequence);
  landing.due = calendar_.now() + latency_;
  landing.ok = ok;
  if (sequence == landings_.first()) {
    calendar_.arm(landing_timer_, landing.due);
  }
}

void PcieLink::report_landings() {
  // Told in the order of sending, so one behind a peer-to-peer write may be long due.
  work_off(landings_, landing_timer_, [this](const Landing& landing) {
    ++posted_headers_;
    posted_data_ += units(landing.tlp.bytes);
    device_.write_landed(landing.tlp, landing.ok);
    if (posted_starved_) {
      posted_starved_ = false;
      device_.credits_returned();
    }
  });
}

void PcieLink::return_nonposted() {
  const Ps due = calendar_.now() + latency_;
  nonposted_returns_.push({due, 1});
  if (nonposted_starved_ && !nonposted_timer_.armed()) {
    calendar_.arm(nonposted_timer_, due);
  }
}

void PcieLink::take_nonposted_returns() {
  const Ps now = calendar_.now();
  while (!nonposted_returns_.empty() && nonposted_returns_.front().due <= now) {
    ++nonposted_headers_;
    nonposted_returns_.pop();
  }
}

void PcieLink::nonposted_back() {
  nonposted_starved_ = false;
  device_.credits_returned();
}

Ring<Packet>& PcieLink::completion_lane(std::uint32_t bytes) {
  take_completion_returns();
  if (!stalled_.empty() || completion_data_ < units(bytes)) {
    return stalled_;
  }
  completion_data_ -= units(bytes);
  return down_;
}

void PcieLink::completion_down(const Packet& packet) {
  Ring<Packet>& lane = completion_lane(packet.tlp.bytes);
  lane.push(packet);
  if (&lane == &down_) {
    start_down(down_.back());
  } else {
    await_completion_credits();
  }
}

void PcieLink::answer_down(const Tlp& request, const CompletionPart& part) {
  Ring<Packet>& lane = completion_lane(part.bytes);
  Packet& packet = lane.push();
  packet.tlp = request;  // requester, tag and addresses stay
  packet.tlp.kind = TlpKind::completion;
  packet.tlp.status = part.status;
  packet.tlp.last = part.last;
  packet.tlp.completer = kCpuRid;
  packet.tlp.offset = part.offset;
  packet.tlp.bytes = part.bytes;
  packet.slot = part.slot;
  packet.origin = nullptr;
  if (&lane == &down_) {
    start_down(packet);
  } else {
    await_completion_credits();
  }
}

void PcieLink::request_down(const Packet& packet) {
  down_.push(packet);
  start_down(down_.back());
}

void PcieLink::await_completion_credits() {
  if (!completion_returns_.empty()) {
    calendar_.arm_earlier(completion_timer_, completion_returns_.front().due);
  }
}

void PcieLink::take_completion_returns() {
  const Ps now = calendar_.now();
  while (!completion_returns_.empty() && completion_returns_.front().due <= now) {
    completion_data_ += completion_returns_.front().units;
    completion_returns_.pop();
  }
}

void PcieLink::completion_credit_back() {
  take_completion_returns();
  while (!stalled_.empty() && completion_data_ >= units(stalled_.front().tlp.bytes)) {
    completion_data_ -= units(stalled_.front().tlp.bytes);
    request_down(stalled_.front());
    stalled_.pop();
  }
  if (!stalled_.empty()) {
    await_completion_credits();
  }
}

void PcieLink::start_down(Packet& packet) {
  const std::uint32_t payload = packet.slot == SlotPool::kNone ? 0 : packet.tlp.bytes;
  down_free_ = std::max(down_free_, calendar_.now()) + rate_.duration(payload);
  packet.due = down_free_ + latency_;
  packet.passed = 0;
  if (reorder_) {
    overtake(down_);
  }
  if (!down_timer_.armed() && down_.size() == 1) {
    calendar_.arm(down_timer_, packet.due);
  }
}

void PcieLink::down_arrival() {
  work_off(down_, down_timer_, [this](Packet& packet) { deliver(packet); });
}

void PcieLink::deliver(Packet& packet) {
  const Ps now = calendar_.now();
  Tlp& tlp = packet.tlp;
  const std::uint8_t* payload = payloads_.data(packet.slot);
  if (tlp.kind == TlpKind::completion) {
    if (tlp.bytes != 0) {
      completion_returns_.push({now + latency_, units(tlp.bytes)});
      if (!stalled_.empty()) {
        calendar_.arm_earlier(completion_timer_, now + latency_);
      }
    }
  } else if (tlp.requester != kCpuRid) {
    probes_.emit<Probe::tlp_landed>(&Observer::tlp_landed, now, host_, tlp, payload, true);
  }
  if (tlp.kind == TlpKind::mem_read || tlp.kind == TlpKind::mem_write) {
    tlp.addr = packet.local_addr;
  }
  probes_.emit<Probe::tlp_received>(&Observer::tlp_received, now, host_, tlp);
  device_.receive(tlp, payload);
  payloads_.release(packet.slot);
  if (packet.origin != nullptr) {
    packet.origin->settle(packet.sequence, true);
  }
}

}  // namespace vfsim::model
