#include "testbench/cli/image_view.hpp"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <map>
#include <utility>
#include <vector>

#include "firmware/core/image.h"
#include "firmware/interface/tables.hpp"
#include "testbench/checkers/image_text.hpp"
#include "testbench/cli/image_file.hpp"
#include "testbench/runner/runner.hpp"
#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {
namespace {

using Bytes = ImageBytes;

/// What follows the fixed part of a payload.
std::size_t fixed_bytes(const fw_image_record& r) {
  const std::uint32_t fixed =
      r.kind >= 0 ? fw_image_kind_info(static_cast<unsigned>(r.kind))->fixed : 0;
  return fixed < r.bytes ? fixed : r.bytes;
}

bool same_payload(const fw_image_record& a, const fw_image_record& b) {
  return a.bytes == b.bytes && a.tombstone == b.tombstone &&
         std::equal(a.payload, a.payload + a.bytes, b.payload);
}

struct FieldChange {
  std::string_view name;
  std::string before, after;
};

std::vector<FieldChange> changed_fields(std::string_view layout, const std::uint8_t* before,
                                        std::size_t bytes_before, const std::uint8_t* after,
                                        std::size_t bytes_after) {
  std::map<std::string_view, std::string> old;
  each_image_field(layout, before, bytes_before,
                   [&](const auto& field, const std::string& text) { old[field.name] = text; });
  std::vector<FieldChange> changes;
  each_image_field(layout, after, bytes_after, [&](const auto& field, const std::string& text) {
    if (old[field.name] != text) {
      changes.push_back({field.name, old[field.name], text});
    }
  });
  return changes;
}

void print(const std::vector<FieldChange>& changes) {
  for (const FieldChange& change : changes) {
    fmt::print("    {:<26} {} -> {}\n", change.name, change.before, change.after);
  }
}

/// What the headers say of the images themselves; not what follows from their records.
std::vector<FieldChange> changed_header(const Bytes& a, const Bytes& b) {
  auto changes = changed_fields("image_header", a.data(), a.size(), b.data(), b.size());
  const auto follows = [](const FieldChange& change) {
    return has_name("total_bytes header_crc image_id records", change.name);
  };
  changes.erase(std::remove_if(changes.begin(), changes.end(), follows), changes.end());
  return changes;
}

void print_changes(const fw_image_record& a, const fw_image_record& b) {
  print(changed_fields(record_layout(a), a.payload, a.bytes, b.payload, b.bytes));
  const std::size_t fixed_a = fixed_bytes(a);
  const std::size_t fixed_b = fixed_bytes(b);
  if (a.bytes - fixed_a != b.bytes - fixed_b ||
      !std::equal(a.payload + fixed_a, a.payload + a.bytes, b.payload + fixed_b)) {
    fmt::print("    list: {} bytes -> {} bytes\n", a.bytes - fixed_a, b.bytes - fixed_b);
  }
}

}  // namespace

int image_inspect(const std::string& path, bool fields) {
  Bytes image;
  if (!read_image(path, image)) {
    return kBadInput;
  }
  fmt::print("{}: {} bytes\n{}\n", path, image.size(),
             image_text(image.data(), image.size(), fields));
  return kHeld;
}

int image_diff(const std::string& before, const std::string& after) {
  Bytes a;
  Bytes b;
  if (!read_image(before, a) || !read_image(after, b)) {
    return kBadInput;
  }
  const auto in_a = image_records(a.data(), a.size());
  const auto in_b = image_records(b.data(), b.size());
  int different = kHeld;
  if (const auto changes = changed_header(a, b); !changes.empty()) {
    fmt::print("~ header\n");
    print(changes);
    different = kViolated;
  }
  for (const auto& [key, r] : in_a) {
    const auto at = in_b.find(key);
    if (at == in_b.end()) {
      fmt::print("- {} 0x{:x}\n", record_name(r), r.number);
      different = kViolated;
    } else if (!same_payload(r, at->second)) {
      fmt::print("~ {} 0x{:x}\n", record_name(r), r.number);
      print_changes(r, at->second);
      different = kViolated;
    }
  }
  for (const auto& [key, r] : in_b) {
    if (in_a.count(key) == 0) {
      fmt::print("+ {} 0x{:x}\n", record_name(r), r.number);
      different = kViolated;
    }
  }
  if (different == kHeld) {
    fmt::print("equal: {} records\n", in_a.size());
  }
  return different;
}

}  // namespace vfsim::bench
