// Deliberate defects of what a VMM does with the pages of its guest.
#pragma once

#include <cstdint>
#include <vector>

#include "firmware/interface/faults.h"

namespace vfsim::bench {

/// Rows of the layer `vmm` about rule D2. Without one of them nothing is changed.
class PageFaults {
 public:
  explicit PageFaults(const vf_fault_set& faults) : faults_(faults) {}

  /// Whether dirty logs are taken for empty; the vCPUs stand still, or not.
  [[nodiscard]] bool skips_sync(bool vcpus_stopped) const {
    return vcpus_stopped && vf_fault(faults_, VF_FAULT_last_sync_skipped) != 0;
  }
  /// What is left of a dirty log of the vCPUs.
  void lose_some(std::vector<std::uint64_t>& pages);
  /// Where the destination stores the next page that it is sent.
  [[nodiscard]] std::uint64_t place(std::uint64_t page);

 private:
  vf_fault_set faults_;
  std::uint64_t written_ = 0;
  std::uint64_t reported_ = 0;
};

}  // namespace vfsim::bench
