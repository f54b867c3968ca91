// Opcodes, statuses and other value sets against the device's lists.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "firmware/interface/facts_reader.hpp"
#include "firmware/interface/tables.hpp"

namespace vfsim::contract {
namespace {

/// Value set of enums.def that holds a kind of the facts.
const std::map<std::string, std::string> kSets = {
    {"outbox_status", "STATUS"},
    {"delivery_status", "DELIVERY"},
    {"event_type", "EVENT"},
    {"suspend_op_mod", "SUSPEND"},
    {"resume_op_mod", "RESUME"},
    {"migration_state", "MIGRATION_STATE"},
    {"page_track_state", "PAGE_TRACK"},
    {"mkc_access_mode", "MKC_MODE"},
    {"general_object_type", "OBJ_TYPE"},
    {"vfio_device_mig_state", "MIG"},
    {"vfio_migration_flag", "MIG_FLAG"},
};

/// "SUSPEND_INITIATOR(master)" of set SUSPEND is INITIATOR; KLMS is our KLM.
std::string table_name(const std::string& set, std::string name) {
  name.erase(std::min(name.find('('), name.size()));
  if (name.rfind(set + "_", 0) == 0) {
    name.erase(0, set.size() + 1);
  }
  return name == "KLMS" ? "KLM" : name;
}

/// Access modes of memory on the device itself, which this device does not have.
bool not_offered(const std::string& kind, const std::string& name) {
  return kind == "mkc_access_mode" && (name == "SW_ICM" || name == "MEMIC");
}

TEST(Enums, AgreeWithDeviceFacts) {
  int opcodes = 0;
  int values = 0;
  int excused = 0;
  for (const CsvRow& row : read_csv("mlx5_enums.csv")) {
    const auto value = static_cast<std::uint32_t>(std::stoul(row[2], nullptr, 16));
    if (row[0] == "opcode") {
      EXPECT_EQ(opcode_name(value), row[1]);
      ++opcodes;
    } else if (not_offered(row[0], row[1])) {
      ++excused;
    } else {
      ASSERT_EQ(kSets.count(row[0]), 1U) << "unknown kind " << row[0];
      const std::string& set = kSets.at(row[0]);
      EXPECT_EQ(enum_name(set, value), table_name(set, row[1])) << row[0];
      ++values;
    }
  }
  EXPECT_EQ(opcodes, 50);
  EXPECT_EQ(excused, 2);
  EXPECT_EQ(opcodes + values + excused, 123);
}

/// The errno that a status becomes is the doc column of both sets.
TEST(Enums, StatusErrnoAgrees) {
  for (const CsvRow& row : read_csv("mlx5_enums.csv")) {
    if (row[0] != "outbox_status" && row[0] != "delivery_status") {
      continue;
    }
    for (const EnumRow& e : kEnums) {
      if (e.set == kSets.at(row[0]) && e.value == std::stoul(row[2], nullptr, 16)) {
        EXPECT_EQ(e.doc, row[3].substr(0, row[3].find(' '))) << row[1];
      }
    }
  }
}

TEST(Enums, NumbersAreUnique) {
  std::set<std::uint32_t> opcodes;
  for (const OpcodeRow& row : kOpcodes) {
    EXPECT_TRUE(opcodes.insert(row.value).second) << row.name;
  }
  std::set<std::uint32_t> syndromes;
  for (const NamedRow& row : kSyndromes) {
    EXPECT_TRUE(syndromes.insert(row.value).second) << row.name;
  }
  std::map<RegKind, std::set<std::uint32_t>> offsets;
  for (const RegRow& row : kRegs) {
    if (row.kind == RegKind::global || row.kind == RegKind::function) {
      EXPECT_TRUE(offsets[row.kind].insert(row.value).second) << row.name;
      EXPECT_EQ(row.value % 4, 0U) << row.name;
    }
  }
}

}  // namespace
}  // namespace vfsim::contract
