// What a NIC asked of its command doorbells and of its key walker in a run, step by step: written
// by BlockRecorder, read by whoever plays it into other implementations. A file has one JSON object
// a line: {"t_ps":..,"block":"A.cmd_doorbell","do":"ring","fn":1,"value":4}
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "systemc/common/calendar.hpp"
#include "systemc/nic/mkey_walker.hpp"

namespace vfsim::bench {

/// One call of model::CmdDoorbell.
struct DoorbellStep {
  enum class Do : std::uint8_t {
    ring,
    hold,
    reset,
    take,
    done,
    set,
    clear,
    room,
    offer,
    pending,
    owned,
    count
  };
  static constexpr std::uint32_t kNone = ~0U;  // offer: there is none

  model::Ps t = 0;
  Do what = Do::ring;
  std::uint32_t fn = 0;
  /// ring, set, clear: slots. hold: 0 or 1. take, done: the slot. room: 0 none, 1 the last, 2 any.
  /// offer, pending, owned: the answer.
  std::uint32_t value = 0;
};

/// One call of model::MkeyWalker, or its answer. Answers come in the order of the walks.
struct WalkerStep {
  enum class Do : std::uint8_t { walk, answer, keys, entries, count };

  model::Ps t = 0;
  Do what = Do::walk;
  model::WalkRequest request;
  model::WalkAnswer answer;
  // keys, entries: what was announced, and what it is now.
  std::uint32_t fn = 0;
  std::uint32_t first = 0;
  std::vector<std::string> keys;  // hw_mkey records (firmware/interface/hw_layouts.def), hex digits
  std::vector<std::uint64_t> entries;
};

/// @param block  "A.cmd_doorbell"
[[nodiscard]] std::string to_line(const std::string& block, const DoorbellStep& step);
/// @param block  "A.mkey_walker"
[[nodiscard]] std::string to_line(const std::string& block, const WalkerStep& step);

[[nodiscard]] const char* to_string(DoorbellStep::Do what);

/// The steps of one block, in the order of the file; lines of other blocks are passed over.
[[nodiscard]] std::vector<DoorbellStep> doorbell_steps(std::istream& file,
                                                       const std::string& block);
[[nodiscard]] std::vector<WalkerStep> walker_steps(std::istream& file, const std::string& block);

}  // namespace vfsim::bench
