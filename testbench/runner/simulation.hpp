// The whole machine of one run: two hosts, wire, traffic peer, guests, and everything that watches.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "systemc/wire/wire.hpp"
#include "testbench/checkers/rule_set.hpp"
#include "testbench/coverage/collector.hpp"
#include "testbench/oracle/oracle.hpp"
#include "testbench/report/event_log.hpp"
#include "testbench/runner/guest.hpp"
#include "testbench/runner/host_side.hpp"
#include "testbench/runner/moment_watch.hpp"
#include "testbench/runner/observer_bridge.hpp"
#include "testbench/runner/rtl_watch.hpp"
#include "testbench/runner/runner.hpp"
#include "testbench/runner/watched_channel.hpp"
#include "testbench/workload/traffic_peer.hpp"

namespace vfsim::bench {

/// The state image of a VF that migrated, as the source saved it.
struct SavedImage {
  std::string name;  // "guest0_A_to_B_1": guest, hosts, number of the image
  std::vector<std::uint8_t> bytes;
};

/// Built before simulation starts; hosts are 0 = A, 1 = B.
class Simulation {
 public:
  /// @param log        takes the log lines of drivers and guests
  /// @param schedules  what each VF of the guests and its client send
  /// @param seed       of what the fabric does at random (pcie.reorder)
  /// @param judged     false: no rule hears anything (benchmarks only, to tell what the rules cost)
  /// @param assertions false: those of RTL blocks are off (the same)
  /// @param recorder   0: none; outlives this
  Simulation(const Scenario& scenario, LogSink log, std::vector<Schedule> schedules, std::uint64_t seed = 1,
             bool judged = true, bool assertions = true, BlockRecorder* recorder = nullptr);

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  /// When the guest's memory and devices are complete on `to`, they are compared with those on `from`.
  void expect_take_over(std::uint32_t guest, std::uint8_t from, std::uint8_t to);
  /// Both NICs are powered, clocks stand at 0.
  void power_on();
  /// The guests say what they still wait for: once, when their traffic has ended or the run does.
  void judge_traffic();
  /// Last judgements of rules and oracle; fills in what the result says about them.
  void finish(Result& result);
  driver::DriverObserver& observer() { return bridge_; }

 private:
  const Scenario& scenario_;
  bool traffic_judged_ = false;

 public:
  model::Calendar calendar{"calendar"};
  model::ProbeBus probes;
  RtlWatch rtl;

 private:
  ObserverBridge bridge_{calendar, probes};
  Context context_;

 public:
  std::array<std::unique_ptr<HostSide>, 2> hosts;

 private:
  CheckContext check_context_;
  model::ProbeBus unheard_;

 public:
  std::unique_ptr<RuleSet> rules;
  std::unique_ptr<CoverageCollector> coverage;
  std::unique_ptr<EventLog> events;
  MomentWatch moments{probes, scenario_.workload.vfs_per_guest};
  Oracle oracle;
  model::EthernetWire wire;
  TrafficPeer peer;
  std::vector<std::unique_ptr<Guest>> guests;
  std::vector<SavedImage> images;
  /// Not empty: told of every message that was on the line of the migration channel.
  std::function<void(const ChannelMessage&)> on_channel;
};

}  // namespace vfsim::bench
