// Carries out a scenario: boots, starts the traffic, does the steps, waits for the end.
#pragma once

#include <string>

#include "testbench/runner/step_verbs.hpp"

namespace vfsim::bench {

/// Runs in one thread of host A's Os, and uses more of them where things go on side by side.
class Director {
 public:
  Director(Simulation& simulation, Result& result);

  /// The scenario from power-on to its end. Problems are in result.error; the verdict is the caller's.
  void run();
  /// Only its begin: both hosts booted, all guests' drivers loaded. False: see result.error.
  bool prepare() { return boot() && probe_guests(); }
  [[nodiscard]] bool finished() const { return finished_; }
  /// What steps use, for whoever wants to do one more. Its crew is waited for before the drivers are unloaded;
  /// behind that (leaving()) no step can be done any more.
  [[nodiscard]] StepRun& steps() { return steps_; }
  [[nodiscard]] bool leaving() const { return leaving_; }
  /// Hosts are booted and guests' drivers are loaded: from here to leaving() steps can be done.
  [[nodiscard]] bool working() const { return working_; }

 private:
  bool boot();
  bool probe_guests();
  void start_traffic();
  bool do_steps();
  void count_losses();
  bool wait_until_settled();
  bool wait_until_idle();
  /// Guests unload their drivers, hosts remove their PFs.
  void shut_down();
  /// Keeps the first error for the result; true if there is none.
  bool keep(const driver::Result<void>& done);
  bool failed(const std::string& what);

  Simulation& sim_;
  Result& result_;
  SimOs& os_;
  Crew crew_;
  StepRun steps_;
  driver::Nanoseconds traffic_start_{0};
  bool working_ = false;
  bool leaving_ = false;
  bool finished_ = false;
};

}  // namespace vfsim::bench
