// Comparison of two state images outside volatile fields.
#pragma once

#include <string>

#include "testbench/checkers/rule.hpp"

namespace vfsim::bench {

/// Where two images differ, in words, or an empty string. Volatile, thus not compared: the header's
/// sequence and identity of the image (image_id, base_id, header_crc) and the END record, which
/// only repeat the rest. Source: firmware/interface/image_layouts.def, image_records.def.
std::string image_difference(const ImageView& first, const ImageView& second);

}  // namespace vfsim::bench
