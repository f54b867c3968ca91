// Every bit position of the contract against the list of the device's layouts.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "firmware/interface/facts_reader.hpp"
#include "firmware/interface/tables.hpp"

namespace vfsim::contract {
namespace {

using Key = std::pair<std::string, std::string>;

std::map<Key, FieldRow> field_index() {
  std::map<Key, FieldRow> index;
  for (const FieldRow& f : kFields) {
    EXPECT_TRUE(index.emplace(Key{f.layout, f.name}, f).second)
        << f.layout << "." << f.name << " is there twice";
  }
  return index;
}

void drop(std::string& text, const std::string& part) {
  if (const auto at = text.find(part); at != std::string::npos) {
    text.erase(at, part.size());
  }
}

/// Name in the tables of a field of the facts: "pas[0].pa_h" is pas_0_pa_h, "vsd[208](8b each)" is
/// vsd.
std::string table_name(std::string field) {
  drop(field, "(8b each)");
  drop(field, "(32b each)");
  if (!field.empty() && field.back() == ']') {
    const auto open = field.rfind('[');
    if (field.size() - open > 3) {  // two digits and more: the size of an array, not an index
      field.erase(open);
    }
  }
  std::string name;
  for (const char c : field) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (!name.empty() && name.back() == '_') {
    name.pop_back();
  }
  return name;
}

/// Why a row of the facts has no row in the tables; "" if it must have one.
std::string not_in_tables(const std::string& field) {
  if (field.find("..") != std::string::npos) {
    return "rest of an array whose first element has a row";
  }
  if (field.find("execute_aso") != std::string::npos) {
    return "the device offers no asynchronous steering objects";
  }
  return "";
}

struct Coverage {
  int covered = 0, reserved = 0, excused = 0;
};

Coverage check(const std::string& file) {
  const auto index = field_index();
  Coverage count;
  for (const CsvRow& row : read_csv(file)) {
    if (row[1] == "(reserved)" || row[1] == "(not listed)") {
      ++count.reserved;
      continue;
    }
    if (!not_in_tables(row[1]).empty()) {
      ++count.excused;
      continue;
    }
    const auto at = index.find({row[0], table_name(row[1])});
    if (at == index.end()) {
      ADD_FAILURE() << file << ": " << row[0] << "." << row[1] << " is not in the tables";
      continue;
    }
    EXPECT_EQ(at->second.offset, std::stoul(row[2])) << row[0] << "." << row[1];
    EXPECT_EQ(at->second.width, std::stoul(row[3])) << row[0] << "." << row[1];
    const LayoutRow* layout = find_layout(at->second.layout);
    EXPECT_TRUE(layout != nullptr && layout->bytes == std::stoul(row[7])) << row[0];
    ++count.covered;
  }
  return count;
}

TEST(Layout, AgreesWithDeviceFacts) {
  const Coverage c = check("mlx5_layouts.csv");
  EXPECT_EQ(c.covered, 865);
  EXPECT_EQ(c.excused, 4);
  RecordProperty("covered", c.covered);
}

TEST(Layout, AgreesWithEthernetFacts) {
  const Coverage c = check("mlx5_layouts_ethernet.csv");
  EXPECT_EQ(c.covered, 787);
  EXPECT_EQ(c.excused, 19);
  RecordProperty("covered", c.covered);
}

TEST(Layout, EveryFieldHasItsLayoutAndRoom) {
  for (const FieldRow& f : kFields) {
    const LayoutRow* layout = find_layout(f.layout);
    ASSERT_NE(layout, nullptr) << f.layout;
    if (f.offset < layout->bytes * 8) {  // at or past the end: trailing list
      EXPECT_LE(f.offset + f.width, layout->bytes * 8) << f.layout << "." << f.name;
    }
  }
}

TEST(Layout, FieldAccessKeepsNeighbours) {
  for (const FieldRow& f : kFields) {
    if (f.blob || f.offset + f.width > 8U * 4112) {
      continue;
    }
    std::uint8_t bytes[4112];
    for (const unsigned fill : {0x00U, 0xffU}) {
      std::fill(std::begin(bytes), std::end(bytes), static_cast<std::uint8_t>(fill));
      const std::uint64_t all = f.width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << f.width) - 1;
      const std::uint64_t value = fill == 0 ? all : 0;
      vf_field_set(bytes, f.offset, f.width, value);
      ASSERT_EQ(vf_field_get(bytes, f.offset, f.width), value) << f.layout << "." << f.name;
      unsigned changed = 0;
      for (const std::uint8_t b : bytes) {
        changed += static_cast<unsigned>(__builtin_popcount(b ^ fill));
      }
      ASSERT_EQ(changed, f.width) << f.layout << "." << f.name;
    }
  }
}

TEST(Layout, CommandSizesAreThoseOfTheLayouts) {
  int found = 0;
  for (const OpcodeRow& op : kOpcodes) {
    std::string stem;
    for (const char c : op.name) {
      stem += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (const LayoutRow* in = find_layout(stem + "_in")) {
      EXPECT_LE(op.in_bytes, in->bytes) << stem;
      ++found;
    }
    if (const LayoutRow* out = find_layout(stem + "_out")) {
      EXPECT_LE(op.out_bytes, out->bytes) << stem;
    }
  }
  EXPECT_GT(found, 50);
}

}  // namespace
}  // namespace vfsim::contract
