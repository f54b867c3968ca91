#include "testbench/checkers/image_format.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <boost/crc.hpp>

#include "firmware/core/image.h"
#include "firmware/interface/tables.hpp"

namespace vfsim::bench {
namespace {

using Crc32c = boost::crc_optimal<32, 0x1edc6f41, 0xffffffff, 0xffffffff, true, true>;

constexpr std::size_t kHeader = VF_BYTES(image_header);
constexpr std::size_t kHead = VF_BYTES(image_record);
constexpr std::size_t kUnit = 8;  // a payload is a multiple of it

std::uint32_t checksum(const std::uint8_t* bytes, std::size_t count) {
  Crc32c crc;
  crc.process_bytes(bytes, count);
  return crc.checksum();
}

/// With the four bytes at `hole` taken as 0.
std::uint32_t checksum_without(const std::uint8_t* bytes, std::size_t count, std::size_t hole) {
  static constexpr std::uint8_t kZero[4] = {};
  Crc32c crc;
  crc.process_bytes(bytes, hole);
  crc.process_bytes(kZero, sizeof kZero);
  crc.process_bytes(bytes + hole + sizeof kZero, count - hole - sizeof kZero);
  return crc.checksum();
}

const contract::ImageRow* find_kind(std::uint64_t type) {
  const auto* row =
      std::find_if(std::begin(contract::kImageRecords), std::end(contract::kImageRecords),
                   [&](const contract::ImageRow& r) { return r.type == type; });
  return row == std::end(contract::kImageRecords) ? nullptr : row;
}

std::uint64_t list_bytes(std::string_view list, std::uint64_t entries) {
  if (list == "PAGES") {
    return entries * 8;
  }
  if (list == "NUMBERS") {
    return (entries * 4 + kUnit - 1) / kUnit * kUnit;
  }
  return list == "EVENTS" ? entries * VF_BYTES(image_event) : 0;
}

std::string header_defect(const ImageView& image, const ImageIdentity& identity) {
  const std::uint8_t* h = image.bytes;
  const std::uint64_t total = VF_GET(image_header, h, total_bytes);
  const std::uint64_t flags = VF_GET(image_header, h, flags);
  if (VF_GET(image_header, h, magic) != FW_IMAGE_MAGIC) {
    return "magic number";
  }
  if (VF_GET(image_header, h, format) != FW_IMAGE_FORMAT ||
      VF_GET(image_header, h, header_bytes) != kHeader) {
    return fmt::format("format version {}", VF_GET(image_header, h, format));
  }
  if (VF_GET(image_header, h, header_crc) !=
      checksum_without(h, kHeader, VF_OFF(image_header, header_crc) / 8)) {
    return "checksum of the header";
  }
  if (VF_GET(image_header, h, vendor_id) != VF_PCI_VENDOR ||
      VF_GET(image_header, h, device_id) != VF_PCI_DEVICE_VF ||
      VF_GET(image_header, h, fw_major) != VF_FW_REV_MAJOR ||
      VF_GET(image_header, h, msix_vectors) > VF_MSIX_VECTORS ||
      (VF_GET(image_header, h, features) & ~std::uint64_t{FW_IMAGE_FEATURES}) != 0) {
    return "image of another device or firmware";
  }
  if (total != image.count) {
    return fmt::format("{} of {} bytes", image.count, total);
  }
  const bool increment = VF_GET(image_header, h, kind) == FW_IMAGE_INCREMENT;
  if ((!identity.full && !increment) || flags > (FW_IMAGE_FINAL | FW_IMAGE_MORE) ||
      flags == (FW_IMAGE_FINAL | FW_IMAGE_MORE) || (identity.sequence != 0) != increment ||
      (identity.base != 0) != increment || identity.id == 0) {
    return "field of the header";
  }
  return {};
}

/// What is wrong with the payload of a known kind.
const char* payload_defect(const contract::ImageRow& kind, const std::uint8_t* head,
                           std::size_t bytes, bool increment) {
  if (VF_GET(image_record, head, number) - std::uint64_t{kind.base} >= kind.count) {
    return "object number";
  }
  if (VF_GET(image_record, head, flags) == FW_IMAGE_TOMBSTONE) {
    return increment && bytes == 0 ? nullptr : "tombstone";
  }
  const contract::LayoutRow* layout = contract::find_layout(kind.layout);
  if (layout == nullptr || bytes < layout->bytes) {
    return "length";
  }
  const std::uint64_t entries =
      kind.list == "NONE" ? 0 : VF_GET(image_list, head + kHead, list_count);
  return bytes == layout->bytes + list_bytes(kind.list, entries) ? nullptr : "length";
}

std::string end_defect(const ImageView& image, std::size_t at, std::uint64_t records) {
  const std::uint8_t* head = image.bytes + at;
  const std::uint8_t* payload = head + kHead;
  if (at + kHead + VF_BYTES(image_end) != image.count ||
      VF_GET(image_record, head, bytes) != VF_BYTES(image_end)) {
    return fmt::format("END record at {:#x}: not at the end", at);
  }
  if (VF_GET(image_record, head, crc) !=
          checksum_without(head, kHead + VF_BYTES(image_end), VF_OFF(image_record, crc) / 8) ||
      VF_GET(image_end, payload, image_crc) != checksum(image.bytes, at)) {
    return fmt::format("END record at {:#x}: checksum", at);
  }
  if (VF_GET(image_record, head, number) != 0 || VF_GET(image_record, head, flags) != 0 ||
      VF_GET(image_end, payload, records) != records ||
      VF_GET(image_header, image.bytes, records) != records) {
    return fmt::format("END record at {:#x}: {} records counted", at, records);
  }
  return {};
}

std::string records_defect(const ImageView& image, bool increment) {
  std::uint64_t last = 0;
  std::uint64_t records = 0;
  for (std::size_t at = kHeader; image.count - at >= kHead; ++records) {
    const std::uint8_t* head = image.bytes + at;
    const auto bytes = static_cast<std::size_t>(VF_GET(image_record, head, bytes));
    const std::uint64_t type = VF_GET(image_record, head, type);
    const auto wrong = [&](const char* what) {
      return fmt::format("record {} at {:#x}: {}", records, at, what);
    };
    if (bytes > image.count - at - kHead || bytes % kUnit != 0) {
      return wrong("length");
    }
    if (type == FW_IMAGE_END) {
      return end_defect(image, at, records);
    }
    if (VF_GET(image_record, head, crc) !=
        checksum_without(head, kHead + bytes, VF_OFF(image_record, crc) / 8)) {
      return wrong("checksum");
    }
    const contract::ImageRow* kind = find_kind(type);
    if (kind == nullptr || VF_GET(image_record, head, flags) > FW_IMAGE_TOMBSTONE) {
      return wrong("type");
    }
    if (const char* what = payload_defect(*kind, head, bytes, increment); what != nullptr) {
      return wrong(what);
    }
    const std::uint64_t place = type << 32 | VF_GET(image_record, head, number);
    if (records != 0 && place <= last) {
      return wrong("order");
    }
    last = place;
    at += kHead + bytes;
  }
  return "no END record";
}

}  // namespace

std::string image_defect(const ImageView& image, ImageIdentity& identity) {
  identity = {};
  if (image.count < kHeader) {
    return fmt::format("{} bytes", image.count);
  }
  const std::uint64_t flags = VF_GET(image_header, image.bytes, flags);
  identity.full = VF_GET(image_header, image.bytes, kind) == FW_IMAGE_FULL;
  identity.final = (flags & FW_IMAGE_FINAL) != 0;
  identity.sequence = static_cast<std::uint32_t>(VF_GET(image_header, image.bytes, sequence));
  identity.id = VF_GET(image_header, image.bytes, image_id);
  identity.base = VF_GET(image_header, image.bytes, base_id);
  std::string defect = header_defect(image, identity);
  return defect.empty() ? records_defect(image, !identity.full) : defect;
}

}  // namespace vfsim::bench
