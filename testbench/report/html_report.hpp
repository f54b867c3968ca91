// The report page: one HTML file that needs nothing else.
#pragma once

#include <string>
#include <vector>

#include "testbench/report/result.hpp"
#include "testbench/report/story.hpp"

namespace vfsim::bench {

/// A parameter of the run as the page lists it.
struct ReportParam {
  std::string key;       // "nic.vfs"
  std::string value;     // with unit
  bool changed = false;  // it is not the default
};

/// The page: verdict, violations with the observations around them, migrations with what the
/// downtime was spent on, DMA around each quiesce, sequence chart, rules, packets, parameters.
/// Styles, script and data are inside; it opens offline, on a phone and in print.
/// @param replay  the command that repeats the run
[[nodiscard]] std::string html_report(const Result& result, const Story& story,
                                      const std::vector<ReportParam>& params,
                                      const std::string& replay);

}  // namespace vfsim::bench
