// Keeps the simulator and its kernels on one processor.
#pragma once

#include <sched.h>

namespace vfsim::bench {

/// While it lives, this process and those that it starts run on the processor on which it began. Of
/// the simulator, the kernels and their programs one runs at a time, and hands over thousands of
/// times a second: waking another processor for that costs a third more.
class OneCpu {
 public:
  OneCpu() {
    cpu_set_t one;
    CPU_ZERO(&one);
    const int here = sched_getcpu();
    kept_ = here >= 0 && sched_getaffinity(0, sizeof(before_), &before_) == 0;
    if (kept_) {
      CPU_SET(static_cast<unsigned>(here), &one);
      kept_ = sched_setaffinity(0, sizeof(one), &one) == 0;
    }
  }
  ~OneCpu() {
    if (kept_) {
      (void)!sched_setaffinity(0, sizeof(before_), &before_);
    }
  }
  OneCpu(const OneCpu&) = delete;
  OneCpu& operator=(const OneCpu&) = delete;

 private:
  cpu_set_t before_;
  bool kept_;
};

}  // namespace vfsim::bench
