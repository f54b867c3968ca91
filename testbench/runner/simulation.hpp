// The whole machine of one run: two hosts, wire, traffic peer, guests, and everything that watches.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "systemc/wire/wire.hpp"
#include "testbench/checkers/rule_set.hpp"
#include "testbench/oracle/oracle.hpp"
#include "testbench/report/event_log.hpp"
#include "testbench/runner/guest.hpp"
#include "testbench/runner/host_side.hpp"
#include "testbench/runner/observer_bridge.hpp"
#include "testbench/runner/runner.hpp"
#include "testbench/workload/traffic_peer.hpp"
#include "waves/wave_recorder.hpp"

namespace vfsim::bench {

/// Built before simulation starts; hosts are 0 = A, 1 = B.
class Simulation {
 public:
  /// @param schedules  what each guest and its client send
  Simulation(const Scenario& scenario, const RunOptions& options, std::vector<Schedule> schedules);

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  [[nodiscard]] driver::Nanoseconds now() const { return hosts[0]->os.now(); }

 private:
  const Scenario& scenario_;

 public:
  model::Calendar calendar{"calendar"};
  model::ProbeBus probes;

 private:
  ObserverBridge bridge_{calendar, probes};
  Context context_;

 public:
  std::array<std::unique_ptr<HostSide>, 2> hosts;
  std::unique_ptr<RuleSet> rules;
  EventLog events;
  std::unique_ptr<waves::WaveRecorder> waves;
  Oracle oracle;
  model::EthernetWire wire;
  TrafficPeer peer;
  std::vector<std::unique_ptr<Guest>> guests;
};

}  // namespace vfsim::bench
