#include "systemc/common/calendar.hpp"

#include <algorithm>

namespace vfsim::model {

using sc_core::sc_time;

Calendar::Calendar(const sc_core::sc_module_name& name) : sc_module(name) {
  if (sc_core::sc_get_time_resolution() != sc_time(1, sc_core::SC_PS)) {
    SC_REPORT_FATAL("calendar", "the time resolution must be 1 ps");
  }
  heap_.reserve(256);
  SC_METHOD(run);
  sensitive << wake_;
  dont_initialize();
}

void Calendar::arm(Timer& timer, Ps at) {
  if (at == kNever) {
    disarm(timer);
    return;
  }
  at = std::max(at, now());
  const Entry entry{at, order_++, &timer};
  timer.at_ = at;
  if (timer.armed()) {
    if (entry.before(heap_[timer.slot_])) {
      sift_up(timer.slot_, entry);
    } else {
      sift_down(timer.slot_, entry);
    }
  } else if (hole_) {
    hole_ = false;
    sift_down(0, entry);
  } else {
    heap_.push_back(entry);
    sift_up(static_cast<std::uint32_t>(heap_.size() - 1), entry);
  }
  if (!running_) {
    schedule_wake();
  }
}

void Calendar::disarm(Timer& timer) {
  if (timer.armed()) {
    remove(timer.slot_);
    timer.slot_ = Timer::kIdle;
  }
}

void Calendar::notify(sc_core::sc_event& event) {
  notices_.push_back(&event);  // all of one time: the horizon does not move any more
  notices_at_ = now();
  horizon_ = std::min(horizon_, notices_at_);
  if (!running_) {
    schedule_wake();
  }
}

void Calendar::forget(const sc_core::sc_event& event) {
  notices_.erase(std::remove(notices_.begin(), notices_.end(), &event), notices_.end());
}

namespace {

/// The end of a wait.
class Deadline final : public Timer {
 public:
  Deadline(Calendar& calendar, sc_core::sc_event& event) : calendar_(calendar), event_(event) {}

 private:
  void fire() override { calendar_.notify(event_); }
  Calendar& calendar_;
  sc_core::sc_event& event_;
};

}  // namespace

void Calendar::wait(sc_core::sc_event& event, Ps until) {
  Deadline deadline(*this, event);
  arm(deadline, until);
  sc_core::wait(event);
  disarm(deadline);
}

void Calendar::set_limit(Ps limit) {
  limit_ = limit;
}

void Calendar::stop() {
  // The kernel has to reach the local time first.
  stopping_ = true;
  wake_at_ = now();
  horizon_ = std::min(horizon_, wake_at_);
  const Ps kernel = sc_core::sc_time_stamp().value();
  wake_.notify(wake_at_ == kernel ? sc_core::SC_ZERO_TIME : sc_time::from_value(wake_at_ - kernel));
}

void Calendar::run() {
  if (stopping_) {
    sc_core::sc_stop();
    return;
  }
  const Ps kernel = sc_core::sc_time_stamp().value();
  if (notices_at_ <= kernel) {
    // The kernel triggers what was notified last first.
    std::for_each(notices_.rbegin(), notices_.rend(), [](sc_core::sc_event* e) { e->notify(sc_core::SC_ZERO_TIME); });
    notices_.clear();
    notices_at_ = kNever;
  }
  const Ps pending = sc_core::sc_time_to_pending_activity().value();
  // The kernel may be past the limit already: what is due now fires in any case.
  horizon_ =
      std::min(pending > kNever - kernel ? kNever : kernel + pending, std::max(limit_, kernel));
  wake_at_ = kNever;
  running_ = true;
  local_ = kernel;
  while (!heap_.empty() && heap_[0].at <= horizon_) {
    fire_top();
  }
  running_ = false;
  if (!stopping_) {
    schedule_wake();
  }
}

void Calendar::fire_top() {
  Timer& timer = *heap_[0].timer;
  local_ = heap_[0].at;
  timer.slot_ = Timer::kIdle;
  hole_ = true;
  ++fired_;
  timer.fire();
  if (hole_) {
    hole_ = false;
    remove(0);
  }
}

void Calendar::schedule_wake() {
  // With nothing left to do, the kernel is still to reach the time of the last timer.
  const Ps next = std::min(heap_.empty() ? local_ : heap_[0].at, notices_at_);
  const bool nothing = heap_.empty() && notices_.empty();
  if (next >= wake_at_ || (nothing && next <= sc_core::sc_time_stamp().value())) {
    return;
  }
  wake_at_ = next;
  const Ps kernel = sc_core::sc_time_stamp().value();
  wake_.notify(wake_at_ <= kernel ? sc_core::SC_ZERO_TIME : sc_time::from_value(wake_at_ - kernel));
}

void Calendar::place(std::uint32_t slot, const Entry& entry) {
  heap_[slot] = entry;
  entry.timer->slot_ = slot;
}

void Calendar::sift_up(std::uint32_t slot, const Entry& entry) {
  while (slot > 0) {
    const std::uint32_t parent = (slot - 1) / 2;
    // While a timer fires, the root is a hole: older than anything that can be armed, so it stays
    // on top.
    if (!entry.before(heap_[parent])) {
      break;
    }
    place(slot, heap_[parent]);
    slot = parent;
  }
  place(slot, entry);
}

void Calendar::sift_down(std::uint32_t slot, const Entry& entry) {
  const auto size = static_cast<std::uint32_t>(heap_.size());
  for (std::uint32_t child = 2 * slot + 1; child < size; child = 2 * slot + 1) {
    if (child + 1 < size && heap_[child + 1].before(heap_[child])) {
      ++child;
    }
    if (!heap_[child].before(entry)) {
      break;
    }
    place(slot, heap_[child]);
    slot = child;
  }
  place(slot, entry);
}

void Calendar::remove(std::uint32_t slot) {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (slot == heap_.size()) {
    return;
  }
  if (slot > 0 && last.before(heap_[(slot - 1) / 2])) {
    sift_up(slot, last);
  } else {
    sift_down(slot, last);
  }
}

}  // namespace vfsim::model
