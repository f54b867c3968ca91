// A VFIO device whose every call is put on the probes as it returns to user space.
#pragma once

#include <memory>

#include "systemc/common/probe.hpp"
#include "testbench/sim_platform/forwarding_device.hpp"

namespace vfsim::bench {

/// Stands between the VMM and a device, and changes nothing: what rules about descriptors, states
/// and resets see is what user space got (S5, S6, D3, F1, R1). Takes no simulated time.
class WatchedDevice final : public ForwardingDevice {
 public:
  /// @param device  outlives this
  /// @param who     under which its calls are observed
  WatchedDevice(driver::VfioDevice& device, model::FnRef who, model::Calendar& calendar,
                const model::ProbeBus& probes);
  ~WatchedDevice() override;

  [[nodiscard]] driver::Result<std::shared_ptr<driver::MigStream>> set_state(
      driver::MigState target) override;
  [[nodiscard]] driver::Result<void> reset() override;

 private:
  class Stream;
  [[nodiscard]] std::uint32_t reported_state();

  const model::FnRef who_;
  model::Calendar& calendar_;
  const model::ProbeBus& probes_;
  std::weak_ptr<Stream> last_;     // one descriptor lives through several states
  std::uint32_t descriptors_ = 0;  // opened so far
};

}  // namespace vfsim::bench
