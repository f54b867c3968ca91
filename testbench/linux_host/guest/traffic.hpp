// A guest's work on its VF: numbered frames out, the same frames back from the wire.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "host_driver/guest/eth_driver.hpp"
#include "host_driver/platform/platform.hpp"
#include "testbench/linux_host/guest/frame_report.hpp"
#include "testbench/oracle/flow_ledger.hpp"

namespace vfsim::guest {

struct TrafficOptions {
  std::uint32_t guest = 0;  // number in the addresses of both ends (testbench/workload/frames.hpp)
  std::uint32_t frame_bytes = 512;
  std::uint32_t burst = 8;          // frames at a time: each wake-up of a guest costs real time
  driver::Nanoseconds gap{20'000};  // of one frame, on average
};

/// Sends to an echo end point on the wire and accounts for every frame that comes back: which
/// number, in order, every byte. Tells of each of them, too. Runs in threads of the driver's Os.
class Traffic {
 public:
  /// @param report  outlives this
  Traffic(driver::Os& os, driver::EthDriver& driver, FrameReport& report,
          const TrafficOptions& options);

  /// Sends `frames` more, in the background. EBUSY: still sending.
  [[nodiscard]] driver::Result<void> send(std::uint64_t frames);
  /// Until everything is sent, completed and back, or nothing has moved for `patience`. False: it
  /// was the latter. In either case asks the driver whether it waits for an interrupt in vain.
  [[nodiscard]] bool wait(driver::Nanoseconds patience);
  /// The function is lost: what is under way is not missed (it may come all the same), and sending
  /// waits for resume().
  void pause();
  /// The driver has given up.
  void abandon() { told_.abandoned(driver_.sends_completed()); }
  void resume() { paused_ = false; }
  /// Sends nothing any more; returns when the sending thread has ended.
  void stop();
  /// The driver is down.
  void leave() { told_.down(driver_.sends_completed()); }
  [[nodiscard]] std::string report() const;
  /// Nothing duplicated, corrupted, reordered or in error; frames may be lost on the wire.
  [[nodiscard]] bool clean() const;

 private:
  void send_all(std::uint64_t frames);
  bool send_burst(std::uint32_t frames);
  std::uint32_t wait_for_room();
  driver::Result<void> send_one(bool ring);
  [[nodiscard]] bool complete() const;
  void tell() { told_.tell(driver_.sends_completed()); }
  [[nodiscard]] bool settle(driver::Nanoseconds patience);
  void received(const std::uint8_t* frame, std::uint32_t length);

  driver::Os& os_;
  driver::EthDriver& driver_;
  FrameReport& told_;
  TrafficOptions options_;
  bench::FlowLedger ledger_;
  std::unique_ptr<driver::Event> changed_;  // sending has ended, or all is back
  std::uint64_t next_number_ = 0;
  std::uint64_t full_ = 0;  // times that the ring had no room
  std::uint64_t batch_ = 0;  // completion event of the last arrival
  driver::Nanoseconds last_arrival_{0}, longest_gap_{0};
  std::string error_;
  bool sending_ = false;
  bool paused_ = false;
  bool stop_ = false;
};

}  // namespace vfsim::guest
