// How long a SUSPEND may take (rule Q7), and how long held work may wait after a RESUME (rule Q3),
// from configuration and load.
//
// clang-format off
//   bound    = doorbell + firmware + commands + drain + turns + answer
//   doorbell = its time on the bus
//   firmware = 3 S (4 S) + R             doorbell, entry, (the VF's commands ended,) drained; R: the entry
//   commands = (transfers of the VF's running commands) * (R + turn_r + S)
//   drain    = initiator: doorbell_ns + wqe_ns + 2 R + 4 translation_ns + frames * F + W + L
//              responder: W + L
//   turns    = reads * turn_r + writes * turn_w     of VF and PF: outstanding at the doorbell, or sent since
//   answer   = W
//
//   L        one way of the link; every write is confirmed to the device one L after it landed
//   R, W     slowest read / write of VF and PF that the bus showed meanwhile, the answer among them, at least
//            2 L + memory / L + memory: queues, credits, a slow host and a retrain of the link are in there, and
//            none is the device's fault
//   S        a firmware step: fw_step + registers * fw_register + transfers * fw_dma_start, where registers and
//            transfers follow from functions and commands in work; what comes during a step waits for its end
//   F        longest frame on the line; frames: those that left the port meanwhile, of all functions
//   turn_r   the arbiter gives each function that has something one TLP in turn, so n functions cost n TLPs:
//            n * max(link time of the data, R shared by the reads that tags and credits allow at a time);
//   turn_w   alike
// clang-format on
//
// Where tags or credits were used up, each stage may wait for one to come back: R or W once more.
// Reads, writes and frames count at most up to what the device can have in work, so a drain that
// goes on for ever is not excused. docs/decisions/0007-quiesce-bound.md has the reasons.
#pragma once

#include "systemc/nic/dma_gate.hpp"
#include "testbench/checkers/check_context.hpp"

namespace vfsim::bench {

/// What the bus showed between the doorbell of a SUSPEND and its acknowledgement.
struct QuiesceLoad {
  bool initiator = true;
  model::Ps travel = 0;         // of the doorbell
  model::Ps read = 0;           // slowest of VF and PF, 0 if there was none
  model::Ps write = 0;          // the same
  std::uint64_t reads = 0;      // of VF and PF
  std::uint64_t writes = 0;     // the same
  std::uint64_t frames = 0;     // that left the port
  std::uint32_t functions = 1;  // that used the bus
  std::uint32_t commands = 1;   // most in work at a time, all functions
  std::uint32_t transfers =
      0;                      // one after the other, of the longest command that the VF had running
  std::uint32_t longest = 0;  // the same of any command so far
  std::uint32_t resets = 0;   // of other functions
  bool read_limit = false;    // tags or non-posted credits were nearly used up
  bool write_limit = false;   // posted credits were
};

[[nodiscard]] model::Ps quiesce_bound(const CheckContext& context, const QuiesceLoad& load);

/// From the acknowledgement of RESUME to the fetch of a send queue's held work, or to the event of
/// an armed completion queue that has entries.
///
///   bound    = turns * 2 R + R + reads * turn_r + writes * turn_w + frames * F + W + stages
///   turns    = of the send contexts, until each rival has fetched what a turn takes: a context is
///              busy for two reads, entry and payload, and until its frame has left the port
///   reads    = of the function, if there are rivals: without them the work is its first read
///   writes   = of the function, before an event
///   frames   = as above, at most those of all fetches and contexts that can be before it
///   stages   = of the pipeline: doorbell, decoding, translation
///
/// @param load    what the bus showed since RESUME was submitted; R: the slowest read of any
///                function, as it holds contexts. What only a SUSPEND has is ignored
/// @param rivals  other send queues that may have had their turn before
[[nodiscard]] model::Ps held_work_bound(const CheckContext& context, const QuiesceLoad& load,
                                        std::uint64_t rivals);

/// Reads of one function / writes of all functions at a time that tags and credits allow.
[[nodiscard]] std::uint64_t reads_at_a_time(const CheckContext& context);
[[nodiscard]] std::uint64_t writes_at_a_time(const CheckContext& context);

}  // namespace vfsim::bench
