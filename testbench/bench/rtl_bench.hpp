// How fast verilated blocks are, alone and as parts of the simulation.
#pragma once

#include "testbench/bench/measure.hpp"

namespace vfsim::bench {

/// The command doorbells under a stream of rings, takes and ends, as fast as it takes them.
/// @param alone  the verilated class in a loop; false: behind the interface of the model, clocked
/// by the calendar
/// @returns "cycles_per_s" (per CPU second)
[[nodiscard]] Figures measure_clocked(bool alone, std::uint64_t orders);

}  // namespace vfsim::bench
