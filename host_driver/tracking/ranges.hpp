// Address ranges of a page tracker: fewer ranges than the user asked for, when the device takes
// fewer.
#pragma once

#include <cstdint>
#include <vector>

#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::driver {

/// At most `limit` (>= 1) ranges that cover all given ones; those with the smallest gaps between
/// them are merged first. The result is ascending.
[[nodiscard]] std::vector<IovaRange> combine_ranges(std::vector<IovaRange> ranges,
                                                    std::size_t limit);

/// log2 of the summed length, rounded up.
[[nodiscard]] std::uint8_t log2_total(const std::vector<IovaRange>& ranges);

}  // namespace vfsim::driver
