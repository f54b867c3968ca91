// The deliberate defects as a table of C++.
#pragma once

#include <string_view>

namespace vfsim::contract {

struct FaultRow {
  std::string_view name;
  std::string_view layer;
  std::string_view rule;
  std::string_view doc;
};

inline constexpr FaultRow kFaults[] = {
#define FAULT(name, layer, rule, doc) {#name, #layer, #rule, doc},
#include "firmware/interface/faults.def"
#undef FAULT
};

}  // namespace vfsim::contract
