// What the quiesce gate is asked for over time: written by a generator, or captured from a run.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "systemc/nic/dma_gate.hpp"
#include "systemc/nic/nic_core.hpp"

namespace vfsim::bench {

/// Everything is in order of time.
struct GateStimulus {
  static constexpr model::Ps kLost = ~model::Ps{0};

  /// Requests as they come up, and how long each takes from its grant to its end.
  struct Read {
    model::Ps at = 0;
    model::Ps takes = 0;  // to the last completion
  };
  struct Posted {
    model::Ps at = 0;
    model::Ps takes = 0;  // to its landing
    model::GatePosted kind = model::GatePosted::write;
  };
  struct Function {
    std::vector<Read> reads;
    std::vector<Posted> posted;
  };
  enum class Action : std::uint8_t { close, work_ends, open, reset, link_stops, link_goes };
  struct Event {
    model::Ps at = 0;
    Action action = Action::close;
    std::uint8_t fn = 0;
  };

  std::vector<Function> functions;
  std::vector<Event> events;
};

}  // namespace vfsim::bench
