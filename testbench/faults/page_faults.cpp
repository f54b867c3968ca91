#include "testbench/faults/page_faults.hpp"

#include <algorithm>

namespace vfsim::bench {
namespace {

constexpr std::uint64_t kPage = 4096;

}  // namespace

void PageFaults::lose_some(std::vector<std::uint64_t>& pages) {
  if (vf_fault(faults_, VF_FAULT_cpu_page_missed) != 0) {
    pages.erase(std::remove_if(pages.begin(), pages.end(),
                               [this](std::uint64_t) { return ++reported_ % 4 == 0; }),
                pages.end());
  }
}

std::uint64_t PageFaults::place(std::uint64_t page) {
  const bool astray = vf_fault(faults_, VF_FAULT_page_misplaced) != 0 && ++written_ % 64 == 0;
  return astray ? page ^ kPage : page;
}

}  // namespace vfsim::bench
