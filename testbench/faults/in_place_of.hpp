// A decorator with a defect, where one is asked for.
#pragma once

#include <memory>

namespace vfsim::bench {

/// The part with a defect where there is one, else the real one.
template <class T, class Broken>
T& in_place_of(T& real, const std::unique_ptr<Broken>& broken) {
  return broken ? *broken : real;
}

}  // namespace vfsim::bench
