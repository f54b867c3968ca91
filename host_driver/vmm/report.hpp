// What a migration did, as one side saw it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

struct MigrationPhase {
  std::string name;
  Nanoseconds begin{0}, end{0};
};

struct MigrationReport {
  std::vector<MigrationPhase> phases;
  std::uint64_t downtime_ns =
      0;  // source: vCPUs stopped here until they ran there (both hosts share a clock)
  std::uint64_t state_bytes = 0;     // device stream bytes sent or taken
  std::uint64_t memory_bytes = 0;    // page bytes sent or taken
  std::uint64_t pages = 0;           // pages, repeated ones too, zero pages too
  std::uint32_t precopy_rounds = 0;  // rounds that sent something while the guest ran
  /// "completed"; source: "rolled_back" (runs again, nothing lost), "cancelled" (the same, by
  /// cancel()), "reset" (a device had to be reset to run again), "lost" (a device is gone: the
  /// guest runs without it), "unknown" (told the destination to run, heard nothing: stays stopped);
  /// destination: "cleaned" (devices reset, guest not started), "reset" and "lost" (the guest runs
  /// here, as above: the source says "completed").
  std::string outcome;
  Error error{0, 0, 0, 0, ""};  // why it did not complete; code 0 when it did
  std::string failed_step;      // name in vmm_steps.def
};

}  // namespace vfsim::driver
