// Keeps the simulator and its kernels on one processor.
#pragma once

#include <sched.h>
#include <string>

#include "testbench/linux_host/descriptor.hpp"

namespace vfsim::bench {

/// While it lives, this process and those that it starts run on one processor. Of the simulator, the
/// kernels and their programs one runs at a time, and hands over thousands of times a second: waking
/// another processor for that costs a third more. Runs at the same time take different processors;
/// where there is none left they take what the system gives them.
class OneCpu {
 public:
  /// @param name  runs of one name do not share a processor
  explicit OneCpu(const std::string& name = "vfsim.linux");
  OneCpu(const OneCpu&) = delete;
  OneCpu& operator=(const OneCpu&) = delete;
  ~OneCpu();

  /// Its number; -1: none was free.
  [[nodiscard]] int number() const { return number_; }

 private:
  bool take(const std::string& name, unsigned number);

  cpu_set_t before_;
  Descriptor claim_;
  int number_ = -1;
};

}  // namespace vfsim::bench
