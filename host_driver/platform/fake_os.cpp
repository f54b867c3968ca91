#include "host_driver/platform/fake_os.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace vfsim::driver {

struct FakeOs::Thread {
  std::string name;
  std::thread os_thread;
  std::condition_variable turn;
  bool running = false;
  bool blocked = false;
  bool ended = false;
  Nanoseconds deadline = kForever;
};

class FakeEvent final : public Event {
 public:
  explicit FakeEvent(FakeOs& os) : os_(os) {}
  bool wait(Nanoseconds timeout) override {
    const Nanoseconds deadline = timeout >= kForever - os_.now_ ? kForever : os_.now_ + timeout;
    while (!set_ && os_.now_ < deadline) {
      waiters_.push_back(os_.current_);
      os_.block(deadline);
      waiters_.erase(std::remove(waiters_.begin(), waiters_.end(), os_.current_), waiters_.end());
    }
    return std::exchange(set_, false);
  }
  void notify() override {
    set_ = true;
    if (!waiters_.empty()) {
      os_.make_ready(waiters_.front());
    }
  }

 private:
  FakeOs& os_;
  bool set_ = false;
  std::deque<FakeOs::Thread*> waiters_;
};

class FakeMutex final : public Mutex {
 public:
  explicit FakeMutex(FakeOs& os) : os_(os) {}
  void lock() override {
    if (held_ && !os_.stopping_) {
      if (owner_ == os_.current_) {
        throw std::logic_error("mutex locked twice by one thread");
      }
      waiters_.push_back(os_.current_);
      while (owner_ != os_.current_) {
        os_.block(kForever);
      }
      return;
    }
    held_ = true;
    owner_ = os_.current_;
  }
  bool try_lock() override {
    if (held_) {
      return false;
    }
    lock();
    return true;
  }
  void unlock() override {
    held_ = !waiters_.empty();
    owner_ = nullptr;
    if (held_) {
      owner_ = waiters_.front();
      waiters_.pop_front();
      os_.make_ready(owner_);
    }
  }

 private:
  FakeOs& os_;
  bool held_ = false;
  FakeOs::Thread* owner_ = nullptr;
  std::deque<FakeOs::Thread*> waiters_;
};

FakeOs::FakeOs() {
  threads_.push_back(std::make_unique<Thread>());
  current_ = threads_.front().get();
  current_->name = "main";
  current_->running = true;
}

FakeOs::~FakeOs() {
  stopping_ = true;
  for (std::size_t i = 1; i < threads_.size(); ++i) {
    Thread* const thread = threads_[i].get();
    if (!thread->ended) {
      hand_over(thread);  // it unwinds and hands back
    }
    thread->os_thread.join();
  }
}

void FakeOs::sleep(Nanoseconds duration) {
  const Nanoseconds deadline = now_ + duration;
  while (now_ < deadline) {
    block(deadline);
  }
}

std::unique_ptr<Event> FakeOs::make_event() {
  return std::make_unique<FakeEvent>(*this);
}
std::unique_ptr<Mutex> FakeOs::make_mutex() {
  return std::make_unique<FakeMutex>(*this);
}

void FakeOs::spawn(std::string_view name, std::function<void()> body) {
  if (stopping_) {
    return;
  }
  threads_.push_back(std::make_unique<Thread>());
  Thread* const thread = threads_.back().get();
  thread->name = name;
  ready_.push_back(thread);
  thread->os_thread =
      std::thread([this, thread, body = std::move(body)] { run_thread(thread, body); });
}

void FakeOs::run_thread(Thread* thread, const std::function<void()>& body) {
  {
    std::unique_lock guard(lock_);
    thread->turn.wait(guard, [thread] { return thread->running; });
  }
  try {
    if (!stopping_) {
      body();
    }
  } catch (const Stopped&) {
    // the simulation of this test ends
  }
  Thread* const next = stopping_ ? threads_.front().get() : pick();
  const std::lock_guard guard(lock_);
  thread->ended = true;
  thread->running = false;
  current_ = next;
  next->running = true;
  next->turn.notify_one();
}

void FakeOs::make_ready(Thread* thread) {
  if (thread->blocked && std::find(ready_.begin(), ready_.end(), thread) == ready_.end()) {
    ready_.push_back(thread);
  }
}

/// The current thread waits until make_ready() or the deadline.
void FakeOs::block(Nanoseconds deadline) {
  if (stopping_) {
    throw Stopped{};
  }
  Thread* const self = current_;
  self->blocked = true;
  self->deadline = deadline;
  Thread* const next = pick();
  if (next != self) {
    hand_over(next);
  }
  self->blocked = false;
  self->deadline = kForever;
  if (stopping_ && self != threads_.front().get()) {
    throw Stopped{};
  }
  if (deadlock_) {
    throw std::logic_error("every thread is blocked for ever");
  }
}

FakeOs::Thread* FakeOs::pick() {
  while (ready_.empty() && !deadlock_) {
    step_time();
  }
  if (deadlock_) {
    return threads_.front().get();
  }
  Thread* const next = ready_.front();
  ready_.pop_front();
  return next;
}

/// Advances to the next deadline or timer. Timers of a time go before threads.
void FakeOs::step_time() {
  Thread* first = nullptr;
  for (const auto& thread : threads_) {
    if (thread->blocked && thread->deadline != kForever &&
        (first == nullptr || thread->deadline < first->deadline)) {
      first = thread.get();
    }
  }
  const auto timer = timers_.begin();
  if (timer != timers_.end() && (first == nullptr || timer->first <= first->deadline)) {
    now_ = timer->first;
    const auto callback = std::move(timer->second);
    timers_.erase(timer);
    callback();
  } else if (first != nullptr) {
    now_ = first->deadline;
    ready_.push_back(first);
    first->deadline = kForever;
  } else {
    deadlock_ = true;
  }
}

/// Passes the right to run to `next` and waits until it comes back.
void FakeOs::hand_over(Thread* next) {
  Thread* const self = current_;
  std::unique_lock guard(lock_);
  self->running = false;
  current_ = next;
  next->running = true;
  next->turn.notify_one();
  self->turn.wait(guard, [self] { return self->running; });
}

void FakeOs::log(LogLevel level, std::string_view text) {
  static constexpr const char* kNames[] = {"error", "warning", "info", "debug", "trace"};
  log_.push_back(std::string(kNames[static_cast<std::size_t>(level)]) + " " + std::string(text));
}

void FakeOs::after(Nanoseconds delay, std::function<void()> callback) {
  timers_.emplace(now_ + delay, std::move(callback));
}

void FakeOs::settle() {
  while (!ready_.empty()) {
    Thread* const self = current_;
    self->blocked = true;
    ready_.push_back(self);
    Thread* const next = pick();
    if (next != self) {
      hand_over(next);
    }
    self->blocked = false;
  }
}

std::size_t FakeOs::threads() const {
  return static_cast<std::size_t>(std::count_if(threads_.begin() + 1, threads_.end(),
                                                [](const auto& thread) { return !thread->ended; }));
}

}  // namespace vfsim::driver
