// The simulated hardware under Linux guests, and what watches it.
#pragma once

#include <array>
#include <memory>

#include "systemc/nic/nic.hpp"
#include "systemc/pcie/host.hpp"
#include "systemc/wire/wire.hpp"
#include "testbench/checkers/rule_set.hpp"
#include "testbench/faults/nic_decorators.hpp"
#include "testbench/linux_host/disturbance.hpp"
#include "testbench/linux_host/echo_peer.hpp"
#include "testbench/linux_host/frame_check.hpp"
#include "testbench/linux_host/function_place.hpp"
#include "testbench/linux_host/guest_traffic.hpp"
#include "testbench/linux_host/spoiled_wire.hpp"
#include "testbench/linux_host/user_space.hpp"
#include "testbench/oracle/oracle.hpp"
#include "testbench/report/event_log.hpp"
#include "testbench/report/result.hpp"
#include "testbench/runner/rtl_watch.hpp"
#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {

/// Both hosts of the scenario with their NICs on one wire; nothing drives them yet.
class LinuxMachine {
 public:
  explicit LinuxMachine(const Scenario& scenario);

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  /// Function `fn` (0: the PF) of a host's NIC. Its BAR is a window of the host.
  [[nodiscard]] FunctionPlace place(std::uint8_t host, std::uint32_t fn);
  /// The function reaches [start, start + bytes) of its bus addresses, and nothing else, which lie
  /// from `phys` in the host's memory.
  void grant(std::uint8_t host, std::uint32_t fn, std::uint64_t start, std::uint64_t bytes,
             std::uint64_t phys);
  /// What a program in a guest tells (user_call.def). @param bus  of the guest; outlives this
  /// @return "" or what is wrong with the line
  [[nodiscard]] std::string told(const FunctionBus& bus, const std::string& line);
  /// Last judgement; fills in what the result says about rules, time and events.
  void finish(Result& result);

 private:
  const Scenario& scenario_;

 public:
  model::Calendar calendar{"calendar"};
  model::ProbeBus probes;
  RtlWatch rtl;  // of blocks that the scenario wants as RTL
  std::array<std::unique_ptr<model::Host>, kHosts> hosts;
  std::array<std::unique_ptr<model::Nic>, kHosts> nics;
  std::array<std::unique_ptr<SpoiledWire>, kHosts> from_wire;  // what those get

 private:
  std::array<std::unique_ptr<NicDecorators>, kHosts> decorators_;
  CheckContext check_context_;

 public:
  std::unique_ptr<Disturbances> disturbances;
  std::unique_ptr<RuleSet> rules;
  std::unique_ptr<UserSpace> user_space;
  std::unique_ptr<EventLog> events;
  Oracle oracle;
  GuestTraffic guest_traffic{oracle};
  FrameCheck frames;
  model::EthernetWire wire;
  EchoPeer echo;
};

}  // namespace vfsim::bench
