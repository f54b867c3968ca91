#include "systemc/nic/dirty_tracker.hpp"

#include <algorithm>
#include <new>

namespace vfsim::model {

namespace {
// 2^52 bytes of 4 KiB pages: all that a driver can ask for. Pages behind it are not tracked.
constexpr std::uint64_t kMaxDirectory = 1ULL << 28;
}  // namespace

struct DirtyTracker::Snapshot {
  std::uint64_t* pages;
  std::uint32_t room;
  std::uint32_t count;
  bool more;
};

void DirtyTracker::start(std::uint32_t log_page, const vf_track_range* ranges, std::size_t count,
                         bool miss_some) {
  log_page = std::clamp(log_page, 12U, 40U);
  if (same(log_page, ranges, count)) {
    return;
  }
  stop();
  asked_.assign(ranges, ranges + count);
  log_page_ = log_page;
  miss_some_ = miss_some;
  for (std::size_t i = 0; i < count; ++i) {
    if (ranges_.size() < VF_TRACK_RANGES && ranges[i].length != 0 &&
        ranges[i].start + (ranges[i].length - 1) >= ranges[i].start) {
      const std::uint64_t end = ranges[i].start + (ranges[i].length - 1);
      ranges_.push_back({ranges[i].start >> log_page_, end >> log_page_, 0});
    }
  }
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::uint64_t entries = 0;
  for (Range& range : ranges_) {
    range.last = std::min(range.last, range.first + (kMaxDirectory - entries) * kChunkPages - 1);
    range.directory = entries;
    entries += (range.last - range.first) / kChunkPages + 1;
  }
  directory_.reset(static_cast<std::uint32_t*>(std::calloc(entries + 1, sizeof(std::uint32_t))));
  if (directory_ == nullptr) {
    throw std::bad_alloc();
  }
  on_ = !ranges_.empty();
}

bool DirtyTracker::same(std::uint32_t log_page, const vf_track_range* ranges,
                        std::size_t count) const {
  return on_ && log_page == log_page_ &&
         std::equal(asked_.begin(), asked_.end(), ranges, ranges + count,
                    [](const vf_track_range& a, const vf_track_range& b) {
                      return a.start == b.start && a.length == b.length;
                    });
}

void DirtyTracker::stop() {
  on_ = false;
  marked_ = kNone;
  recent_ = 0;
  ranges_.clear();
  directory_.reset();
  chunks_.clear();
}

const DirtyTracker::Range* DirtyTracker::range_of(std::uint64_t page) {
  const Range& recent = ranges_[recent_];
  if (page >= recent.first && page <= recent.last) {
    return &recent;
  }
  const auto above = std::upper_bound(ranges_.begin(), ranges_.end(), page,
                                      [](std::uint64_t p, const Range& r) { return p < r.first; });
  if (above == ranges_.begin() || page > (above - 1)->last) {
    return nullptr;
  }
  recent_ = static_cast<std::size_t>(above - ranges_.begin()) - 1;
  return &ranges_[recent_];
}

void DirtyTracker::mark_pages(std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t page = first; page <= last; ++page) {
    const Range* range = range_of(page);
    if (range != nullptr && !(miss_some_ && (page & 15U) == 15U)) {
      mark_page(*range, page);
    }
  }
}

void DirtyTracker::mark_page(const Range& range, std::uint64_t page) {
  const std::uint64_t index = page - range.first;
  std::uint32_t& entry = directory_[range.directory + index / kChunkPages];
  if (entry == 0) {
    chunks_.emplace_back();
    entry = static_cast<std::uint32_t>(chunks_.size());
  }
  Chunk& chunk = chunks_[entry - 1];
  const std::uint64_t word = index % kChunkPages / 64;
  chunk.words[word] |= 1ULL << (index % 64);
  chunk.used |= 1ULL << word;
  marked_ = page;
}

std::uint32_t DirtyTracker::snapshot(std::uint64_t addr, std::uint64_t bytes, std::uint64_t* pages,
                                     std::uint32_t room, bool& more) {
  Snapshot out{pages, room, 0, false};
  marked_ = kNone;
  if (on_ && bytes != 0) {
    const std::uint64_t end = addr + (bytes - 1) < addr ? ~0ULL : addr + (bytes - 1);
    for (const Range& range : ranges_) {
      const std::uint64_t first = std::max(addr >> log_page_, range.first);
      const std::uint64_t last = std::min(end >> log_page_, range.last);
      if (first <= last && !out.more) {
        walk(range, first, last, out);
      }
    }
  }
  more = out.more;
  return out.count;
}

void DirtyTracker::walk(const Range& range, std::uint64_t first, std::uint64_t last,
                        Snapshot& out) {
  const std::uint64_t to = (last - range.first) / kChunkPages;
  for (std::uint64_t c = (first - range.first) / kChunkPages; c <= to && !out.more; ++c) {
    const std::uint32_t entry = directory_[range.directory + c];
    if (entry != 0 && chunks_[entry - 1].used != 0) {
      walk_chunk(chunks_[entry - 1], range.first + c * kChunkPages, first, last, out);
    }
  }
}

void DirtyTracker::walk_chunk(Chunk& chunk, std::uint64_t base, std::uint64_t first,
                              std::uint64_t last, Snapshot& out) {
  for (std::uint64_t used = chunk.used; used != 0; used &= used - 1) {
    const auto w = static_cast<std::uint32_t>(__builtin_ctzll(used));
    for (std::uint64_t bits = chunk.words[w]; bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<std::uint32_t>(__builtin_ctzll(bits));
      const std::uint64_t page = base + w * 64ULL + bit;
      if (page < first || page > last) {
        continue;
      }
      if (out.count == out.room) {
        out.more = true;
        return;
      }
      out.pages[out.count++] = page << log_page_;
      chunk.words[w] &= ~(1ULL << bit);
    }
    if (chunk.words[w] == 0) {
      chunk.used &= ~(1ULL << w);
    }
  }
}

}  // namespace vfsim::model
