// `vfsim fuzz`: hostile bytes for every door.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vfsim::bench {

struct FuzzCommand {
  std::string door = "all";  // doors.def, or all
  std::uint64_t cases = 10000;
  std::uint64_t seed = 1;
  std::string number;                // run this case only
  std::string bytes;                 // run the bytes of this file only
  unsigned jobs = 0;                 // 0: one per processor
  std::string out_dir = "fuzz-out";  // bytes of findings; made when there is one
  std::vector<std::string> faults;
};

/// Prints a row per door, the digest, and for each finding how to replay it.
/// @return ExitStatus; kViolated if there is a finding
int fuzz_command(const FuzzCommand& command);

}  // namespace vfsim::bench
