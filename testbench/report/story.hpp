// What a run was like: what the report page shows beside the result.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

/// One look at a function's DMA.
struct DmaSample {
  model::Ps t = 0;
  std::uint32_t reads = 0;   // outstanding, without their last completion
  std::uint32_t writes = 0;  // memory writes sent and not landed
};

/// One SUSPEND as initiator, with the function's DMA around it.
struct Drain {
  model::FnRef who;
  model::Ps asked = 0;
  model::Ps answered = 0;     // 0: no answer until the end of the run
  bool refused = false;       // the answer was not OK
  std::uint64_t dropped = 0;  // samples beyond StoryRecorder::kSamples
  std::vector<DmaSample> samples;
};

enum class StoryKind : std::uint8_t {
  command,    // submitted; `end` is when its completion was in memory (0: never)
  arc,        // one arc of the migration state machine
  set_state,  // SET_STATE returned to user space
  vcpu,
  phase,
  reset,
  stream,  // descriptor reads or writes, neighbours taken together
};

/// A step of the story: one line of the sequence chart.
struct StoryStep {
  StoryKind kind = StoryKind::command;
  model::FnRef who;  // command: whose queue; otherwise the VF
  model::Ps t = 0;
  model::Ps end = 0;
  std::string text;    // opcode, state, phase, ...
  std::string detail;  // target, status, bytes, error
  bool failed = false;
  std::uint32_t guest = 0;  // vcpu, phase
  std::uint64_t tlps = 0;   // of VFs, since the step before: requests and interrupts they sent
};

/// A violation with the observations around it, as JSON lines of the event log.
struct StoryViolation {
  std::uint64_t first = 0;  // number of the first of `events` in the log
  std::uint64_t at = 0;     // number of the event that made the rule speak, or of the next one
  bool observed = true;     // it was that event
  std::string blame;        // not observed: kind of the newest event before it that is to blame
  std::vector<std::string> events;
};

struct Story {
  std::vector<Drain> drains;
  std::uint64_t drains_left_out = 0;
  std::vector<StoryStep> steps;  // during migrations only
  std::uint64_t steps_left_out = 0;
  std::vector<StoryViolation> violations;  // in the order of the log of violations
};

}  // namespace vfsim::bench
