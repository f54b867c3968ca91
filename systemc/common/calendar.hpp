// The calendar: one ordered list of timed work for all hardware models of a simulation.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace sc_core {
class sc_event;
}

namespace vfsim::model {

/// Simulated time in picoseconds since start.
using Ps = std::uint64_t;
inline constexpr Ps kNever = std::numeric_limits<Ps>::max();
inline constexpr Ps kNs = 1000;
inline constexpr Ps kUs = 1000 * kNs;
inline constexpr Ps kMs = 1000 * kUs;

class Calendar;

/// A place in the calendar: at most one pending time. Derive, or own one per queue ("lane").
/// Two timers due at the same time fire in the order in which they were armed.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() = default;
  [[nodiscard]] bool armed() const { return slot_ != kIdle; }
  [[nodiscard]] Ps due() const { return at_; }

 protected:
  /// Called at its time; the timer is idle by then and may be armed again.
  virtual void fire() = 0;

 private:
  friend class Calendar;
  static constexpr std::uint32_t kIdle = ~0U;
  Ps at_ = kNever;
  std::uint32_t slot_ = kIdle;
};

/// A timer that calls a member function: MethodTimer<Link, &Link::deliver> timer_{*this};
template <class Owner, void (Owner::*Method)()>
class MethodTimer final : public Timer {
 public:
  explicit MethodTimer(Owner& owner) : owner_(owner) {}

 private:
  void fire() override { (owner_.*Method)(); }
  Owner& owner_;
};

/// What SystemC processes wait for: an sc_event that a Calendar, and nobody else, notifies and waits
/// for. Making one allocates.
class KernelEvent {
 public:
  KernelEvent();
  KernelEvent(const KernelEvent&) = delete;
  KernelEvent& operator=(const KernelEvent&) = delete;
  ~KernelEvent();

 private:
  friend class Calendar;
  const std::unique_ptr<sc_core::sc_event> event_;
};

/// Runs timers in time order from one SC_METHOD.
///
/// Between two activities of other SystemC processes (threads of driver, guest, VMM) it works off
/// its own list without returning to the kernel; it never runs past the kernel's next pending
/// activity, so every process sees exactly the state of its time. Timers due at the time of a
/// process run before it. Models take the time from now(), never from sc_time_stamp(), and wake
/// processes with notify() of a KernelEvent, never with an sc_event. Whoever only arms timers, wakes
/// and waits needs no header of SystemC, which takes a second to compile. Foreign processes must be threads that wait
/// with wait(), or timed methods; the time resolution must be the default, 1 ps. Time: a heap operation per
/// arm() and per firing; no allocation once the heap has its size. Source: design choice,
/// docs/decisions.
class Calendar final {
 public:
  /// @param name  of its SystemC module
  explicit Calendar(const char* name);
  Calendar(const Calendar&) = delete;
  Calendar& operator=(const Calendar&) = delete;
  ~Calendar();

  /// Exact simulated time, valid in timers and in SystemC processes.
  [[nodiscard]] Ps now() const { return running_ ? local_ : kernel_time(); }
  /// Makes `timer` fire at `at` (a time before now() counts as now()); a pending time is replaced.
  /// kNever: as disarm().
  void arm(Timer& timer, Ps at);
  /// As arm(), but keeps an earlier pending time.
  void arm_earlier(Timer& timer, Ps at) {
    if (!timer.armed() || at < timer.due()) {
      arm(timer, at);
    }
  }
  void disarm(Timer& timer);
  /// For a timer that works off a queue, inside fire(): if nothing else is due until then, moves
  /// the time to `at` and returns true, which saves the way through the heap. Otherwise changes
  /// nothing.
  [[nodiscard]] bool step_to(Ps at) {
    const bool free = running_ && at <= horizon_ && at < next_due();
    if (free) {
      local_ = at > local_ ? at : local_;
      ++fired_;
    }
    return free;
  }
  /// Notifies an event now: the only permitted way for a model to wake a process. Processes
  /// that are woken at the same time run in the order of the calls.
  void notify(KernelEvent& event);
  /// The event is about to be destroyed.
  void forget(const KernelEvent& event);
  /// Blocks the calling SC_THREAD until `event` is notified, or `until` comes (kNever: it does
  /// not), when `event` is notified, too. The only permitted way for a process to wait for a time:
  /// the kernel's own list of times does not keep the order of what is due at the same time, so
  /// that anything more in it could change a run.
  void wait(KernelEvent& event, Ps until = kNever);
  /// Starts the SystemC kernel until then, a time after now(), or for so long. Local time does not run
  /// ahead beyond it; with sc_start() alone it may, because the kernel does not tell its end.
  void run_until(Ps end);
  void run_for(Ps duration);
  /// Ends the simulation at now(), as sc_stop() in a process would: for observers that are called
  /// from timers.
  void stop();
  /// Timers fired so far (for benchmarks).
  [[nodiscard]] std::uint64_t fired() const { return fired_; }

 private:
  struct Entry {
    Ps at = kNever;
    std::uint64_t order = 0;
    Timer* timer = nullptr;
    [[nodiscard]] bool before(const Entry& other) const {
      return at < other.at || (at == other.at && order < other.order);
    }
  };

  class Kernel;
  [[nodiscard]] static Ps kernel_time();
  void run();
  void fire_top();
  void schedule_wake();
  void place(std::uint32_t slot, const Entry& entry);
  void sift_up(std::uint32_t slot, const Entry& entry);
  void sift_down(std::uint32_t slot, const Entry& entry);
  void remove(std::uint32_t slot);
  /// When the next timer fires, apart from the one that fires right now: its place is the root
  /// until it is reused.
  [[nodiscard]] Ps next_due() const {
    if (!hole_) {
      return heap_.empty() ? kNever : heap_[0].at;
    }
    const Ps left = heap_.size() > 1 ? heap_[1].at : kNever;
    return heap_.size() > 2 && heap_[2].at < left ? heap_[2].at : left;
  }

  std::vector<Entry> heap_;
  std::vector<KernelEvent*> notices_;  // to be notified when the kernel reaches notices_at_
  Ps notices_at_ = kNever;
  std::unique_ptr<Kernel> kernel_;
  Ps wake_at_ = kNever;  // when kernel_ is to call run(), as far as arm() needs to know
  Ps local_ = 0;         // time of the timer that fires, inside run()
  Ps horizon_ = 0;       // run() may not pass this time
  Ps limit_ = kNever;
  bool running_ = false;
  bool stopping_ = false;
  bool hole_ = false;  // the root's timer fires right now; its place is free for the next arm()
  std::uint64_t order_ = 0;
  std::uint64_t fired_ = 0;
};

}  // namespace vfsim::model
