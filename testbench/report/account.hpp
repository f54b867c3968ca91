// The account that a run prints at its end.
#pragma once

#include <string>

#include "testbench/report/result.hpp"

namespace vfsim::bench {

/// At most 40 lines of ASCII: migrations with their phases, what the oracle counted, what the rules
/// saw, the verdict. `wire`: frames on it too, since others send some of which the oracle is not told.
[[nodiscard]] std::string account(const Result& result, bool wire = false);

/// "1.234 ms", "56 us": a duration with a unit that fits.
[[nodiscard]] std::string duration(std::uint64_t ns);
/// "4.2 MiB": a size with a unit that fits.
[[nodiscard]] std::string size(std::uint64_t bytes);

}  // namespace vfsim::bench
