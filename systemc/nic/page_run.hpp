// Page lists of rings and regions.
#pragma once

#include <cstdint>

#include "firmware/interface/hw_context.h"

namespace vfsim::model {

/// A contiguous piece of bus address space.
struct BusRun {
  std::uint64_t addr = 0;
  std::uint32_t bytes = 0;  // 0: no translation
};

/// Where byte `offset` of a ring or region lies; contiguous up to the end of its page. Empty if it
/// is outside.
[[nodiscard]] inline BusRun page_run(const vf_context_ram& ram, const vf_pages& pages,
                                     std::uint64_t offset) {
  const std::uint32_t shift = pages.log_page & 31U;
  const std::uint64_t page = offset >> shift;
  const std::uint64_t entry = pages.mtt + page;
  if (page >= pages.pages || entry >= VF_MTT_COUNT) {
    return {};
  }
  const std::uint64_t size = 1ULL << shift;
  const std::uint64_t in_page = offset & (size - 1);
  return {ram.mtt[entry] + in_page, static_cast<std::uint32_t>(size - in_page)};
}

}  // namespace vfsim::model
