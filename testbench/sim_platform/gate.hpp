// Stops the threads of a guest: what a hypervisor does to vCPUs.
#pragma once

#include "systemc/common/calendar.hpp"

namespace vfsim::bench {

/// Guest threads call pass() whenever they come back from a wait; while the gate is closed they stay in it.
/// Only one SystemC process runs at a time, so a closed gate means that no guest code runs.
class Gate {
 public:
  explicit Gate(model::Calendar& calendar) : calendar_(calendar) {}
  void close() { closed_ = true; }
  void open() {
    closed_ = false;
    calendar_.notify(opened_);
  }
  [[nodiscard]] bool closed() const { return closed_; }
  void pass() {
    while (closed_) {
      calendar_.wait(opened_);
    }
  }

 private:
  model::Calendar& calendar_;
  model::KernelEvent opened_;
  bool closed_ = false;
};

}  // namespace vfsim::bench
