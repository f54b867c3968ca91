// What a run is to draw. Needs no SystemC.
#pragma once

#include <string>

#include "waves/signal_table.hpp"
#include "waves/wave_span.hpp"

namespace vfsim::bench {

/// Files to write; "" none.
struct PictureOptions {
  std::string wave;  // FST file
  waves::GroupMask wave_groups = waves::shown_groups();
  waves::WaveSpan wave_span;
  std::string timeline;  // Chrome trace format
  std::string events;    // a JSON object a line
};

}  // namespace vfsim::bench
