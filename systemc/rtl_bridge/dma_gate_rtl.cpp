#include "systemc/rtl_bridge/dma_gate_rtl.hpp"

#include <algorithm>

#include "systemc/nic/delay_line.hpp"

namespace vfsim::model {

namespace {
// Cycles from a change of the gates, or below a closing one, to the last of its effects: a count,
// drained, the acknowledgement.
constexpr std::uint32_t kSettle = 3;

template <class Bits, class Call>
void for_each(const Bits& bits, const Call& call) {
  for (std::size_t fn = bits._Find_first(); fn < bits.size(); fn = bits._Find_next(fn)) {
    call(static_cast<std::uint32_t>(fn));
  }
}

/// The functions from `first` on.
std::bitset<kNicFunctions> from(std::uint32_t first) {
  return first < kNicFunctions ? ~std::bitset<kNicFunctions>() << first
                               : std::bitset<kNicFunctions>();
}
}  // namespace

static_assert(kNicFunctions == DmaGatePins::kFunctions);

DmaGateRtl::DmaGateRtl(NicCore& core, rtl::RtlSession& session, const std::string& name)
    : core_(core),
      share_(tag_share(core.params)),
      period_(core.params.rtl_clock_ps),
      tick_period_(tick_period(core.params)),
      pins_(session, name, share_.own, share_.total),
      unowned_(from(share_.own)),
      completions_(DmaGatePins::kTags),
      landings_(kNicFunctions),
      resets_(kNicFunctions) {}

Ps DmaGateRtl::tick_period(const NicParams& params) {
  return params.completion_timeout_us * kUs / (DmaGatePins::kTimeoutTicks - 1) + 1;
}

Ps DmaGateRtl::lateness(const NicParams& params) {
  return tick_period(params) + DmaGatePins::kTags * params.rtl_clock_ps;
}

/// Something has changed: there will be edges until it has had its effects.
void DmaGateRtl::wake() {
  wake(asked_.any() ? kSettle : 1);
}

void DmaGateRtl::wake(std::uint32_t cycles) {
  settling_ = std::max(settling_, cycles);
  slots_left_ = kNicFunctions;
  if (!clocking_ && !clock_.armed()) {
    const Ps aligned = (core_.now() + period_ - 1) / period_ * period_;
    core_.calendar.arm(clock_, std::max(aligned, next_edge_));
  }
}

/// Requests reach the pins, unless a reset of the function has to come first.
void DmaGateRtl::drive(std::uint32_t fn) {
  const Function& f = functions_[fn];
  const bool held = resetting_[fn];
  const bool read = f.read && !held;
  const bool posted = f.posted != GatePosted::none && !held;
  if (read != reading_[fn]) {
    reading_[fn] = read;
    pins_.read_request(fn, read);
  }
  if (posted || posting_[fn]) {
    posting_[fn] = posted;
    pins_.write_request(fn, posted && f.posted == GatePosted::write);
    pins_.message_request(fn, posted && f.posted == GatePosted::message);
  }
}

void DmaGateRtl::request_read(std::uint32_t fn, bool pending) {
  functions_[fn].read = pending;
  drive(fn);
  wake();
}

void DmaGateRtl::request_posted(std::uint32_t fn, GatePosted head) {
  functions_[fn].posted = head;
  drive(fn);
  wake();
}

void DmaGateRtl::completed(std::uint16_t number) {
  Tag& tag = tags_[number];
  if (tag.live) {
    tag.live = false;
    --live_tags_;
    --functions_[tag.fn].outstanding;
  }
  completions_.push(number);
  wake();
}

void DmaGateRtl::landed(std::uint32_t fn) {
  --functions_[fn].in_flight;
  landings_.push(static_cast<std::uint8_t>(fn));
  wake();
}

void DmaGateRtl::quiesce(std::uint32_t fn, bool on) {
  if (on) {
    rising_again_[fn] = falling_[fn];
    pins_.quiesce(fn, !falling_[fn]);
  } else {
    falling_[fn] = falling_[fn] || asked_[fn];
    rising_again_[fn] = false;
    pins_.quiesce(fn, false);
    pins_.busy(fn, false);
  }
  asked_[fn] = on;
  quiet_[fn] = false;
  wake(kSettle);
}

void DmaGateRtl::work_ended(std::uint32_t fn) {
  functions_[fn].was_drained = false;
  wake();
}

void DmaGateRtl::reset(std::uint32_t fn) {
  Function& f = functions_[fn];
  f.read = false;
  f.posted = GatePosted::none;
  f.outstanding = 0;
  for (Tag& tag : tags_) {
    if (tag.live && tag.fn == fn) {
      tag.live = false;
      --live_tags_;
      quarantine();
    }
  }
  if (!resetting_[fn]) {
    resetting_[fn] = true;
    resets_.push(static_cast<std::uint8_t>(fn));
  }
  quiesce(fn, false);
  drive(fn);
}

/// All edges up to the next activity of others, and the timer for the rest.
void DmaGateRtl::edges() {
  clocking_ = true;
  do {
    next_edge_ = core_.now() + period_;
    cycle();
  } while (has_work() && core_.calendar.step_to(next_edge_));
  clocking_ = false;
  if (has_work()) {
    core_.calendar.arm(clock_, next_edge_);
  }
}

void DmaGateRtl::cycle() {
  settling_ -= settling_ != 0 ? 1 : 0;
  slots_left_ -= slots_left_ != 0 ? 1 : 0;
  drive_inputs();
  const DmaGatePins::Out out = pins_.look();
  drained_again_.reset();
  for_each(quiet_, [this](std::uint32_t fn) {
    bool& before = functions_[fn].was_drained;
    drained_again_[fn] = pins_.drained(fn) && !before;
    before = pins_.drained(fn);
  });
  pins_.clock(core_.now());
  act(out);
  acknowledge();
}

void DmaGateRtl::drive_inputs() {
  for_each(asked_, [this](std::uint32_t fn) { pins_.busy(fn, listener_->busy(fn)); });
  reads_open_ = reading_.any() && core_.port->can_send(TlpKind::mem_read, 0);
  pins_.ready(reads_open_,
              posting_.any() && core_.port->can_send(TlpKind::mem_write, core_.pcie.max_payload));
  if (asked_.any() && !(completions_.empty() && landings_.empty())) {
    wake(kSettle);  // it may be the last one
  }
  if (!completions_.empty()) {
    const std::uint16_t tag = take_front(completions_);
    if (tag < share_.own) {
      own_used_[tag] = false;
    }
    pins_.completion(tag);
  }
  if (!landings_.empty()) {
    pins_.landing(take_front(landings_));
  }
  if (!resets_.empty()) {
    pins_.reset(resets_.front());
  }
  if (tick_due_) {
    tick_due_ = false;
    pins_.tick();
  }
}

void DmaGateRtl::act(const DmaGatePins::Out& out) {
  for_each(falling_, [this](std::uint32_t fn) { pins_.quiesce(fn, rising_again_[fn]); });
  falling_.reset();
  rising_again_.reset();
  if (!resets_.empty()) {  // its requests may follow
    const std::uint8_t fn = take_front(resets_);
    resetting_[fn] = false;
    drive(fn);
    wake();
  }
  if (out.posted) {
    Function& f = functions_[out.posted_fn];
    ++f.in_flight;
    f.posted = client_->posted_granted(out.posted_fn,
                                       out.message ? GatePosted::message : GatePosted::write);
    drive(out.posted_fn);
  }
  if (out.read) {
    Function& f = functions_[out.read_fn];
    ++f.outstanding;
    tags_[out.read_tag] = {out.read_fn, true};
    ++live_tags_;
    if (out.read_tag < share_.own) {
      own_used_[out.read_tag] = true;
    }
    watch_tag();
    f.read = client_->read_granted(out.read_fn, out.read_tag);
    drive(out.read_fn);
  }
  if (out.expired && tags_[out.expired_tag].live) {
    Tag& tag = tags_[out.expired_tag];
    tag.live = false;
    --live_tags_;
    --functions_[tag.fn].outstanding;
    quarantine();
    client_->read_expired(out.expired_tag);
  }
  if (out.expired ||
      ((out.posted || out.read) && (reading_.any() || posting_.any() || asked_.any()))) {
    wake();
  }
}

void DmaGateRtl::acknowledge() {
  for_each(asked_ & ~quiet_, [this](std::uint32_t fn) {
    if (pins_.acknowledged(fn)) {
      quiet_[fn] = true;
      functions_[fn].was_drained = true;
      listener_->quiet(fn);
    }
  });
  for_each(drained_again_ & quiet_, [this](std::uint32_t fn) { listener_->drained(fn); });
}

bool DmaGateRtl::has_work() {
  if (settling_ != 0 || !completions_.empty() || !landings_.empty() || !resets_.empty() ||
      pins_.sweeps()) {
    return true;
  }
  // A function may wait for its slot, where it can use its own tag.
  return slots_left_ != 0 && reads_open_ && (reading_ & ~own_used_ & ~unowned_ & ~quiet_).any();
}

/// A live tag has an age.
void DmaGateRtl::watch_tag() {
  if (!tick_.armed()) {
    core_.calendar.arm(tick_, core_.now() + tick_period_);
  }
}

/// So has one in quarantine, for one time-out, counted from the next tick on.
void DmaGateRtl::quarantine() {
  quarantine_until_ = core_.now() + (DmaGatePins::kTimeoutTicks + 2) * tick_period_;
  watch_tag();
}

void DmaGateRtl::tick() {
  if (live_tags_ == 0 && core_.now() > quarantine_until_) {
    return;
  }
  tick_due_ = true;
  own_used_.reset();  // a quarantine may end
  core_.calendar.arm(tick_, core_.now() + tick_period_);
  wake();
}

}  // namespace vfsim::model
