// The part of a run that a wave file holds.
#pragma once

#include <cstdint>
#include <limits>

namespace vfsim::waves {

/// Simulated times in picoseconds. `last` leaves `from` and `to` without meaning.
struct WaveSpan {
  std::uint64_t from = 0;
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t last = 0;  // not 0: only as much before the end, or before the first mark
};

}  // namespace vfsim::waves
