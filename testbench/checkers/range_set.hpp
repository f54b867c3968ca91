// A set of address ranges with quick look-up.
#pragma once

#include <cstdint>
#include <vector>

namespace vfsim::bench {

/// Ranges are added in any order, then seal() sorts and merges them. contains() remembers the range
/// of the last hit: neighbouring accesses cost a comparison or two, others a binary search. No
/// allocation after seal().
class RangeSet {
 public:
  void clear();
  void add(std::uint64_t start, std::uint64_t bytes);
  void seal();
  [[nodiscard]] bool contains(std::uint64_t start, std::uint64_t bytes) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }

 private:
  struct Range {
    std::uint64_t first;
    std::uint64_t last;  // inclusive, so that a range may reach the end of the address space
  };
  std::vector<Range> ranges_;
  mutable std::size_t hit_ = 0;
};

}  // namespace vfsim::bench
