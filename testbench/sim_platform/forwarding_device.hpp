// A VFIO device that passes every call on: base of what stands between a VMM and a device.
#pragma once

#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::bench {

class ForwardingDevice : public driver::VfioDevice {
 public:
  /// @param device  outlives this
  explicit ForwardingDevice(driver::VfioDevice& device) : device_(device) {}

  [[nodiscard]] std::uint64_t migration_flags() const override { return device_.migration_flags(); }
  [[nodiscard]] driver::Result<driver::MigState> state() override { return device_.state(); }
  [[nodiscard]] driver::Result<std::shared_ptr<driver::MigStream>> set_state(
      driver::MigState target) override {
    return device_.set_state(target);
  }
  [[nodiscard]] driver::Result<void> reset() override { return device_.reset(); }
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

 protected:
  [[nodiscard]] driver::VfioDevice& inner() { return device_; }

 private:
  driver::VfioDevice& device_;
};

}  // namespace vfsim::bench
