// One guest: its memory, vCPU gate, VF driver and application, and how both hosts see it.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "host_driver/guest/eth_driver.hpp"
#include "testbench/runner/crew.hpp"
#include "testbench/runner/host_side.hpp"
#include "testbench/sim_platform/guest_vm.hpp"
#include "testbench/workload/command_load.hpp"
#include "testbench/workload/guest_app.hpp"
#include "testbench/workload/memory_load.hpp"
#include "testbench/workload/peer_doorbells.hpp"

namespace vfsim::bench {

/// Guest g drives VF g; it starts on host A.
class Guest {
 public:
  Guest(const Context& context, std::uint32_t number, std::array<HostSide*, 2> hosts, Oracle& oracle, Schedule schedule);

  /// Loads the guest's driver. Blocks; call it in one of the guest's threads (os().spawn).
  [[nodiscard]] driver::Result<void> probe() { return driver_.probe(); }
  /// Unloads it: everything is destroyed, all firmware pages are taken back. Blocks, too.
  [[nodiscard]] driver::Result<void> remove();
  /// Starts its application (and the peer device's doorbells, where there is one).
  void start();
  /// What a guest does in a thread of its own: masks or unmasks its VF's interrupts; its driver misbehaves.
  void mask_interrupts(bool masked);
  void mask_function(bool masked);
  void rogue_send(const std::string& what);
  /// Its function is reset by `reset`, which runs in this thread: the traffic stops, what the device drops is written off,
  /// and the driver starts again. Call it in any thread but the guest's own.
  [[nodiscard]] driver::Result<void> reset_under(const Task& reset, Crew& crew);
  /// The host has taken its device away for good: no traffic, nothing is due.
  void lose_device();
  [[nodiscard]] bool has_device() const { return has_device_; }
  /// A send of a frame to nobody, beside the application's.
  void spare_send();
  /// One more thread that issues commands; the guest settles only when it has ended.
  void issue_commands(const CommandLoad& load);
  /// Everything is sent, completed and received.
  [[nodiscard]] bool settled();
  /// End of the run: tells the oracle what the guest still waits for.
  void report();

  [[nodiscard]] SimOs& os() { return os_; }
  [[nodiscard]] GuestCore& core() { return core_; }
  [[nodiscard]] SimGuestVm& on(std::uint8_t host) { return *vms_[host]; }
  [[nodiscard]] const Schedule& schedule() const { return schedule_; }
  /// Why its traffic ended early; empty if it did not.
  [[nodiscard]] const std::string& error() const { return error_.empty() ? app_.error() : error_; }

 private:
  /// What the guest does in the order in which it was told, even if its vCPUs stand still meanwhile.
  void in_turn(std::function<void()> chore);
  void ring_foreign_queues();

  std::uint32_t number_;
  Oracle& oracle_;
  GuestCore core_;
  SimOs os_;
  FunctionPlatform vf_;
  std::unique_ptr<driver::Platform> faulty_vf_;  // only where a fault asks for it
  std::unique_ptr<FunctionPlatform> peer_;
  std::array<std::unique_ptr<SimGuestVm>, 2> vms_;
  driver::EthDriver driver_;
  GuestApp app_;
  MemoryLoad memory_load_;
  Schedule schedule_;
  const WorkloadParams& params_;
  std::uint64_t extra_sends_ = 0;    // the application and the oracle do not know of
  std::uint32_t command_loads_ = 0;  // threads that issue commands
  std::deque<std::function<void()>> chores_;  // the first is under way
  bool has_device_ = true;
  std::string error_;
};

}  // namespace vfsim::bench
