// Threads of driver code that go on side by side.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host_driver/platform/result.hpp"
#include "testbench/sim_platform/sim_os.hpp"

namespace vfsim::bench {

/// What such a thread does. An error ends the run with its text.
using Task = std::function<driver::Result<void>()>;

/// Used by one thread of `os`. The crew outlives what it started: call join() first.
class Crew {
 public:
  explicit Crew(SimOs& os) : os_(os), ended_(os.make_event()) {}

  /// Starts one thread per task on its Os and returns when all have ended; the first error.
  [[nodiscard]] driver::Result<void> side_by_side(const std::vector<std::pair<SimOs*, Task>>& tasks);
  /// Starts a thread and returns at once.
  void start(SimOs& os, Task task);
  /// Returns when everything that start() began has ended; the first error of any.
  [[nodiscard]] driver::Result<void> join();
  /// Something that start() began has not ended.
  [[nodiscard]] bool busy() const { return running_ != 0; }
  /// The first error of what start() began, so far.
  [[nodiscard]] driver::Result<void> so_far() const;

 private:
  SimOs& os_;
  std::unique_ptr<driver::Event> ended_;
  std::size_t running_ = 0;
  std::vector<driver::Error> errors_;
};

}  // namespace vfsim::bench
