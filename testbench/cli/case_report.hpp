// The report page of a run, from what the run was asked for.
#pragma once

#include <string>

#include "testbench/report/result.hpp"
#include "testbench/report/story.hpp"
#include "testbench/scenarios/prepare.hpp"
#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {

/// Writes the page. False: `error` is one line.
[[nodiscard]] bool write_report(const std::string& path, const RunRequest& what, Scenario& scenario,
                                const Result& result, const Story& story, std::string& error);

}  // namespace vfsim::bench
