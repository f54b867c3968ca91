// Tells the simulator's oracle of the frames of a guest's driver.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "testbench/linux_host/user_call.hpp"
#include "testbench/oracle/flow_ledger.hpp"

namespace vfsim::guest {

/// Frames are collected and told together: each word to the simulator costs real time. What a driver
/// is about to send must be told (tell()) before it rings for it.
class FrameReport {
 public:
  /// @param guest  number in the addresses of its frames
  /// @param sink   takes one line or several, without marks
  using Sink = std::function<void(const std::vector<std::string>& lines)>;
  FrameReport(std::uint32_t guest, Sink sink);

  /// The driver is on this function from now on. @param address  PCI, as the guest numbers it
  void uses(const std::string& address);
  /// It takes this frame for sending.
  void posts(bench::FrameHash frame) { posted_.push_back(frame); }
  /// It has handed this one up.
  void delivered(bench::FrameHash frame);
  /// Tells what was collected. @param completed  sends, in total
  void tell(std::uint64_t completed);
  /// It has given up what it had posted.
  void abandoned(std::uint64_t completed);
  /// Nothing moves any more: so often it waits for an interrupt although what it announces is there.
  void waits(std::uint64_t interrupts);
  /// It is down: nothing is due any more.
  void down(std::uint64_t completed);

 private:
  using Numbers = std::vector<std::uint64_t>;
  void add(bench::UserCallKind kind, Numbers numbers);
  /// In as many lines as it takes.
  void add_frames(bench::UserCallKind kind, Numbers& frames);
  void send();

  const std::uint32_t guest_;
  const Sink sink_;
  std::string address_;
  Numbers posted_, delivered_;
  std::uint64_t completed_ = 0;  // as told
  std::vector<std::string> lines_;
};

}  // namespace vfsim::guest
