// Runs one scenario in this process. SystemC elaborates once, so a process can do it once.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "host_driver/platform/platform.hpp"
#include "testbench/report/result.hpp"
#include "testbench/runner/picture_options.hpp"
#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {

struct Story;
class Simulation;
class Director;

/// Simulated time in ps, level (host_driver/platform/platform.hpp), who, text.
using LogTaker = std::function<void(std::uint64_t, driver::LogLevel, const std::string&, std::string_view)>;

/// Somebody who accompanies a run from inside its process (the shell).
class RunCompanion {
 public:
  virtual ~RunCompanion() = default;
  /// Everything is built, and whatever else watches the run is subscribed; nothing is powered. The three outlive the run.
  virtual void built(Simulation& simulation, Director& director, Result& result) = 0;
  /// The run is over and judged.
  virtual void ended() = 0;
};

struct RunOptions : PictureOptions {
  std::uint64_t seed = 1;
  std::string rtl_coverage;           // cover counts of RTL blocks (verilator_coverage), "" none
  std::string block_stimulus;         // what the NICs ask of their blocks (rtl_equiv/block_stimulus.hpp), "" none
  std::string log_level = "warning";  // error, warning, info, debug, trace
  Story* story = nullptr;             // not 0: takes what the report page shows
  /// Folder for what the run leaves behind (images of the guests' VFs), "" nothing.
  std::string out_dir;
  /// Not 0: end the run cleanly with what is known.
  const volatile std::sig_atomic_t* stop = nullptr;
  RunCompanion* companion = nullptr;  // not 0: goes along
  /// Takes the log lines of drivers and guests, all levels, in place of log_level and stderr.
  LogTaker log;
};

/// Exit statuses of the program.
enum ExitStatus : int { kHeld = 0, kViolated = 1, kBadInput = 2, kInternal = 3 };

/// Builds both hosts, runs the scenario to its end and fills in the result.
/// @return an ExitStatus; kBadInput and kInternal come with result.error, one line
[[nodiscard]] int run_scenario(const Scenario& scenario, const RunOptions& options, Result& result);

}  // namespace vfsim::bench
