// Comparison of two state images, record by record.
#pragma once

#include <string>

#include "testbench/checkers/rule.hpp"

namespace vfsim::bench {

/// Where two images differ, in words, or an empty string. Not compared: the header's sequence,
/// image_id, base_id and header_crc, and the END record; they follow from the rest. Source:
/// firmware/interface/image_layouts.def, image_records.def.
std::string image_difference(const ImageView& first, const ImageView& second);

}  // namespace vfsim::bench
