#include "testbench/checkers/image_compare.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kEndType = 0xffff;

const char* record_name(std::uint32_t type) {
  switch (type) {
#define IMAGE_RECORD(name, number, layout, base, count, list, doc) \
  case number:                                                     \
    return #name;
#include "firmware/interface/image_records.def"
#undef IMAGE_RECORD
    default:
      return "record";
  }
}

/// The header with its volatile fields zeroed.
std::vector<std::uint8_t> plain_header(const ImageView& image) {
  std::vector<std::uint8_t> header(image.bytes, image.bytes + VF_BYTES(image_header));
  VF_SET(image_header, header.data(), header_crc, 0);
  VF_SET(image_header, header.data(), sequence, 0);
  VF_SET(image_header, header.data(), image_id, 0);
  VF_SET(image_header, header.data(), base_id, 0);
  return header;
}

struct Record {
  std::uint32_t type = 0;
  std::uint32_t number = 0;
  const std::uint8_t* bytes = nullptr;
  std::size_t count = 0;
};

/// Record at `at`; a count of 0 where the image does not hold one.
Record record_at(const ImageView& image, std::size_t at) {
  if (at + VF_BYTES(image_record) > image.count) {
    return {};
  }
  const std::uint8_t* head = image.bytes + at;
  const std::size_t count =
      VF_BYTES(image_record) + static_cast<std::size_t>(VF_GET(image_record, head, bytes));
  if (at + count > image.count) {
    return {};
  }
  return {static_cast<std::uint32_t>(VF_GET(image_record, head, type)),
          static_cast<std::uint32_t>(VF_GET(image_record, head, number)), head, count};
}

std::string record_difference(const Record& a, const Record& b) {
  if (a.type != b.type || a.number != b.number) {
    return fmt::format("{} {:#x} against {} {:#x}", record_name(a.type), a.number,
                       record_name(b.type), b.number);
  }
  if (a.count != b.count) {
    return fmt::format("{} {:#x}: {} bytes against {}", record_name(a.type), a.number, a.count,
                       b.count);
  }
  const auto at = std::mismatch(a.bytes, a.bytes + a.count, b.bytes).first - a.bytes;
  return static_cast<std::size_t>(at) == a.count
             ? std::string()
             : fmt::format("{} {:#x}: byte {} of {}", record_name(a.type), a.number, at, a.count);
}

}  // namespace

std::string image_difference(const ImageView& first, const ImageView& second) {
  const std::size_t header = VF_BYTES(image_header);
  if (first.count < header || second.count < header) {
    return first.count == second.count &&
                   std::equal(first.bytes, first.bytes + first.count, second.bytes)
               ? std::string()
               : fmt::format("{} bytes against {}", first.count, second.count);
  }
  if (plain_header(first) != plain_header(second)) {
    return "image header";
  }
  for (std::size_t at = header;;) {
    const Record a = record_at(first, at);
    const Record b = record_at(second, at);
    if ((a.type == kEndType && b.type == kEndType) || (a.count == 0 && b.count == 0)) {
      return {};
    }
    if (std::string difference = record_difference(a, b); !difference.empty()) {
      return difference;
    }
    at += a.count;
  }
}

}  // namespace vfsim::bench
