#include "testbench/workload/memory_load.hpp"

#include <fmt/format.h>

#include "firmware/interface/layout.h"

namespace vfsim::bench {

using BOOST_OUTCOME_V2_NAMESPACE::success;

MemoryLoad::MemoryLoad(SimOs& os, driver::Platform& platform, const WorkloadParams& params)
    : os_(os),
      platform_(platform),
      pages_(params.dirty_pages),
      gap_(params.dirty_gap_ns),
      ended_(os.make_event()) {}

void MemoryLoad::start() {
  if (pages_ == 0) {
    return;
  }
  running_ = true;
  written_.resize(pages_);
  os_.spawn("memory", [this] {
    work();
    running_ = false;
    ended_->notify();
  });
}

void MemoryLoad::work() {
  address_ = platform_.dma_alloc(std::size_t{pages_} * VF_PAGE_BYTES).value_or(0);
  for (std::uint64_t n = 1; address_ != 0 && !stop_; ++n) {
    const std::size_t page = n % pages_;
    platform_.mem_write(address_ + page * VF_PAGE_BYTES, &n, sizeof n);
    written_[page] = n;
    os_.sleep(gap_);
  }
}

driver::Result<void> MemoryLoad::finish() {
  stop_ = true;
  while (running_) {
    ended_->wait(driver::kForever);
  }
  if (pages_ != 0 && address_ == 0) {
    return driver::fail(ENOMEM, fmt::format("no memory for workload.dirty_pages = {}", pages_));
  }
  for (std::size_t page = 0; page < written_.size(); ++page) {
    std::uint64_t found = 0;
    platform_.mem_read(address_ + page * VF_PAGE_BYTES, &found, sizeof found);
    if (found != written_[page]) {
      return driver::fail(
          EIO, fmt::format("page {} of the guest's CPU holds write {}, the last was {}", page,
                           found, written_[page]));
    }
  }
  return success();
}

}  // namespace vfsim::bench
