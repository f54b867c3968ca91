// Whether a device comes to rest, without a guess how long its work takes.
#pragma once

#include <cstdint>

namespace vfsim::bench {

/// Lets time pass until the device is at rest. What it was told to do may take long (a doorbell can
/// be 65,535 blocks ahead), but has to get less with every slice.
/// @param slice    lets a slice of time pass, longer than any single piece of work
/// @param at_rest  nothing is in flight
/// @param left     work that is left, any unit
/// @return false: a slice passed in which nothing of the work was done
template <class Slice, class AtRest, class Left>
[[nodiscard]] bool settles(Slice slice, AtRest at_rest, Left left) {
  slice();
  for (std::uint64_t before = left(); !at_rest();) {
    slice();
    const std::uint64_t now = left();
    if (now >= before && !at_rest()) {
      return false;
    }
    before = now;
  }
  return true;
}

}  // namespace vfsim::bench
