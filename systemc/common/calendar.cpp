#include "systemc/common/calendar.hpp"

#include <algorithm>

#include <systemc>

namespace vfsim::model {

using sc_core::sc_time;

KernelEvent::KernelEvent() : event_(std::make_unique<sc_core::sc_event>()) {}
KernelEvent::~KernelEvent() = default;

/// The calendar's process.
class Calendar::Kernel final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Kernel);
  Kernel(const sc_core::sc_module_name& name, Calendar& calendar)
      : sc_module(name), calendar_(calendar) {
    SC_METHOD(run);
    sensitive << wake_;
    dont_initialize();
  }
  /// Calls the calendar's run() at that time, in place of any earlier wish.
  void wake(Ps at) {
    const Ps now = kernel_time();
    wake_.notify(at <= now ? sc_core::SC_ZERO_TIME : sc_time::from_value(at - now));
  }

 private:
  void run() { calendar_.run(); }

  Calendar& calendar_;
  sc_core::sc_event wake_;
};

Calendar::Calendar(const char* name) : kernel_(std::make_unique<Kernel>(name, *this)) {
  if (sc_core::sc_get_time_resolution() != sc_time(1, sc_core::SC_PS)) {
    SC_REPORT_FATAL("calendar", "the time resolution must be 1 ps");
  }
  heap_.reserve(256);
}

Calendar::~Calendar() = default;

Ps Calendar::kernel_time() {
  return sc_core::sc_time_stamp().value();
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

void Calendar::notify(KernelEvent& event) {
  notices_.push_back(&event);  // all of one time: the horizon does not move any more
  notices_at_ = now();
  horizon_ = std::min(horizon_, notices_at_);
  if (!running_) {
    schedule_wake();
  }
}

void Calendar::forget(const KernelEvent& event) {
  notices_.erase(std::remove(notices_.begin(), notices_.end(), &event), notices_.end());
}

namespace {

/// The end of a wait.
class Deadline final : public Timer {
 public:
  Deadline(Calendar& calendar, KernelEvent& event) : calendar_(calendar), event_(event) {}

 private:
  void fire() override { calendar_.notify(event_); }
  Calendar& calendar_;
  KernelEvent& event_;
};

}  // namespace

void Calendar::wait(KernelEvent& event, Ps until) {
  Deadline deadline(*this, event);
  arm(deadline, until);
  sc_core::wait(*event.event_);
  disarm(deadline);
}

void Calendar::run_until(Ps end) {
  limit_ = end;
  sc_core::sc_start(sc_time::from_value(end - kernel_time()));
}

void Calendar::run_for(Ps duration) {
  run_until(kernel_time() + duration);
}

void Calendar::stop() {
  // The kernel has to reach the local time first.
  stopping_ = true;
  wake_at_ = now();
  horizon_ = std::min(horizon_, wake_at_);
  kernel_->wake(wake_at_);
}

void Calendar::run() {
  if (stopping_) {
    sc_core::sc_stop();
    return;
  }
  const Ps kernel = kernel_time();
  if (notices_at_ <= kernel) {
    // The kernel triggers what was notified last first.
    std::for_each(notices_.rbegin(), notices_.rend(), [](KernelEvent* e) { e->event_->notify(sc_core::SC_ZERO_TIME); });
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
  if (next >= wake_at_ || (nothing && next <= kernel_time())) {
    return;
  }
  wake_at_ = next;
  kernel_->wake(wake_at_);
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
