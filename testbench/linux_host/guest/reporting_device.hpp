// A VFIO device that tells the simulator of every call as it returns to the program.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "testbench/linux_host/user_call.hpp"
#include "testbench/sim_platform/forwarding_device.hpp"

namespace vfsim::guest {

/// Stands between a program and a device, and changes nothing. What it tells is what the rules about
/// descriptors, states, sizes, resets and dirty reports judge: the simulator sees neither the calls
/// nor what the guest's kernel makes of them.
class ReportingDevice final : public bench::ForwardingDevice {
 public:
  using Sink = std::function<void(const std::string& line)>;

  /// @param device   outlives this
  /// @param address  of the function: "0000:00:01.0"
  /// @param sink     takes lines, without their ends
  ReportingDevice(driver::VfioDevice& device, std::string address, Sink sink);

  [[nodiscard]] driver::Result<std::shared_ptr<driver::MigStream>> set_state(
      driver::MigState target) override;
  [[nodiscard]] driver::Result<void> reset() override;
  [[nodiscard]] driver::Result<std::uint64_t> logging_start(
      std::uint64_t page_size, const std::vector<driver::IovaRange>& ranges) override;
  [[nodiscard]] driver::Result<void> logging_stop() override;
  [[nodiscard]] driver::Result<std::vector<std::uint64_t>> logging_report(
      std::uint64_t iova, std::uint64_t length) override;

 private:
  class Stream;
  using Numbers = std::vector<std::uint64_t>;
  void tell(bench::UserCallKind kind, Numbers numbers) const;
  /// In as many lines as it takes.
  void tell_parts(bench::UserCallKind kind, const Numbers& numbers) const;
  [[nodiscard]] std::uint64_t reported_state();

  const std::string address_;
  const Sink sink_;
  std::uint64_t descriptors_ = 0;  // opened so far
};

/// Writes marked lines to the console, at once.
void tell_console(const std::vector<std::string>& lines);

}  // namespace vfsim::guest
