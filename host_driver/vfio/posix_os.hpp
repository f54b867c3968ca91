// Os of a user process: POSIX threads that take turns, in the time of CLOCK_MONOTONIC.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "host_driver/platform/platform.hpp"

namespace vfsim::driver {

using LogSink = std::function<void(LogLevel, std::string_view)>;

/// As on the other machines, driver code of one PosixOs runs in one thread at a time: whoever runs
/// it has the turn, and gives it away only where it blocks (Event::wait, sleep, Mutex::lock). The
/// thread that constructs it has the turn, and is the one that must destroy it; by then every
/// thread of spawn() must be about to end: the destructor waits for them.
class PosixOs final : public Os {
 public:
  /// @param sink  takes the log, called by the thread that has the turn; may be empty
  explicit PosixOs(LogSink sink = {});
  ~PosixOs() override;

  [[nodiscard]] Nanoseconds now() const override;
  void sleep(Nanoseconds duration) override;
  [[nodiscard]] std::unique_ptr<Event> make_event() override;
  [[nodiscard]] std::unique_ptr<Mutex> make_mutex() override;
  void spawn(std::string_view name, std::function<void()> body) override;
  void log(LogLevel level, std::string_view text) override;

  /// While it lives, this thread does not have the turn: for calls that block outside of the Os.
  class Outside {
   public:
    explicit Outside(PosixOs& os) : turn_(os.turn_) { turn_.unlock(); }
    ~Outside() { turn_.lock(); }
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;

   private:
    std::mutex& turn_;
  };

 private:
  friend class PosixEvent;
  friend class PosixMutex;

  std::mutex turn_;
  LogSink sink_;
  std::vector<std::thread> threads_;
};

}  // namespace vfsim::driver
