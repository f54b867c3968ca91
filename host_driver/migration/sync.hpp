// Small helpers over the machine's mutex and event.
#pragma once

#include <memory>

#include "host_driver/platform/platform.hpp"

namespace vfsim::driver {

/// Holds a mutex for a scope.
class Lock {
 public:
  explicit Lock(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

/// One slot: acquire() blocks while somebody else holds it. The releaser may be another thread than
/// the holder.
class BinarySemaphore {
 public:
  explicit BinarySemaphore(Os& os) : mutex_(os.make_mutex()), freed_(os.make_event()) {}

  void acquire() {
    for (;;) {
      {
        Lock lock(*mutex_);
        if (free_) {
          free_ = false;
          return;
        }
      }
      freed_->wait(kForever);
    }
  }
  void release() {
    {
      Lock lock(*mutex_);
      free_ = true;
    }
    freed_->notify();
  }

 private:
  std::unique_ptr<Mutex> mutex_;
  std::unique_ptr<Event> freed_;
  bool free_ = true;
};

}  // namespace vfsim::driver
