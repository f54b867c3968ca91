// A guest of a run: its part of the machine, and what its console says.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "testbench/linux_host/function_bus.hpp"
#include "testbench/linux_host/linux_guest.hpp"
#include "testbench/linux_host/linux_machine.hpp"
#include "testbench/linux_host/vm_memory.hpp"

namespace vfsim::bench {

/// A kernel that is started, and what it does.
struct GuestPlan {
  std::string name;        // in the transcript
  std::string role;        // as its init knows it: "a", "b", "vm"
  std::uint8_t host = 0;   // whose NIC it drives; of a VM: where it starts
  bool vm = false;         // its only device is kVmVf
  std::string script;      // file that its init runs
  bool shell = false;      // its init runs a shell on the console instead
};

/// The VF that a VM is given, where there is one.
inline constexpr std::uint32_t kVmVf = 0;
inline constexpr std::uint32_t kVmFunction = kVmVf + 1;

class RunGuest final : public GuestListener, public FunctionBus {
 public:
  struct Events {
    std::function<SimNs()> now;
    std::function<void()> wake;
    /// Whether the driver of a function waits for events that tell of its commands.
    std::function<bool(model::FnRef)> told;
    /// "@vfsim WORDS" on the console. @return "" or what is wrong with it
    std::function<std::string(RunGuest&, const std::string& words)> asked;
    /// A VM has shared its memory.
    std::function<void(const VmMemory::Part&)> vm_shares;
  };

  /// @param with_vm  whether the run has a VM, whose VF then belongs to no host
  RunGuest(LinuxMachine& machine, GuestPlan plan, bool with_vm, Events events,
           const volatile std::sig_atomic_t& stop);

  [[nodiscard]] const GuestPlan& plan() const { return plan_; }
  [[nodiscard]] LinuxGuest& linux_guest() { return guest_; }
  [[nodiscard]] const LinuxGuest& linux_guest() const { return guest_; }
  /// Of a VM; empty before it has begun.
  [[nodiscard]] VmMemory& vm_memory() { return *vm_memory_; }
  [[nodiscard]] model::FnRef function_of(const PciSlot& slot) const;
  [[nodiscard]] std::vector<model::FnRef> functions_at(const std::string& address) const override;
  /// Its script has ended, or it has panicked, and it goes on: a driver may wait for ever.
  [[nodiscard]] bool overdue(SimNs now) const;
  /// Once it has come so far as to wait for its start: it ended before its script did.
  [[nodiscard]] bool lost() const { return !ended_ && !guest_.alive(); }
  /// Why it failed, one line; "" if it did not.
  [[nodiscard]] std::string failure() const;
  /// When its script ended badly; kNeverNs - 1: it did not end; kNeverNs: it has not failed.
  [[nodiscard]] SimNs failed_at() const;

  [[nodiscard]] bool guest_memory(int file, std::uint64_t offset, std::uint64_t start,
                                  std::uint64_t bytes) override;
  void guest_line(const std::string& line) override;
  void guest_prompt(const std::string& part) override;
  [[nodiscard]] bool guest_will_wait(const PciSlot& slot) const override {
    return events_.told(function_of(slot));
  }
  void guest_wakes() override { events_.wake(); }

 private:
  [[nodiscard]] bool share_vm(int file, std::uint64_t offset, std::uint64_t start,
                              std::uint64_t bytes);
  void show(const std::string& line);

  LinuxMachine& machine_;
  const GuestPlan plan_;
  const bool with_vm_;
  Events events_;
  GuestRam ram_;
  std::unique_ptr<VmMemory> vm_memory_;
  std::string trouble_;  // what the console told of
  int status_ = 0;       // of its script
  bool ended_ = false;
  std::size_t shown_ = 0;  // of the line at which the console of a shell stands
  SimNs ended_at_ = 0;
  SimNs panicked_at_ = kNeverNs;
  LinuxGuest guest_;
};

}  // namespace vfsim::bench
