#include "host_driver/tracking/ranges.hpp"

#include <algorithm>
#include <cstddef>

namespace vfsim::driver {

std::vector<IovaRange> combine_ranges(std::vector<IovaRange> ranges, std::size_t limit) {
  std::sort(ranges.begin(), ranges.end(),
            [](const IovaRange& a, const IovaRange& b) { return a.iova < b.iova; });
  const auto gap = [&](std::size_t i) {
    return ranges[i + 1].iova - (ranges[i].iova + ranges[i].length);
  };
  while (ranges.size() > limit && ranges.size() > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < ranges.size(); ++i) {
      if (gap(i) < gap(best)) {
        best = i;
      }
    }
    ranges[best].length = ranges[best + 1].iova + ranges[best + 1].length - ranges[best].iova;
    ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  return ranges;
}

std::uint8_t log2_total(const std::vector<IovaRange>& ranges) {
  std::uint64_t total = 0;
  for (const IovaRange& range : ranges) {
    total += range.length;
  }
  std::uint8_t log = 0;
  while (log < 63 && (std::uint64_t{1} << log) < total) {
    ++log;
  }
  return log;
}

}  // namespace vfsim::driver
