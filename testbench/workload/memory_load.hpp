// What a guest's CPU writes into its memory while the devices work.
#pragma once

#include <cstdint>
#include <vector>

#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"
#include "testbench/sim_platform/sim_os.hpp"
#include "testbench/workload/workload_params.hpp"

namespace vfsim::bench {

/// Writes a number into one page after the other, workload.dirty_pages of them, until finish().
class MemoryLoad {
 public:
  MemoryLoad(SimOs& os, driver::Platform& platform, const WorkloadParams& params);

  /// Starts the thread; does nothing with dirty_pages = 0.
  void start();
  /// Ends it and reads everything back. Blocks. ENOMEM: the guest's memory is too small; EIO: a
  /// page does not hold what was written last.
  [[nodiscard]] driver::Result<void> finish();

 private:
  void work();

  SimOs& os_;
  driver::Platform& platform_;
  const std::uint32_t pages_;
  const driver::Nanoseconds gap_;
  std::unique_ptr<driver::Event> ended_;
  std::vector<std::uint64_t> written_;  // by page
  std::uint64_t address_ = 0;
  bool running_ = false;
  bool stop_ = false;
};

}  // namespace vfsim::bench
