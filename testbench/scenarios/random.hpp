// Draws what [random] of a scenario leaves open.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {

/// Draws parameters, steps and a fault into the scenario and notes them in Scenario::drawn;
/// parameters set by --set keep their values. A draw that check() refuses is drawn again, up to
/// kMostDraws times: what check() demands is the constraint. False: none fits, `error` is one line.
///
/// The seed alone decides, on every machine: each value has a generator of its own
/// (std::mt19937_64, seeded from seed, number of the try and the value's name), so that a line more
/// in the file changes no other value.
[[nodiscard]] bool draw(Scenario& scenario, std::uint64_t seed, std::string& error);

inline constexpr std::uint32_t kMostDraws = 1000;
inline constexpr std::uint64_t kMostDrawnSteps = 1000;  // of one [[random.step]]

/// Uniform numbers with defined results; what draw() uses.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, const std::string& name);
  /// 0 .. n-1; n = 0: any 64 bits.
  std::uint64_t below(std::uint64_t n);
  /// 0 <= x < 1, a multiple of 2^-53.
  double fraction();

 private:
  std::mt19937_64 bits_;
};

}  // namespace vfsim::bench
