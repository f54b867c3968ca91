// A regression as a page for browsers.
#pragma once

#include <string>

#include "testbench/regress/trend.hpp"

namespace vfsim::bench {

/// One HTML file without scripts, which needs nothing else: verdict, failing cases with their
/// replay commands, scenarios with a cell per seed, rules, coverage. Opens offline, on a phone, in
/// print, and where a CI server forbids scripts.
/// @param trend  against an earlier regression; nullptr: none
/// @param root   how the page reaches the folder of the regression ("", "out/nightly/"): what
/// stands
///               in front of links to evidence
[[nodiscard]] std::string index_page(const Regression& regression, const Trend* trend,
                                     const std::string& root);

}  // namespace vfsim::bench
