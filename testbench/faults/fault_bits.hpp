// Sets of faults, for the parts that carry them out.
#pragma once

#include <initializer_list>
#include <memory>

#include "firmware/interface/faults.h"

namespace vfsim::bench {

/// The faults of a part; it is put in place only if one of them is asked for.
constexpr std::uint64_t fault_bits(std::initializer_list<enum vf_fault> faults) {
  std::uint64_t set = 0;
  for (const enum vf_fault fault : faults) {
    set |= std::uint64_t{1} << fault;
  }
  return set;
}

/// The part with a defect where there is one, else the real one.
template <class T, class Broken>
T& in_place_of(T& real, const std::unique_ptr<Broken>& broken) {
  return broken ? *broken : real;
}

}  // namespace vfsim::bench
