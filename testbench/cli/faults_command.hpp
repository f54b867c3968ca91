// vfsim faults: runs the catalogue of defects, and shows that each is caught by its rule.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vfsim::bench {

struct FaultsCommand {
  std::vector<std::string> names;  // empty: all, and each rule must have its faults
  unsigned jobs = 0;               // 0: one per processor
  std::string json;
  std::uint64_t seed = 1;
};

/// Prints the table, or one line about what is wrong with the input. Ctrl-C ends it with what is
/// known, which then counts as not caught.
/// @return an ExitStatus; kViolated: a fault escaped, was caught only by another rule, hung or
/// crashed, or a rule has too few
[[nodiscard]] int faults_command(const FaultsCommand& command);

}  // namespace vfsim::bench
