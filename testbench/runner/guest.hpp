// One guest: its memory, vCPU gate, VFs and what it does with them, and how both hosts see it.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "testbench/runner/guest_nic.hpp"
#include "testbench/workload/memory_load.hpp"

namespace vfsim::bench {

/// Starts on host A. Where a step is about one VF, it is the guest's first.
class Guest {
 public:
  /// @param schedules  of all VFs of all guests; the guest takes its own out
  Guest(const Context& context, std::uint32_t number, std::array<HostSide*, 2> hosts,
        Oracle& oracle, std::vector<Schedule>& schedules);

  /// Loads the drivers. Blocks; call it in one of the guest's threads (os().spawn).
  [[nodiscard]] driver::Result<void> probe();
  /// Unloads them. Blocks, too.
  [[nodiscard]] driver::Result<void> remove();
  /// Starts its applications (and the peer device's doorbells, where there is one).
  void start();
  /// What a guest does in a thread of its own: masks or unmasks its VF's interrupts; its driver
  /// misbehaves.
  void mask_interrupts(bool masked);
  void mask_function(bool masked);
  void rogue_send(const std::string& what) { first().rogue_send(what); }
  /// Its function is reset by `reset`, which runs in this thread: the traffic stops, what the
  /// device drops is written off, and the driver starts again. Call it in any thread but the
  /// guest's own.
  [[nodiscard]] driver::Result<void> reset_under(const Task& reset, Crew& crew) {
    return first().reset_under(reset, crew);
  }
  /// The host has taken its devices away for good: no traffic, nothing is due.
  void lose_devices();
  /// A send of a frame to nobody, beside the application's.
  void spare_send() { first().spare_send(); }
  /// `count` more packets of its application to the client, behind what it has sent; returns when
  /// they have arrived and completed. Blocks; call it in one of the guest's threads. ENODEV: it
  /// has no device; ENOTSUP: what it sends is rung for by others; ETIMEDOUT: they have not
  /// arrived within `limit`.
  [[nodiscard]] driver::Result<void> send_more(std::uint64_t count, driver::Nanoseconds limit) {
    return first().send_more(count, limit);
  }
  /// One more thread that issues commands; the guest settles only when it has ended.
  void issue_commands(const CommandLoad& load) { first().issue_commands(load); }
  /// Everything is sent, completed and received.
  [[nodiscard]] bool settled();
  /// End of the run: tells the oracle what the guest still waits for.
  void report();

  [[nodiscard]] SimOs& os() { return os_; }
  [[nodiscard]] GuestCore& core() { return core_; }
  [[nodiscard]] SimGuestVm& on(std::uint8_t host) { return *vms_[host]; }
  /// Its VFs, by number; the first devices of on(host), in the same order.
  [[nodiscard]] const std::vector<std::unique_ptr<GuestNic>>& nics() const { return nics_; }
  [[nodiscard]] GuestNic& first() { return *nics_.front(); }
  /// Why its traffic ended early; empty if it did not.
  [[nodiscard]] const std::string& error() const;
  /// A migration of it is under way. Whoever migrates it says so.
  bool migrating = false;

 private:
  /// What the guest does in the order in which it was told, even if its vCPUs stand still
  /// meanwhile.
  void in_turn(std::function<void()> chore);
  /// Each VF's received frames ring for the sends of the next one, the last one's for the first.
  [[nodiscard]] driver::Result<void> ring_around();

  Oracle& oracle_;
  const WorkloadParams& params_;
  GuestCore core_;
  SimOs os_;
  std::vector<std::unique_ptr<GuestNic>> nics_;
  std::unique_ptr<FunctionPlatform> peer_;
  std::array<std::unique_ptr<SimGuestVm>, 2> vms_;
  std::unique_ptr<MemoryLoad> memory_load_;
  std::deque<std::function<void()>> chores_;  // the first is under way
  std::string error_;
};

}  // namespace vfsim::bench
