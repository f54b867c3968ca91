// The calendar: one ordered list of timed work for all hardware models of a simulation.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include <systemc>

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
  std::uint64_t order_ = 0;
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

/// Runs timers in time order from one SC_METHOD.
///
/// Between two activities of other SystemC processes (threads of driver, guest, VMM) it works off its own list
/// without returning to the kernel; it never runs past the kernel's next pending activity, so every process sees
/// exactly the state of its time. Models take the time from now(), never from sc_time_stamp().
/// Time: a heap operation per arm() and per firing; no allocation once the heap has its size.
/// Source: design choice, docs/decisions.
class Calendar final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Calendar);
  explicit Calendar(const sc_core::sc_module_name& name);

  /// Exact simulated time, valid in timers and in SystemC processes.
  [[nodiscard]] Ps now() const;
  /// Makes `timer` fire at `at` (not before now()); a pending time is replaced.
  void arm(Timer& timer, Ps at);
  /// As arm(), but keeps an earlier pending time.
  void arm_earlier(Timer& timer, Ps at);
  void disarm(Timer& timer);
  /// Notifies a SystemC event at `at` (not before now()). The only permitted way for a model to wake a process.
  void notify(sc_core::sc_event& event, Ps at);
  /// Timers fired so far (for benchmarks).
  [[nodiscard]] std::uint64_t fired() const { return fired_; }

 private:
  void run();
  void sift_up(std::uint32_t slot);
  void sift_down(std::uint32_t slot);
  void remove(std::uint32_t slot);

  std::vector<Timer*> heap_;
  sc_core::sc_event wake_;
  Ps local_ = 0;            // time of the timer that fires, inside run()
  Ps horizon_ = 0;          // run() may not pass this time
  bool running_ = false;
  std::uint64_t order_ = 0;
  std::uint64_t fired_ = 0;
};

}  // namespace vfsim::model
