// What was set up, so that it can be taken down in reverse order.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

class UndoStack {
 public:
  void push(std::function<Result<void>()> undo) { undo_.push_back(std::move(undo)); }
  [[nodiscard]] bool empty() const { return undo_.empty(); }
  /// Runs everything, newest first; returns the first error.
  [[nodiscard]] Result<void> unwind() {
    Result<void> first = ok();
    while (!undo_.empty()) {
      const auto undo = std::move(undo_.back());
      undo_.pop_back();
      auto done = undo();
      if (!done && first) {
        first = std::move(done);
      }
    }
    return first;
  }

 private:
  std::vector<std::function<Result<void>()>> undo_;
};

}  // namespace vfsim::driver
