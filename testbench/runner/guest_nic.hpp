// One VF in a guest: its function, driver and application.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "host_driver/guest/eth_driver.hpp"
#include "testbench/runner/crew.hpp"
#include "testbench/runner/host_side.hpp"
#include "testbench/sim_platform/guest_vm.hpp"
#include "testbench/workload/command_load.hpp"
#include "testbench/workload/guest_app.hpp"

namespace vfsim::bench {

/// Its number is that of the VF on both hosts, and that of its conversation: MAC addresses, oracle
/// and traffic peer count VFs. Calls block where it is said, in a thread of the guest.
class GuestNic {
 public:
  GuestNic(const Context& context, SimOs& os, GuestCore& core, std::uint32_t vf, HostSide& host,
           Oracle& oracle, Schedule schedule);

  /// Loads the driver. Blocks.
  [[nodiscard]] driver::Result<void> probe() { return driver_.probe(); }
  /// Unloads it: everything is destroyed, all firmware pages are taken back. Blocks.
  [[nodiscard]] driver::Result<void> remove();
  /// Starts the application.
  void start() { app_.start(schedule_.from_guest); }
  /// Posts what `ringer` will ring for: the frames that it receives end with this VF's doorbells,
  /// and its receive queue puts them to this VF's window. Blocks.
  /// @param window  bus address of this VF's BAR for the ringer
  [[nodiscard]] driver::Result<void> let_ring(GuestNic& ringer, std::uint64_t window);

  /// See the same functions of Guest.
  [[nodiscard]] driver::Result<void> reset_under(const Task& reset, Crew& crew);
  void lose();
  void spare_send();
  [[nodiscard]] driver::Result<void> send_more(std::uint64_t count, driver::Nanoseconds limit);
  void rogue_send(const std::string& what);
  void issue_commands(const CommandLoad& load);
  [[nodiscard]] bool settled();
  void report();

  [[nodiscard]] std::uint32_t vf() const { return vf_; }
  [[nodiscard]] FunctionPlatform& function() { return function_; }
  [[nodiscard]] driver::EthDriver& driver() { return driver_; }
  [[nodiscard]] const Schedule& schedule() const { return schedule_; }
  /// Completed sends of the application.
  [[nodiscard]] std::uint64_t completed() const { return driver_.sends_completed() - extra_sends_; }
  /// Why its traffic ended early; empty if it did not.
  [[nodiscard]] const std::string& error() const { return error_.empty() ? app_.error() : error_; }

 private:
  void ring_foreign_queues();

  std::uint32_t vf_;
  SimOs& os_;
  GuestCore& core_;
  Oracle& oracle_;
  const WorkloadParams& params_;
  FunctionPlatform function_;
  std::unique_ptr<driver::Platform> faulty_function_;  // only where a fault asks for it
  driver::EthDriver driver_;
  GuestApp app_;
  Schedule schedule_;
  std::uint64_t extra_sends_ = 0;    // the application and the oracle do not know of
  std::uint64_t more_sends_ = 0;     // of send_more()
  std::uint32_t command_loads_ = 0;  // threads that issue commands
  bool has_device_ = true;
  std::string error_;
};

/// Where VF `vf` is on a host.
[[nodiscard]] Place vf_place(HostSide& side, std::uint32_t vf);

}  // namespace vfsim::bench
