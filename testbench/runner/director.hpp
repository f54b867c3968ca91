// Carries out a scenario: boots, starts the traffic, does the steps, waits for the end.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host_driver/vmm/vmm.hpp"
#include "testbench/report/result.hpp"
#include "testbench/runner/simulation.hpp"

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

 private:
  bool boot();
  bool probe_guests();
  void start_traffic();
  bool do_steps();
  bool do_step(const Step& step);
  bool migrate(const Step& step);
  MigrationResult record(const driver::MigrationReport& report, std::uint32_t guest, std::uint8_t from) const;
  void reset_devices(SimGuestVm& vm);
  bool wait_until_settled();
  /// Guests unload their drivers, hosts remove their PFs.
  void shut_down();
  /// Starts one thread per body on its Os and returns when all have ended.
  void side_by_side(const std::vector<std::pair<SimOs*, std::function<void()>>>& bodies);
  bool failed(const std::string& what);

  Simulation& sim_;
  Result& result_;
  SimOs& os_;
  driver::Nanoseconds traffic_start_{0};
  bool finished_ = false;
};

}  // namespace vfsim::bench
