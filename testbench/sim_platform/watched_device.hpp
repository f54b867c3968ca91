// A VFIO device whose every call is put on the probes as it returns to user space.
#pragma once

#include <memory>

#include "host_driver/migration/vfio_device.hpp"
#include "systemc/common/probe.hpp"

namespace vfsim::bench {

/// Stands between the VMM and a device, and changes nothing: what rules about descriptors, states
/// and resets see is what user space got (S5, S6, D3, F1, R1). Takes no simulated time.
class WatchedDevice final : public driver::VfioDevice {
 public:
  /// @param device  outlives this
  /// @param who     under which its calls are observed
  WatchedDevice(driver::VfioDevice& device, model::FnRef who, model::Calendar& calendar,
                const model::ProbeBus& probes);
  ~WatchedDevice() override;

  [[nodiscard]] std::uint64_t migration_flags() const override { return device_.migration_flags(); }
  [[nodiscard]] driver::Result<driver::MigState> state() override { return device_.state(); }
  [[nodiscard]] driver::Result<std::shared_ptr<driver::MigStream>> set_state(
      driver::MigState target) override;
  [[nodiscard]] driver::Result<void> reset() override;
  [[nodiscard]] driver::Result<std::uint64_t> data_size() override { return device_.data_size(); }
  void opt_in_precopy_reinit() override { device_.opt_in_precopy_reinit(); }
  [[nodiscard]] bool logging_supported() const override { return device_.logging_supported(); }
  [[nodiscard]] driver::Result<std::uint64_t> logging_start(
      std::uint64_t page_size, const std::vector<driver::IovaRange>& ranges) override {
    return device_.logging_start(page_size, ranges);
  }
  [[nodiscard]] driver::Result<void> logging_stop() override { return device_.logging_stop(); }
  [[nodiscard]] driver::Result<std::vector<std::uint64_t>> logging_report(
      std::uint64_t iova, std::uint64_t length) override {
    return device_.logging_report(iova, length);
  }
  [[nodiscard]] driver::Result<std::vector<std::uint8_t>> save_config() override {
    return device_.save_config();
  }
  [[nodiscard]] driver::Result<void> restore_config(
      const std::vector<std::uint8_t>& bytes) override {
    return device_.restore_config(bytes);
  }

 private:
  class Stream;
  [[nodiscard]] std::uint32_t reported_state();

  driver::VfioDevice& device_;
  const model::FnRef who_;
  model::Calendar& calendar_;
  const model::ProbeBus& probes_;
  std::weak_ptr<Stream> last_;     // one descriptor lives through several states
  std::uint32_t descriptors_ = 0;  // opened so far
};

}  // namespace vfsim::bench
