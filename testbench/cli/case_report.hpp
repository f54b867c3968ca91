// The report page of a run, from what the run was asked for.
#pragma once

#include <string>

#include "testbench/report/result.hpp"
#include "testbench/report/story.hpp"
#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {

/// Writes the page. False: `error` is one line.
/// @param replay  command line that gives the same run
[[nodiscard]] bool write_report(const std::string& path, const std::string& replay, Scenario& scenario,
                                const Result& result, const Story& story, std::string& error);

}  // namespace vfsim::bench
