// One case in a process of its own, as seen by the process that started it.
#pragma once

#include <chrono>
#include <poll.h>
#include <sys/types.h>
#include <vector>

#include "testbench/regress/pool.hpp"

namespace vfsim::bench {

class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  /// Forks. The child does the work, sends its result and ends.
  Worker(std::size_t number, const Case& what, const Work& work);
  /// Kills and reaps a child that still runs.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Descriptors to wait for input on.
  void add_to(std::vector<pollfd>& set) const;
  /// All that is known of the child has been sent; it only has to be reaped.
  [[nodiscard]] bool silent() const { return result_fd_ < 0 && output_fd_ < 0; }
  /// When the child's time is over; max(): never.
  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }

  void kill(CaseOutcome because);
  /// Reads what is there without waiting. True: the child is gone, and take() has the result.
  [[nodiscard]] bool poll();
  [[nodiscard]] CaseResult take();

 private:
  [[noreturn]] void child(const Work& work, int result_fd, int output_fd);
  void finish(int wait_status);
  void fail(CaseOutcome outcome, const std::string& error);

  CaseResult case_;
  pid_t pid_ = -1;
  int result_fd_ = -1;
  int output_fd_ = -1;
  Clock::time_point begin_;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::string json_;
  CaseOutcome killed_because_ = CaseOutcome::not_run;
};

}  // namespace vfsim::bench
