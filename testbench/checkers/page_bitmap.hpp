// One bit per page of a few address ranges.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace vfsim::bench {

/// Pages of `1 << log_page` bytes inside the ranges given at construction. mark() of an address
/// outside is ignored. Memory: one bit per page; mark() costs a range comparison and an OR.
class PageBitmap {
 public:
  PageBitmap() = default;
  explicit PageBitmap(std::uint32_t log_page) : log_page_(log_page) {}

  void add_range(std::uint64_t start, std::uint64_t length) {
    const std::uint64_t first = start >> log_page_;
    const std::uint64_t last = (start + std::max<std::uint64_t>(length, 1) - 1) >> log_page_;
    ranges_.push_back({first, last, std::vector<std::uint64_t>((last - first) / 64 + 1)});
  }
  void mark(std::uint64_t address) {
    const std::uint64_t page = address >> log_page_;
    if (page == marked_) {
      return;  // most writes go to the same page as the one before
    }
    if (hit_ < ranges_.size() && inside(ranges_[hit_], page)) {
      set(ranges_[hit_], page);
      return;
    }
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      if (inside(ranges_[i], page)) {
        hit_ = i;
        set(ranges_[i], page);
        return;
      }
    }
  }
  /// Clears the page; true if it was marked.
  bool take(std::uint64_t address) {
    const std::uint64_t page = address >> log_page_;
    marked_ = kNone;
    for (Range& range : ranges_) {
      if (inside(range, page)) {
        const std::uint64_t at = page - range.first;
        const bool was = (range.bits[at / 64] >> (at % 64) & 1) != 0;
        range.bits[at / 64] &= ~(1ULL << (at % 64));
        return was;
      }
    }
    return false;
  }
  /// Calls visit(address) for each marked page that starts in [start, start + length).
  template <class Visit>
  void each(std::uint64_t start, std::uint64_t length, Visit visit) const {
    const std::uint64_t first = start >> log_page_;
    const std::uint64_t last = (start + std::max<std::uint64_t>(length, 1) - 1) >> log_page_;
    for (const Range& range : ranges_) {
      for (std::size_t word = 0; word < range.bits.size(); ++word) {
        for (std::uint64_t bits = range.bits[word]; bits != 0; bits &= bits - 1) {
          const std::uint64_t page =
              range.first + word * 64 + static_cast<std::uint64_t>(__builtin_ctzll(bits));
          if (page >= first && page <= last) {
            visit(page << log_page_);
          }
        }
      }
    }
  }
  [[nodiscard]] std::uint32_t log_page() const { return log_page_; }

 private:
  struct Range {
    std::uint64_t first;  // page numbers
    std::uint64_t last;
    std::vector<std::uint64_t> bits;
  };
  static bool inside(const Range& range, std::uint64_t page) {
    return page >= range.first && page <= range.last;
  }
  void set(Range& range, std::uint64_t page) {
    const std::uint64_t at = page - range.first;
    range.bits[at / 64] |= 1ULL << (at % 64);
    marked_ = page;
  }

  std::uint32_t log_page_ = 12;
  std::vector<Range> ranges_;
  std::size_t hit_ = 0;
  static constexpr std::uint64_t kNone = ~0ULL;
  std::uint64_t marked_ = kNone;  // page of the last mark as long as it stands
};

}  // namespace vfsim::bench
