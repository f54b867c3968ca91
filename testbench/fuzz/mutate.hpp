// What generators of hostile bytes share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "testbench/fuzz/door.hpp"

namespace vfsim::bench {

/// A number below `count`; 0 if count is 0.
inline std::uint64_t below(CaseRandom& random, std::uint64_t count) {
  return count == 0 ? 0 : random() % count;
}
/// True in `percent` of the cases.
inline bool chance(CaseRandom& random, std::uint32_t percent) {
  return random() % 100 < percent;
}

/// A value where mistakes live: 0, 1, limits, a neighbour or a flipped bit of `old`, anything.
inline std::uint64_t odd_value(CaseRandom& random, std::uint64_t old, std::uint32_t width) {
  const std::uint64_t most = width >= 64 ? ~0ULL : (1ULL << width) - 1;
  const std::uint64_t choices[] = {0,
                                   1,
                                   most,
                                   most - 1,
                                   most / 2 + 1,
                                   old + 1,
                                   old - 1,
                                   old ^ (1ULL << below(random, std::min(width, 64U))),
                                   1ULL << below(random, std::min(width, 64U)),
                                   random() & 0xff,
                                   random()};
  return choices[below(random, std::size(choices))] & most;
}

inline void flip_bit(CaseRandom& random, CaseBytes& bytes) {
  if (!bytes.empty()) {
    bytes[below(random, bytes.size())] ^= static_cast<std::uint8_t>(1U << below(random, 8));
  }
}

/// One change without knowledge of the format: bits, a byte, cut, more bytes, a piece moved,
/// doubled or taken out.
void spoil(CaseRandom& random, CaseBytes& bytes);

}  // namespace vfsim::bench
