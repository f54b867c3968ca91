// Objects of one function as its commands describe them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "systemc/common/probe.hpp"
#include "testbench/checkers/range_set.hpp"

namespace vfsim::bench {

/// Pages of a ring or region, in order.
class PageList {
 public:
  std::vector<std::uint64_t> pages;  // bus addresses
  std::uint32_t log_page = 12;
  std::uint64_t first = 0;  // where the object starts inside the first page
  [[nodiscard]] std::uint64_t page_bytes() const { return 1ULL << log_page; }
  /// Bus address of byte `offset`, or nothing behind the last page.
  [[nodiscard]] std::optional<std::uint64_t> address(std::uint64_t offset) const;
  /// Offset of a bus address in the object, or nothing.
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::uint64_t iova) const;

 private:
  mutable std::size_t hit_ = 0;  // page of the last answer: accesses mostly go on from there
};

struct EventQueueView {
  std::uint32_t log_size = 0;
  std::uint32_t vector = 0;
  std::uint32_t ci = 0;      // last doorbell
  std::uint32_t rearms = 0;  // arms that repeated the index before them, and no message since, ...
  std::uint32_t armed_at = 0;  // ... the last one with this index; ~0: never armed
  std::uint32_t visible = 0;   // entries seen in memory so far, free running
  bool announce = false;       // some became visible, and no message was taken for theirs yet
  PageList ring;
};

struct CompletionQueueView {
  std::uint32_t log_size = 0;
  std::uint32_t log_stride = 6;
  bool always_armed = false;  // raises with every entry
  PageList ring;
};

struct WorkQueueView {
  std::uint32_t log_size = 0;
  std::uint32_t log_stride = 0;
  std::uint32_t last_index = ~0U;  // SQ: WQE index of the newest send doorbell
  std::uint64_t dbr = 0;
  PageList ring;
};

struct KeyView {
  bool physical = false;  // PA mode: every address of the function's domain
  bool local_write = false;
  bool local_read = false;
  bool whole = false;  // length64
  std::uint8_t variant = 0;
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  PageList pages;
};

/// Created, changed and destroyed by completed commands. Copied as a whole when an image moves to
/// another function.
struct FunctionObjects {
  std::map<std::uint32_t, EventQueueView> eq;
  std::map<std::uint32_t, CompletionQueueView> cq;
  std::map<std::uint32_t, WorkQueueView> sq;
  std::map<std::uint32_t, WorkQueueView> rq;
  std::map<std::uint32_t, WorkQueueView> qp;  // receive rings
  std::map<std::uint32_t, KeyView> keys;      // by index
  std::vector<std::uint64_t> given_pages;     // MANAGE_PAGES
  /// False after a LOAD of an image whose origin was not observed: then the objects are not known.
  bool known = true;

  /// Applies a command that ended well. True if an object came, went or changed.
  bool apply(const model::CommandView& view);
  /// Key of a WQE's lkey, or nullptr if there is none with that index and variant byte.
  [[nodiscard]] const KeyView* key(std::uint32_t lkey) const;
  /// Whether a PA key with the right exists (then pages say nothing).
  [[nodiscard]] bool physical_key() const;
  /// Where the function's own engines and keys may write / read, and the completion rings, as bus
  /// addresses.
  void collect(RangeSet& writable, RangeSet& readable, RangeSet& completions) const;
};

}  // namespace vfsim::bench
