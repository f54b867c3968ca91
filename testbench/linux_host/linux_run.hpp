// Runs Linux guests on the simulated machine, from their start to their power-off.
#pragma once

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "testbench/linux_host/command_watch.hpp"
#include "testbench/linux_host/run_folder.hpp"
#include "testbench/linux_host/shell_console.hpp"
#include "testbench/linux_host/vm_follower.hpp"
#include "testbench/report/story.hpp"
#include "testbench/runner/pictures.hpp"

namespace vfsim::bench {

/// A guest's PCI bus has eight slots, and one function in each.
inline constexpr std::uint32_t kMostVfs = 7;

struct LinuxOptions : PictureOptions {
  std::string kernel;     // binary
  std::string initramfs;  // file
  std::string preload;    // library for the kernels, "" none
  std::uint32_t memory_mib = 256;
  std::uint32_t limit_s = 1000;  // simulated time after which a run has failed
  std::vector<GuestPlan> guests;
  std::string files;  // folder whose files the guests find in /host, too, "" none
  const volatile std::sig_atomic_t* stop = nullptr;
  Story* story = nullptr;  // of the report page, null: not wanted
};

/// Where the wall time of a run went, in seconds.
struct LinuxCost {
  double guests_s = 0;      // guests ran, and their sockets were served
  double simulation_s = 0;  // the simulation went on
  std::uint64_t turns = 0;  // so often a guest was let run
};

/// One calendar for all guests: simulated time advances while all of them wait. The earliest goes
/// first; of several at the same time the first of the plan. Prints what the guests write on their
/// consoles, each line with its simulated time and guest.
class LinuxRun {
 public:
  /// @param options  outlives this
  LinuxRun(const Scenario& scenario, const LinuxOptions& options);
  ~LinuxRun();

  /// Ends all kernels. @return an ExitStatus (testbench/runner/runner.hpp); result.error says why it
  /// is not kHeld
  [[nodiscard]] int run(Result& result);
  [[nodiscard]] const LinuxCost& cost() const { return cost_; }

 private:
  [[nodiscard]] bool prepare_folder(std::string& error);
  [[nodiscard]] bool launch(std::string& error);
  [[nodiscard]] std::string asked(RunGuest& guest, const std::string& words);
  void tell_phase(bool begins);
  /// Lets the hosts' scripts know what to track.
  void tell_memory(const VmMemory::Part& memory);
  /// Waits for the wall clock or for what is typed. @return the time at which to go on
  [[nodiscard]] SimNs pace(SimNs due);
  /// The thread that lets guests run.
  void schedule();
  [[nodiscard]] bool start_guests();
  /// Simulated time in whole nanoseconds, rounded up.
  [[nodiscard]] SimNs now() const;
  /// One step of the first guest that is ready. False: none is.
  bool step_one();
  /// Lets the simulation go on until a guest may be ready. False: the run is over.
  bool advance();
  void wake();
  /// Lets guests go on whose polled commands are answered.
  void judge_stops();
  [[nodiscard]] bool alive() const;
  [[nodiscard]] bool broken();
  /// Null if no guest has one.
  [[nodiscard]] RunGuest* shell() const;
  /// Who had a shell is gone, and what the other guests do does not matter any more.
  [[nodiscard]] bool left() const;
  [[nodiscard]] std::string failure() const;
  [[nodiscard]] static std::string describe(const RunGuest& guest);

  const LinuxOptions& options_;
  LinuxMachine machine_;
  CommandWatch commands_;
  RunFolder folder_;
  std::vector<std::unique_ptr<RunGuest>> guests_;
  std::unique_ptr<ShellConsole> console_;  // of the guest with a shell
  std::unique_ptr<TypedFiles> typed_;      // where the console itself does not take it
  std::unique_ptr<VmCopier> copier_;      // where there is a VM
  std::unique_ptr<VmFollower> follower_;  // the same
  bool begun_ = false;  // all kernels came to their start
  bool vm_starts_ = false;
  std::string phase_;  // that a script has begun, "" none
  model::KernelEvent wake_;
  std::string error_;
  LinuxCost cost_;
};

}  // namespace vfsim::bench
