#include "testbench/linux_host/one_cpu.hpp"

namespace vfsim::bench {

// The one on which it runs is idle but for this process, if the system knows of one that is.
OneCpu::OneCpu(const std::string& name) {
  if (sched_getaffinity(0, sizeof(before_), &before_) != 0) {
    return;
  }
  const int here = sched_getcpu();
  bool taken = here >= 0 && take(name, static_cast<unsigned>(here));
  for (unsigned number = 0; number < CPU_SETSIZE && !taken; ++number) {
    taken = CPU_ISSET(number, &before_) && take(name, number);
  }
}

OneCpu::~OneCpu() {
  if (number_ >= 0) {
    (void)!sched_setaffinity(0, sizeof(before_), &before_);
  }
}

bool OneCpu::take(const std::string& name, unsigned number) {
  claim_ = claim_name(name + ".cpu" + std::to_string(number));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(number, &one);
  if (!claim_.open() || sched_setaffinity(0, sizeof(one), &one) != 0) {
    claim_.close();
    return false;
  }
  number_ = static_cast<int>(number);
  return true;
}

}  // namespace vfsim::bench
