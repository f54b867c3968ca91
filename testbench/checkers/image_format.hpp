// What a state image must look like, from the tables of its layouts alone: no code of the firmware.
#pragma once

#include <cstdint>

#include "testbench/checkers/rule.hpp"

namespace vfsim::bench {

/// Identity of an image, from its header.
struct ImageIdentity {
  bool full = false;
  bool final = false;  // the function was stopped and nothing is missing
  std::uint32_t sequence = 0;
  std::uint64_t id = 0;
  std::uint64_t base = 0;  // 0 for a full image
};

/// Looks at header, records and END record: magic, version, device, lengths, order, checksums,
/// counts. Safe on any bytes.
/// @return "" for an image that is whole, or what is wrong with it ("record 3 at 0x1a0: checksum")
[[nodiscard]] std::string image_defect(const ImageView& image, ImageIdentity& identity);

}  // namespace vfsim::bench
