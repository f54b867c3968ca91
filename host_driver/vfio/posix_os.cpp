#include "host_driver/vfio/posix_os.hpp"

#include <utility>

namespace vfsim::driver {
namespace {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC

/// The turn as a lock that is held already, for condition variables.
class Turn {
 public:
  explicit Turn(std::mutex& turn) : lock_(turn, std::adopt_lock) {}
  ~Turn() { lock_.release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  std::unique_lock<std::mutex>& operator*() { return lock_; }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace

class PosixEvent final : public Event {
 public:
  explicit PosixEvent(PosixOs& os) : os_(os) {}
  bool wait(Nanoseconds timeout) override {
    Turn turn(os_.turn_);
    const auto notified = [this] { return set_; };
    const auto now = Clock::now();
    if (timeout >= Clock::time_point::max() - now) {
      changed_.wait(*turn, notified);
    } else {
      changed_.wait_until(*turn, now + timeout, notified);
    }
    return std::exchange(set_, false);
  }
  void notify() override {
    set_ = true;
    changed_.notify_one();
  }

 private:
  PosixOs& os_;
  std::condition_variable changed_;
  bool set_ = false;
};

class PosixMutex final : public Mutex {
 public:
  explicit PosixMutex(PosixOs& os) : os_(os) {}
  void lock() override {
    Turn turn(os_.turn_);
    released_.wait(*turn, [this] { return !held_; });
    held_ = true;
  }
  bool try_lock() override { return !std::exchange(held_, true); }
  void unlock() override {
    held_ = false;
    released_.notify_one();
  }

 private:
  PosixOs& os_;
  std::condition_variable released_;
  bool held_ = false;
};

PosixOs::PosixOs(LogSink sink) : sink_(std::move(sink)) {
  turn_.lock();
}

PosixOs::~PosixOs() {
  while (!threads_.empty()) {  // the last ones may start others
    std::thread thread = std::move(threads_.back());
    threads_.pop_back();
    const Outside outside(*this);
    thread.join();
  }
  turn_.unlock();
}

Nanoseconds PosixOs::now() const {
  return Clock::now().time_since_epoch();
}

void PosixOs::sleep(Nanoseconds duration) {
  const Outside outside(*this);
  std::this_thread::sleep_for(duration);
}

std::unique_ptr<Event> PosixOs::make_event() {
  return std::make_unique<PosixEvent>(*this);
}
std::unique_ptr<Mutex> PosixOs::make_mutex() {
  return std::make_unique<PosixMutex>(*this);
}

void PosixOs::spawn(std::string_view, std::function<void()> body) {
  threads_.emplace_back([this, body = std::move(body)] {
    const std::lock_guard guard(turn_);
    body();
  });
}

void PosixOs::log(LogLevel level, std::string_view text) {
  if (sink_) {
    sink_(level, text);
  }
}

}  // namespace vfsim::driver
