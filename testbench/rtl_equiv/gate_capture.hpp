// A stimulus of the quiesce gate from the event log of a run.
#pragma once

#include <iosfwd>
#include <string>

#include "testbench/rtl_equiv/gate_stimulus.hpp"

namespace vfsim::bench {

/// What the NIC of one host asked of its gate: its TLPs as they came to the link, with the time
/// that the host took for each; the gates as SUSPEND and RESUME of the initiator closed and opened
/// them; resets. Pauses are cut to 20 us.
/// @param log   as `vfsim run --events` writes it
/// @param host  "A" or "B"
[[nodiscard]] GateStimulus capture_gate(std::istream& log, const std::string& host);

}  // namespace vfsim::bench
