// The other end of the guests' conversations, on the wire.
#pragma once

#include <deque>
#include <vector>

#include "systemc/common/calendar.hpp"
#include "systemc/wire/port.hpp"
#include "testbench/oracle/oracle.hpp"
#include "testbench/workload/schedule.hpp"

namespace vfsim::bench {

/// Sends each guest's frames at their times and takes what the guests send.
class TrafficPeer final : public model::WireEndpoint, public model::FrameFate {
 public:
  TrafficPeer(model::Calendar& calendar, Oracle& oracle, model::Ps retry);

  void connect(model::WirePort& wire) { wire_ = &wire; }
  /// Starts the client side of a guest's schedule now. The schedule must outlive the run.
  void start(std::uint32_t guest, const std::vector<TimedFrame>& frames);
  /// A frame that the wire dropped for want of an owner (wire.unowned = "drop") is sent again after `retry`.
  void dropped(const std::uint8_t* bytes, std::uint32_t length) override;
  /// All frames of the guest have been sent once.
  [[nodiscard]] bool done(std::uint32_t guest) const;

  model::FrameDrop frame_arrived(const std::uint8_t* bytes, std::uint32_t length) override;
  [[nodiscard]] bool owns_mac(const std::uint8_t* mac) const override;

 private:
  struct Conversation {
    const std::vector<TimedFrame>* frames = nullptr;
    std::size_t next = 0;
    model::Ps start = 0;
    [[nodiscard]] bool open() const { return frames != nullptr && next < frames->size(); }
    [[nodiscard]] model::Ps due() const { return start + (*frames)[next].at; }
  };
  void send_due();
  void arm_next();

  model::Calendar& calendar_;
  Oracle& oracle_;
  const model::Ps retry_;
  model::WirePort* wire_ = nullptr;
  std::vector<Conversation> conversations_;  // by guest
  std::deque<TimedFrame> again_;  // dropped frames with the time of their next try, in order
  model::MethodTimer<TrafficPeer, &TrafficPeer::send_due> timer_{*this};
};

}  // namespace vfsim::bench
