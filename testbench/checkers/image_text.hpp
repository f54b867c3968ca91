// State images as text for a terminal, from the tables of their layouts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "firmware/core/image.h"
#include "firmware/interface/tables.hpp"

namespace vfsim::bench {

/// "CQ", "type 0x0123".
[[nodiscard]] std::string record_name(const fw_image_record& record);
/// Name of the layout that its payload begins with; "" for a type that is unknown.
[[nodiscard]] std::string_view record_layout(const fw_image_record& record);

/// Calls visit(field, value as text) for each field of a layout that the bytes hold.
void each_image_field(
    std::string_view layout, const std::uint8_t* bytes, std::size_t count,
    const std::function<void(const contract::FieldRow&, const std::string&)>& visit);

/// Records by type and number, as far as they can be walked; payloads point into the image.
[[nodiscard]] std::map<std::pair<std::uint16_t, std::uint32_t>, fw_image_record> image_records(
    const std::uint8_t* image, std::size_t bytes);

/// Header and records of an image, a line each; `fields` adds every field of the records. No line
/// end at the end.
[[nodiscard]] std::string image_text(const std::uint8_t* image, std::size_t bytes, bool fields);

}  // namespace vfsim::bench
