// One Linux guest: its kernel process, its PCI slots and its clock.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "testbench/linux_host/kernel_process.hpp"
#include "testbench/linux_host/pci_slot.hpp"
#include "testbench/linux_host/time_travel.hpp"

namespace vfsim::bench {

/// Simulated time in nanoseconds; guests know no finer one.
using SimNs = std::uint64_t;
inline constexpr SimNs kNeverNs = ~0ULL;

/// What a guest asks of its surroundings.
class GuestListener {
 public:
  virtual ~GuestListener() = default;
  /// The guest shares its memory; called once. False: refused.
  [[nodiscard]] virtual bool guest_memory(int file, std::uint64_t offset, std::uint64_t start,
                                          std::uint64_t bytes) = 0;
  /// A whole line of its console.
  virtual void guest_line(const std::string& line) = 0;
  /// The beginning of a line, at which the console stands.
  virtual void guest_prompt(const std::string& part) { (void)part; }
  /// Whether the guest need not tell at once of accesses through this slot: it is expected to wait,
  /// and not to poll for the answer to a command. One that does is found out, which takes a second.
  [[nodiscard]] virtual bool guest_will_wait(const PciSlot& slot) const = 0;
  /// In calendar time: step() may find something to do.
  virtual void guest_wakes() = 0;
};

/// Simulated time stands still while the guest runs: step() and start() return when it waits, is
/// stopped by a command doorbell, or is gone. Its clock is the simulation's minus an offset, which
/// grows while it is frozen or stopped: the guest sees no time pass.
class LinuxGuest final : private PciSlot::Owner {
 public:
  /// @param ram   takes what the guest shares; outlives this
  /// @param stop  not 0: give up
  LinuxGuest(model::Calendar& calendar, std::string name, GuestRam& ram, GuestListener& listener,
             const volatile std::sig_atomic_t& stop);

  /// Before launch().
  PciSlot& add_slot(const FunctionPlace& place);
  /// Starts the kernel, which finds its sockets in `folder`. False: error().
  [[nodiscard]] bool launch(const std::string& folder, KernelCommand command);
  /// Serves it until it waits for its start. False: it did not come that far.
  [[nodiscard]] bool await_start();
  [[nodiscard]] bool waits_for_start() const { return clock_.state() == GuestClock::started; }
  void start(SimNs now);

  [[nodiscard]] bool alive() const { return clock_.state() != GuestClock::absent && error_.empty(); }
  /// Whether step() has something to do at `now`.
  [[nodiscard]] bool ready(SimNs now) const;
  /// When it is ready by itself.
  [[nodiscard]] SimNs due() const;
  void step(SimNs now);

  /// Whether it takes what is typed: kernels without the calendar's shared page do not wake for it.
  [[nodiscard]] bool takes_input() const { return clock_.shared(); }
  /// Somebody types on its console, if launch() gave it an input.
  void type(const std::string& bytes);
  /// Ends it without an error.
  void stop();
  /// Its CPU stands still until thaw(): it gets no time and no interrupt.
  void freeze(SimNs now);
  void thaw(SimNs now);

  /// While a command doorbell stops it: whose. The answer comes from release().
  [[nodiscard]] PciSlot* stopped_by() const { return stopped_by_; }
  [[nodiscard]] SimNs stopped_at() const { return stopped_at_; }
  void release() { released_ = true; }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] GuestCpu& cpu() { return cpu_; }
  [[nodiscard]] PciSlot& slot(std::size_t index) { return *slots_[index]; }
  [[nodiscard]] const std::vector<std::unique_ptr<PciSlot>>& slots() const { return slots_; }
  /// Why it ended against its will, one line; "" if it did not.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  [[nodiscard]] bool memory(int file, std::uint64_t offset, std::uint64_t start,
                            std::uint64_t bytes) override;
  void command_rung(PciSlot& slot) override;
  void interrupted() override;
  void failed(const std::string& why) override { end(why); }

  [[nodiscard]] SimNs time_at(SimNs now) const { return now - offset_; }
  void prepare();
  /// Serves its sockets while it runs.
  void serve(SimNs now);
  /// Waits for its next messages and takes them. False: it will send none any more.
  bool serve_once(SimNs now);
  /// It runs on without a word, and has rung for a command of which it was not to tell: it is stopped until the answer.
  /// @param begins  it has just been seen to say nothing
  bool polls_for_command(bool begins);
  void deliver(SimNs now);
  /// Tells the guest of a queue, and takes its answer.
  bool call(PciSlot& slot, std::uint32_t queue, SimNs now);
  void take_output();
  void end(const std::string& why);

  const std::string name_;
  GuestRam& ram_;
  GuestListener& listener_;
  const volatile std::sig_atomic_t& stop_;
  GuestCpu cpu_;
  std::vector<std::unique_ptr<PciSlot>> slots_;
  TimeTravel clock_;
  KernelProcess process_;
  std::string output_;  // of the line that is not complete
  SimNs offset_ = 0;
  SimNs frozen_at_ = kNeverNs;
  SimNs stopped_at_ = 0;
  PciSlot* stopped_by_ = nullptr;
  bool released_ = false;
  double silent_from_ = 0;  // its processor time then
  bool deliver_ = false;
  bool typed_ = false;  // it has input to read
  bool begun_ = false;  // its clock has spoken
  std::string error_;
};

}  // namespace vfsim::bench
