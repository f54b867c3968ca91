// The application in a guest: plays its side of the conversation through the VF driver.
#pragma once

#include <cstdint>
#include <vector>

#include "host_driver/guest/eth_driver.hpp"
#include "testbench/oracle/oracle.hpp"
#include "testbench/sim_platform/sim_os.hpp"
#include "testbench/workload/schedule.hpp"

namespace vfsim::bench {

/// Sends the frames of a schedule at their times, later ones at once when the guest was stopped meanwhile; everything
/// it posts and receives is told to the oracle.
class GuestApp {
 public:
  GuestApp(SimOs& os, driver::EthDriver& driver, Oracle& oracle, std::uint32_t guest);

  /// Starts the sending thread now. The schedule must outlive the run.
  void start(const std::vector<TimedFrame>& frames);
  [[nodiscard]] bool all_sent() const { return started_ && done_; }
  /// Posts one more frame, in turn with the schedule's; in another thread of the guest. ENODEV: stop(); ETIMEDOUT: the
  /// driver has not taken it until `deadline`.
  [[nodiscard]] driver::Result<void> send_in_turn(const Frame& frame, driver::Nanoseconds deadline);
  /// The driver is about to lose its function. A frame that it has not taken is told of once more behind resume(): the
  /// oracle has written it off with the others.
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  /// There is no device any more: sends nothing from now on.
  void stop() { stopped_ = true; }
  /// Why sending ended early; empty if it did not.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void send_all(const std::vector<TimedFrame>& frames);
  /// Posts one frame, waiting for room in the send queue.
  [[nodiscard]] driver::Result<void> send(const Frame& frame, driver::Nanoseconds deadline);
  bool wait_for_driver();

  SimOs& os_;
  driver::EthDriver& driver_;
  Oracle& oracle_;
  std::uint32_t guest_;
  bool started_ = false;
  bool done_ = false;
  bool sending_ = false;  // a frame is told to the oracle and not yet taken: the order must stay
  bool paused_ = false;
  bool stopped_ = false;
  std::string error_;
};

}  // namespace vfsim::bench
