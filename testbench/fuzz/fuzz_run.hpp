// Runs many cases of doors in worker processes.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "firmware/interface/faults.h"
#include "testbench/fuzz/door.hpp"

namespace vfsim::bench {

struct FuzzOptions {
  std::uint64_t cases = 1000;
  std::uint64_t seed = 1;
  std::uint64_t first = 0;  // number of the first case
  unsigned jobs = 1;
  vf_fault_set faults{};
  double case_limit_s = 20;  // a case that takes longer hangs
  const volatile std::sig_atomic_t* stop = nullptr;
};

struct FuzzFinding {
  std::uint64_t number = 0;  // of the case
  std::string what;          // one line
  std::string output;        // of a worker that died
};

struct FuzzReport {
  std::string door;
  std::uint64_t cases = 0;  // that were run
  std::uint64_t accepted = 0;
  std::map<std::string, std::uint64_t> refused;  // by answer
  std::uint64_t findings = 0;
  std::vector<FuzzFinding> shown;  // the first of them, by number
  /// Of case numbers, answers and findings: equal for the same door, seed and cases, whatever
  /// `jobs`.
  std::uint64_t digest = 0;
};

/// Bytes of a case: a function of door, seed and number alone.
[[nodiscard]] CaseBytes fuzz_case(Door& door, std::string_view name, std::uint64_t seed,
                                  std::uint64_t number);

/// All cases of a door. They run in forked workers: one that dies or hangs is a finding of its
/// case, and the next worker goes on behind it. The caller must have one thread.
[[nodiscard]] FuzzReport fuzz_door(const DoorRow& door, const FuzzOptions& options);

/// The doors, in the order of doors.def.
[[nodiscard]] const std::vector<DoorRow>& door_table();
[[nodiscard]] const DoorRow* find_door(std::string_view name);
[[nodiscard]] std::string door_names();

}  // namespace vfsim::bench
