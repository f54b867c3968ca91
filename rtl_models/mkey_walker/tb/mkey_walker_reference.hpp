// What an answer of the walker must be, from the contents of context memory.
#pragma once

#include <cstdint>
#include <vector>

#include "firmware/interface/hw_context.h"

namespace vfsim::rtl {

struct WalkIn {
  std::uint32_t fn = 0;
  std::uint32_t mkey = 0;
  std::uint32_t pd = 0;
  bool any_pd = false;
  std::uint64_t addr = 0;
  std::uint32_t bytes = 0;
  bool write = false;
  bool resume = false;
  std::uint16_t gen = 0;
};

struct WalkOut {
  std::uint32_t result = VF_WALK_NO_KEY;
  std::uint64_t addr = 0;
  std::uint32_t run = 0;
  bool whole = false;
  std::uint16_t gen = 0;
  bool relaxed = false;
  [[nodiscard]] bool operator==(const WalkOut& o) const {
    return result == o.result && addr == o.addr && run == o.run && whole == o.whole &&
           gen == o.gen && relaxed == o.relaxed;
  }
};

/// Bounds as sums that cannot wrap, pages as divisions: nothing of how the block computes them.
class WalkReference {
 public:
  /// @param key    of the request's function and number; nullptr: there is none of this number
  /// @param entry  translation entry of the answer, if one was used
  static WalkOut walk(const WalkIn& in, const vf_mkey* key, const std::vector<std::uint64_t>& mtt,
                      std::uint64_t* entry) {
    WalkOut out;
    *entry = kNoEntry;
    if (key == nullptr || key->valid == 0 || key->key != (in.mkey & 0xff)) {
      return out;
    }
    out.result = refusal(in, *key);
    if (out.result != VF_WALK_OK) {
      return out;
    }
    out.gen = key->gen;
    out.relaxed = (in.write ? key->relaxed_write : key->relaxed_read) != 0;
    if (key->mode == VF_MKC_MODE_PA) {
      out.addr = in.addr;
      out.whole = true;
      return out;
    }
    const std::uint64_t page = page_of(*key, in.addr);
    if (listed(*key, page)) {
      *entry = key->pages.mtt + page;
      const std::uint64_t in_page = (in.addr - list_start(*key)) % size(*key);
      out.addr = mtt[*entry] + in_page;
      out.run = static_cast<std::uint32_t>(size(*key) - in_page);
    }
    return out;
  }

  static constexpr std::uint64_t kNoEntry = ~0ULL;

 private:
  __extension__ typedef unsigned __int128 Wide;

  static std::uint64_t size(const vf_mkey& key) { return 1ULL << key.pages.log_page; }
  static std::uint64_t list_start(const vf_mkey& key) { return key.start / size(key) * size(key); }
  static std::uint64_t page_of(const vf_mkey& key, std::uint64_t addr) {
    return (addr - list_start(key)) / size(key);
  }
  static bool listed(const vf_mkey& key, std::uint64_t page) {
    return page < key.pages.pages && page + key.pages.mtt < VF_MTT_COUNT;
  }

  static std::uint32_t refusal(const WalkIn& in, const vf_mkey& key) {
    const bool paged = key.mode != VF_MKC_MODE_PA;
    if (in.resume) {
      return key.gen != in.gen                              ? VF_WALK_CHANGED
             : paged && !listed(key, page_of(key, in.addr)) ? VF_WALK_NO_PAGE
                                                            : VF_WALK_OK;
    }
    if (!in.any_pd && key.pd != in.pd) {
      return VF_WALK_DOMAIN;
    }
    if ((in.write ? key.local_write : key.local_read) == 0) {
      return VF_WALK_RIGHT;
    }
    const Wide behind = static_cast<Wide>(in.addr) + in.bytes;
    const bool inside = in.addr >= key.start && behind <= static_cast<Wide>(key.start) + key.len;
    if (behind >> 64 != 0 || (key.length64 == 0 && !inside) ||
        (paged && in.bytes != 0 && in.addr < key.start)) {
      return VF_WALK_BOUNDS;
    }
    if (paged && in.bytes != 0 &&
        (!listed(key, page_of(key, in.addr)) ||
         !listed(key, page_of(key, in.addr + in.bytes - 1)))) {
      return VF_WALK_NO_PAGE;
    }
    return VF_WALK_OK;
  }
};

}  // namespace vfsim::rtl
