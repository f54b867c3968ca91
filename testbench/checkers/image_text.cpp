#include "testbench/checkers/image_text.hpp"

#include <fmt/format.h>

namespace vfsim::bench {
namespace {

std::string field_text(const contract::FieldRow& field, const std::uint8_t* bytes) {
  if (!field.blob) {
    const std::uint64_t value = vf_field_get(bytes, field.offset, field.width);
    return value < 10 ? fmt::format("{}", value) : fmt::format("{} (0x{:x})", value, value);
  }
  std::string text;
  for (std::uint32_t i = 0; i < field.width / 8; ++i) {
    text += fmt::format("{:02x}", bytes[field.offset / 8 + i]);
  }
  return text;
}

}  // namespace

std::string record_name(const fw_image_record& record) {
  return record.kind >= 0 ? fw_image_kind_info(static_cast<unsigned>(record.kind))->name
                          : fmt::format("type 0x{:04x}", record.type);
}

std::string_view record_layout(const fw_image_record& record) {
  return record.kind >= 0 ? contract::kImageRecords[record.kind].layout : std::string_view{};
}

void each_image_field(
    std::string_view layout, const std::uint8_t* bytes, std::size_t count,
    const std::function<void(const contract::FieldRow&, const std::string&)>& visit) {
  for (const contract::FieldRow& field : contract::kFields) {
    if (field.layout == layout && (field.offset + field.width) / 8 <= count) {
      visit(field, field_text(field, bytes));
    }
  }
}

std::map<std::pair<std::uint16_t, std::uint32_t>, fw_image_record> image_records(
    const std::uint8_t* image, std::size_t bytes) {
  std::map<std::pair<std::uint16_t, std::uint32_t>, fw_image_record> records;
  fw_image_record r{};
  for (bool more = fw_image_first(image, bytes, &r); more; more = fw_image_next(image, bytes, &r)) {
    records[{r.type, r.number}] = r;
  }
  return records;
}

std::string image_text(const std::uint8_t* image, std::size_t bytes, bool fields) {
  std::string out;
  each_image_field("image_header", image, bytes, [&](const auto& field, const std::string& text) {
    out += fmt::format("  {:<16} {}\n", field.name, text);
  });
  out += fmt::format("{:>10}  {:<10} {:>10} {:>8}", "offset", "record", "number", "bytes");
  for (const auto& [key, r] : image_records(image, bytes)) {
    out += fmt::format("\n{:>10}  {:<10} {:>10} {:>8}{}", r.offset, record_name(r),
                       fmt::format("0x{:x}", r.number), r.bytes, r.tombstone ? "  gone" : "");
    if (fields) {
      each_image_field(record_layout(r), r.payload, r.bytes,
                       [&](const auto& field, const std::string& text) {
                         out += fmt::format("\n    {:<26} {}", field.name, text);
                       });
    }
  }
  return out;
}

}  // namespace vfsim::bench
