// Apart from fuzz_run.cpp, so that tests and libFuzzer targets link the doors that they name.
#include <algorithm>

#include "testbench/fuzz/fuzz_run.hpp"

namespace vfsim::bench {

const std::vector<DoorRow>& door_table() {
  static const std::vector<DoorRow> rows = {
#define DOOR(name, weight, takes, doc) {#name, weight, takes, doc, make_##name##_door},
#include "testbench/fuzz/doors.def"
#undef DOOR
  };
  return rows;
}

const DoorRow* find_door(std::string_view name) {
  const auto& rows = door_table();
  const auto at =
      std::find_if(rows.begin(), rows.end(), [&](const DoorRow& r) { return r.name == name; });
  return at == rows.end() ? nullptr : &*at;
}

std::string door_names() {
  std::string names;
  for (const DoorRow& row : door_table()) {
    names += (names.empty() ? "" : " ") + std::string(row.name);
  }
  return names;
}

}  // namespace vfsim::bench
