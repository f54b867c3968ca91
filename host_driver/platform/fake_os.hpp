// Os for unit tests: threads that run one at a time in virtual time, without SystemC.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "host_driver/platform/platform.hpp"

namespace vfsim::driver {

/// Deterministic: exactly one thread runs at any time, until it blocks (Event::wait, sleep,
/// Mutex::lock); the next is taken first come, first served. When no thread can run, virtual time
/// jumps to the next deadline or timer. The thread that constructs it is the first one, and the one
/// that must destroy it; other threads that are still blocked by then are unwound. If every thread
/// is blocked for ever the constructing thread's wait throws std::logic_error.
class FakeOs final : public Os {
 public:
  FakeOs();
  ~FakeOs() override;

  [[nodiscard]] Nanoseconds now() const override { return now_; }
  void sleep(Nanoseconds duration) override;
  [[nodiscard]] std::unique_ptr<Event> make_event() override;
  [[nodiscard]] std::unique_ptr<Mutex> make_mutex() override;
  void spawn(std::string_view name, std::function<void()> body) override;
  void log(LogLevel level, std::string_view text) override;

  /// Calls `callback` when virtual time has advanced by `delay`, outside of any thread: it may
  /// notify, not block. This is how a scripted device answers.
  void after(Nanoseconds delay, std::function<void()> callback);
  /// Lets every thread run until all others are blocked; virtual time stays.
  void settle();
  /// Lines of log(), "level text".
  [[nodiscard]] const std::vector<std::string>& log_lines() const { return log_; }
  /// Threads of spawn() that have not ended.
  [[nodiscard]] std::size_t threads() const;

 private:
  friend class FakeEvent;
  friend class FakeMutex;
  struct Thread;
  struct Stopped {};

  void run_thread(Thread* thread, const std::function<void()>& body);
  void block(Nanoseconds deadline);
  void make_ready(Thread* thread);
  Thread* pick();
  void hand_over(Thread* next);
  void step_time();

  mutable std::mutex lock_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::deque<Thread*> ready_;
  Thread* current_ = nullptr;
  Nanoseconds now_{0};
  std::multimap<Nanoseconds, std::function<void()>> timers_;
  std::vector<std::string> log_;
  bool stopping_ = false;
  bool deadlock_ = false;
};

}  // namespace vfsim::driver
