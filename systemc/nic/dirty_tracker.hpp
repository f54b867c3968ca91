// Which pages a function's writes have changed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "firmware/interface/hw_context.h"

namespace vfsim::model {

/// Page marks over the tracked ranges of one function. Off until start().
///
/// The DMA engine marks a write twice: when it is sent and when it has landed. A snapshot between
/// the two returns the page (its bytes may change any moment), and the second mark puts it into the
/// next snapshot, so none is missed. Memory: 4 bytes per 4096 pages of range, 520 bytes per 4096
/// pages that were touched.
class DirtyTracker {
 public:
  [[nodiscard]] bool on() const { return on_; }
  /// Begins with no marks; if it is on with the same ranges already, it keeps its marks (a reset of
  /// the function must not lose them). `miss_some`: fault dirty_page_missed, every 16th page is
  /// never marked.
  void start(std::uint32_t log_page, const vf_track_range* ranges, std::size_t count,
             bool miss_some);
  void stop();
  void mark(std::uint64_t addr, std::uint32_t bytes) {
    const std::uint64_t first = addr >> log_page_;
    const std::uint64_t last = (addr + (bytes == 0 ? 0 : bytes - 1)) >> log_page_;
    if (on_ && (first != last || first != marked_)) {
      mark_pages(first, last);
    }
  }
  /// Moves marked pages of [addr, addr + bytes) into `pages` (ascending page addresses) and clears
  /// their marks.
  /// @param more  set if `pages` was too small; call again with the same range
  /// @return pages stored
  std::uint32_t snapshot(std::uint64_t addr, std::uint64_t bytes, std::uint64_t* pages,
                         std::uint32_t room, bool& more);

 private:
  static constexpr std::uint32_t kChunkPages = 4096;
  struct Chunk {
    std::uint64_t used = 0;  // bit w: words[w] != 0
    std::array<std::uint64_t, kChunkPages / 64> words{};
  };
  struct Range {
    std::uint64_t first, last;  // page numbers, inclusive
    std::uint64_t directory;    // first entry of directory_
  };

  [[nodiscard]] bool same(std::uint32_t log_page, const vf_track_range* ranges,
                          std::size_t count) const;
  void mark_pages(std::uint64_t first, std::uint64_t last);
  void mark_page(const Range& range, std::uint64_t page);
  [[nodiscard]] const Range* range_of(std::uint64_t page);
  struct Snapshot;
  void walk(const Range& range, std::uint64_t first, std::uint64_t last, Snapshot& out);
  void walk_chunk(Chunk& chunk, std::uint64_t base, std::uint64_t first, std::uint64_t last,
                  Snapshot& out);

  bool on_ = false;
  bool miss_some_ = false;
  std::uint32_t log_page_ = 12;
  // Page of the last mark as long as it stands: most writes go to the same page as the one before.
  static constexpr std::uint64_t kNone = ~0ULL;
  std::uint64_t marked_ = kNone;
  std::size_t recent_ = 0;  // range of the last mark
  std::vector<Range> ranges_;
  std::vector<vf_track_range> asked_;  // as given to start()
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  // Chunk number + 1, 0 = no mark in it. From calloc: a wide range costs memory only where it is
  // touched.
  std::unique_ptr<std::uint32_t[], Free> directory_;
  std::vector<Chunk> chunks_;
};

}  // namespace vfsim::model
