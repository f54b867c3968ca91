// Reads [random] of a scenario file.
#pragma once

#include <string>
#include <toml++/toml.h>

#include "testbench/scenarios/random_section.hpp"

namespace vfsim::bench {

/// A scalar as the text that set_param() and set_option() take; false: it is none.
[[nodiscard]] bool scalar_text(const toml::node& node, std::string& text);

/// Checks what can be known before drawing: names, values against what takes them, ranges that name
/// each other. False: `error` is one line, "file:line:column: what is wrong; what is allowed".
[[nodiscard]] bool read_random(const toml::node& node, const std::string& path,
                               RandomSection& section, std::string& error);

}  // namespace vfsim::bench
