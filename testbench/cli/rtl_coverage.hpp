// Cover properties of RTL blocks over many runs: collected by verilator_coverage.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace vfsim::bench {

/// What regressions leave in their folder.
inline constexpr const char* kRtlCoverage = "/rtl_coverage.dat";

/// The file of one run, in the folder of the regression.
[[nodiscard]] std::string rtl_coverage_part(const std::string& folder, std::size_t run);

/// Sums the files of all runs into one with verilator_coverage, and removes them. False: `error` is
/// one line.
[[nodiscard]] bool sum_rtl_coverage(const std::string& folder, std::string& error);

/// Sums what regressions left in `folders` into one file of that name in `out`; folders without one
/// are passed over, and without any there is nothing. False: `error` is one line.
[[nodiscard]] bool merge_rtl_coverage(const std::vector<std::string>& folders,
                                      const std::string& out, std::string& error);

/// For a terminal: block, property, how often it was met, those never met first. "" without the
/// file.
[[nodiscard]] std::string rtl_coverage_table(const std::string& file);

}  // namespace vfsim::bench
