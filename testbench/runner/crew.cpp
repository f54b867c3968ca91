#include "testbench/runner/crew.hpp"

namespace vfsim::bench {

using BOOST_OUTCOME_V2_NAMESPACE::success;

driver::Result<void> Crew::side_by_side(const std::vector<std::pair<SimOs*, Task>>& tasks) {
  Crew crew(os_);
  for (const auto& [os, task] : tasks) {
    crew.start(*os, task);
  }
  return crew.join();
}

void Crew::start(SimOs& os, Task task) {
  ++running_;
  os.spawn("task", [this, task = std::move(task)] {
    if (const auto done = task(); !done) {
      errors_.push_back(done.error());
    }
    --running_;
    ended_->notify();
  });
}

driver::Result<void> Crew::join() {
  while (running_ != 0) {
    ended_->wait(driver::kForever);
  }
  return so_far();
}

driver::Result<void> Crew::so_far() const {
  return errors_.empty() ? driver::Result<void>(success()) : errors_.front();
}

}  // namespace vfsim::bench
