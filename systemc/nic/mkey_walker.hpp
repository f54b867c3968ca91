// Address translation of the NIC: memory keys and page lists to bus addresses.
#pragma once

#include <cstdint>

#include "firmware/interface/hw_context.h"

namespace vfsim::model {

inline constexpr std::uint32_t kAnyPd = ~0U;

/// A contiguous piece of bus address space.
struct BusRun {
  std::uint64_t addr = 0;
  std::uint32_t bytes = 0;  // 0: no translation
};

/// Position of a transfer in its address space. `run` bytes from `addr` on are contiguous on the
/// bus.
struct KeyCursor {
  std::uint64_t addr = 0;  // bus address of the next byte while run > 0
  std::uint64_t at = 0;    // address of the next byte in the key
  std::uint64_t run = 0;
  std::uint16_t gen = 0;  // of the key when the transfer started
  bool relaxed = false;   // the key allows relaxed ordering for this direction
};

/// Where byte `offset` of a ring or region lies; contiguous up to the end of its page. Empty if it
/// is outside.
[[nodiscard]] BusRun page_run(const vf_context_ram& ram, const vf_pages& pages,
                              std::uint64_t offset);

/// Checks and walks memory keys of a function. A key is usable by its own function only, with its
/// key byte, inside its protection domain, bounds and rights. Source: mlx5 device interface
/// section 4.4.
class MkeyWalker {
 public:
  explicit MkeyWalker(const vf_context_ram& ram) : ram_(ram) {}

  /// Checks the whole range and sets `cursor` to its first byte.
  [[nodiscard]] bool start(std::uint32_t fn, std::uint32_t mkey, std::uint32_t pd,
                           std::uint64_t addr, std::uint32_t bytes, bool write,
                           KeyCursor& cursor) const;
  /// Makes cursor.run > 0 again at the next page. False if the key has changed meanwhile.
  [[nodiscard]] bool next_page(std::uint32_t fn, std::uint32_t mkey, KeyCursor& cursor) const;
  /// As start() without any check, for the fault mkey_unchecked: whatever cannot be translated is
  /// taken as a bus address.
  void start_unchecked(std::uint32_t fn, std::uint32_t mkey, std::uint64_t addr,
                       KeyCursor& cursor) const;

 private:
  [[nodiscard]] const vf_mkey* find(std::uint32_t fn, std::uint32_t mkey) const;
  [[nodiscard]] bool fill(const vf_mkey& key, KeyCursor& cursor) const;

  const vf_context_ram& ram_;
};

}  // namespace vfsim::model
