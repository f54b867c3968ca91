// A door of the product that takes bytes from outside, with a generator of hostile cases and a
// judge.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/interface/faults.h"

namespace vfsim::bench {

using CaseBytes = std::vector<std::uint8_t>;
using CaseRandom = std::mt19937_64;

/// What a door said to one case, and what the judge says of that.
struct DoorOutcome {
  bool accepted = false;
  std::string answer;   // "OK", or the reason of the refusal by its name in the tables
  std::string finding;  // "" or what is wrong, one line
};

/// Cases do not see each other: run() of the same bytes has the same outcome at any time.
class Door {
 public:
  virtual ~Door() = default;
  /// The bytes of one case; all that is random comes from `random`.
  [[nodiscard]] virtual CaseBytes make(CaseRandom& random) = 0;
  /// Gives the bytes to the product. Any bytes are allowed, not only those of make().
  [[nodiscard]] virtual DoorOutcome run(const CaseBytes& bytes) = 0;
  /// Real inputs to begin with, for a libFuzzer corpus.
  [[nodiscard]] virtual std::vector<CaseBytes> seeds() { return {}; }
};

/// Row of doors.def.
struct DoorRow {
  std::string_view name;
  std::uint32_t weight;  // thousandths of all cases
  std::string_view takes;
  std::string_view doc;
  std::unique_ptr<Door> (*make)(vf_fault_set faults);
};

/// One maker per row. `faults`: deliberate defects, VF_FAULT_* set, for doors of a device.
#define DOOR(name, weight, takes, doc) \
  [[nodiscard]] std::unique_ptr<Door> make_##name##_door(vf_fault_set faults);
#include "testbench/fuzz/doors.def"
#undef DOOR

}  // namespace vfsim::bench
