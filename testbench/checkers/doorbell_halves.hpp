// Doorbells as the device takes them: whole, or in two halves.
#pragma once

#include <array>
#include <optional>

#include "testbench/checkers/check_context.hpp"

namespace vfsim::bench {

struct Doorbell {
  std::uint64_t offset = 0;  // in BAR0
  std::uint64_t value = 0;
};

/// Send doorbells and arms of completion queues are 8 bytes. A CPU may write them as two times 4,
/// the lower address first, as VFIO's pwrite does; the second makes the doorbell.
class DoorbellHalves {
 public:
  /// The doorbell that this write completes.
  [[nodiscard]] std::optional<Doorbell> take(const model::AccessView& view) {
    const std::uint64_t in_page = view.offset & (VF_PAGE_BYTES - 1);
    const bool send = in_page >= VF_UAR_SEND_DB;
    if (!view.write || view.config || view.offset >> VF_PAGE_SHIFT < VF_BAR_FIRST_UAR ||
        !(send || (in_page & ~std::uint64_t{7}) == VF_UAR_CQ_ARM)) {
      return std::nullopt;
    }
    Half& half = halves_[2 * function_index(view.who) + (send ? 1 : 0)];
    const Half first = half;
    half = {};
    const std::uint64_t value = register_value(view);
    if (view.bytes == 8) {
      return Doorbell{view.offset, value};
    }
    if (view.bytes == 4 && first.second_at == view.offset) {
      return Doorbell{view.offset - 4, first.high << 32 | value};
    }
    if (view.bytes == 4) {
      half = {view.offset + 4, value};
    }
    return std::nullopt;
  }

 private:
  struct Half {
    std::uint64_t second_at = 0;  // offset where the other half is due, 0: none
    std::uint64_t high = 0;
  };
  std::array<Half, 2 * kFunctionIndices> halves_{};
};

}  // namespace vfsim::bench
