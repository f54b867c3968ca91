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
///
/// What the wire drops (wire.unowned = "drop") is sent again: the frames of that guest wait in a
/// backlog, the first of them is tried every `retry`, and when it is taken the rest follows.
class TrafficPeer final : public model::WireEndpoint, public model::FrameFate {
 public:
  TrafficPeer(model::Calendar& calendar, Oracle& oracle, model::Ps retry);

  void connect(model::WirePort& wire) { wire_ = &wire; }
  /// Starts the client side of a guest's schedule now. The schedule must outlive the run.
  void start(std::uint32_t guest, const std::vector<TimedFrame>& frames);
  /// Sends nothing more to the guest.
  void stop(std::uint32_t guest);
  void dropped(const std::uint8_t* bytes, std::uint32_t length) override;
  void taken(const std::uint8_t* bytes, std::uint32_t length) override;
  /// All frames of the guest were due and have been sent or wait in the backlog.
  [[nodiscard]] bool done(std::uint32_t guest) const;

  model::FrameDrop frame_arrived(const std::uint8_t* bytes, std::uint32_t length) override;
  [[nodiscard]] bool owns_mac(const std::uint8_t* mac) const override;

 private:
  struct Conversation {
    const std::vector<TimedFrame>* frames = nullptr;
    std::size_t next = 0;
    model::Ps start = 0;
    std::deque<Frame> backlog;    // in order
    std::size_t returned = 0;     // of these, dropped since the last try
    std::size_t under_way = 0;    // frames whose fate is open
    model::Ps next_try = model::kNever;
    bool owned = false;           // the last try was taken: the rest may follow
    [[nodiscard]] bool open() const { return frames != nullptr && next < frames->size(); }
    [[nodiscard]] model::Ps due() const { return start + (*frames)[next].at; }
  };
  void send_due();
  void send_schedule(std::uint32_t guest, Conversation& c);
  void try_backlog(Conversation& c);
  void send(Conversation& c, const Frame& frame);
  Conversation* settle(const std::uint8_t* bytes);
  void arm_next();

  model::Calendar& calendar_;
  Oracle& oracle_;
  const model::Ps retry_;
  model::WirePort* wire_ = nullptr;
  std::vector<Conversation> conversations_;  // by guest
  model::MethodTimer<TrafficPeer, &TrafficPeer::send_due> timer_{*this};
};

}  // namespace vfsim::bench
