#include "testbench/checkers/range_set.hpp"

#include <algorithm>
#include <limits>

namespace vfsim::bench {

void RangeSet::clear() {
  ranges_.clear();
  hit_ = 0;
}

void RangeSet::add(std::uint64_t start, std::uint64_t bytes) {
  if (bytes == 0) {
    return;
  }
  const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - start;
  ranges_.push_back({start, start + std::min(bytes - 1, room)});
}

void RangeSet::seal() {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> merged;
  for (const Range& range : ranges_) {
    if (!merged.empty() &&
        (merged.back().last >= range.first || merged.back().last + 1 == range.first)) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  ranges_.swap(merged);
  hit_ = 0;
}

bool RangeSet::contains(std::uint64_t start, std::uint64_t bytes) const {
  if (ranges_.empty()) {
    return false;
  }
  const std::uint64_t last = start + (bytes == 0 ? 0 : bytes - 1);
  if (last < start) {
    return false;
  }
  if (const Range& hit = ranges_[hit_]; start >= hit.first && last <= hit.last) {
    return true;
  }
  const auto next =
      std::upper_bound(ranges_.begin(), ranges_.end(), start,
                       [](std::uint64_t value, const Range& range) { return value < range.first; });
  if (next == ranges_.begin()) {
    return false;
  }
  const auto found = std::prev(next);
  if (last > found->last) {
    return false;
  }
  hit_ = static_cast<std::size_t>(found - ranges_.begin());
  return true;
}

}  // namespace vfsim::bench
