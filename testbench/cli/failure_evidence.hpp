// What a regression leaves of its failing cases: a report page and waves of each.
#pragma once

#include <csignal>
#include <cstddef>
#include <string>

#include "testbench/regress/regression.hpp"

namespace vfsim::bench {

struct EvidenceOptions {
  std::string out_dir;  // of the regression
  unsigned jobs = 1;
  std::size_t most = 0;  // cases, the first ones
  const volatile std::sig_atomic_t* stop = nullptr;
};

/// Runs the failing cases that ended with a verdict once more, and writes of each, to
/// <out_dir>/failures/<scenario>_seed_<N>/ (files: and their case number): report.html, waves.fst
/// with the last 20 us before its first violation (every signal), and waves.gtkw. Fills in
/// CaseResult::evidence. Nothing is written while the regression runs, so passing cases pay
/// nothing.
/// @return lines about what went wrong: a case that did not repeat itself bit for bit, a file that
///         could not be written; "" if nothing did
[[nodiscard]] std::string keep_evidence(Regression& regression, const EvidenceOptions& options);

}  // namespace vfsim::bench
