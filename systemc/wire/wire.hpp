// The Ethernet segment: full-duplex links of up to three endpoints to one switch.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "systemc/common/calendar.hpp"
#include "systemc/common/params.hpp"
#include "systemc/common/ring.hpp"
#include "systemc/common/slot_pool.hpp"
#include "systemc/wire/port.hpp"

namespace vfsim::model {

/// Frames, counted once each, but `retried`, which counts attempts.
struct WireCounters {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;  // taken by an endpoint (a flooded frame: by at least one)
  std::uint64_t held = 0;       // had to wait for an owner
  std::uint64_t dropped = 0;
  std::uint64_t retried = 0;
};

/// Whether the switch sends frames back to the port that they came from.
enum class Relay : std::uint8_t { none, reflective };

/// A frame arrives one serialisation time (with preamble, FCS and gap) plus the latency after the
/// sender's line was free, at the endpoint that owns its destination MAC and accepts it; a
/// multicast or broadcast frame at all but the sender. Frames of one sender to one MAC never
/// overtake each other. On a port that is a reflective relay the sender counts among the receivers:
/// functions of one NIC reach each other there (IEEE 802.1Qbg), and the NIC keeps each of them from
/// what it sent itself.
///
/// A unicast frame that nobody owns or accepts waits (params.unowned "hold"): it is tried again
/// every retry_us, frames to the same MAC queue behind it and follow at line rate; or it is dropped
/// ("drop") and the sender is told; one that finds its endpoint not_ready waits then, too, if the
/// sender cannot be told. Dropped in either case: frames that an endpoint calls too long,
/// frames above hold_frames, frames longer than the segment carries, and frames without a whole
/// header. A multicast frame that nobody takes is dropped.
class EthernetWire {
 public:
  /// @param gbps       line rate of every port
  /// @param max_frame  longest frame carried, bytes without FCS
  EthernetWire(Calendar& calendar, const WireParams& params, std::uint32_t gbps,
               std::uint32_t max_frame = 10240);
  ~EthernetWire();
  EthernetWire(const EthernetWire&) = delete;
  EthernetWire& operator=(const EthernetWire&) = delete;

  /// Connects an endpoint; ports are numbered in this order. `fate`, if given, hears of each of its
  /// frames.
  WirePort& attach(WireEndpoint& endpoint, FrameFate* fate = nullptr, Relay relay = Relay::none);
  [[nodiscard]] WirePort& port(std::size_t index);

  [[nodiscard]] const WireCounters& counters() const { return counters_; }
  /// Frames that wait for an owner, now.
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  /// Frames between sender and switch, now.
  [[nodiscard]] std::size_t in_flight() const;
  /// Time of a frame on the line.
  [[nodiscard]] Ps duration(std::uint32_t length) const;

 private:
  class Port;
  using Mac = std::array<std::uint8_t, 6>;
  struct Frame {
    Ps due = 0;
    std::uint32_t slot = SlotPool::kNone;
    std::uint32_t length = 0;
    std::uint32_t sender = 0;
  };
  struct Queue {
    Mac mac{};
    Ps next_try = 0;
    Ring<Frame> frames{64};
  };

  /// Whether a frame that was offered and not taken is tried again.
  [[nodiscard]] bool waits(const Frame& frame, FrameDrop result) const;
  [[nodiscard]] bool reaches(const Frame& frame, std::uint32_t port) const;
  void route(const Frame& frame);
  void flood(const Frame& frame);
  [[nodiscard]] FrameDrop offer(const Frame& frame);
  void hold(Queue& queue, const Frame& frame);
  [[nodiscard]] Queue* waiting_queue(const Mac& mac);
  [[nodiscard]] Queue& free_queue(const Mac& mac);
  void retry();
  void retry_head(Queue& queue);
  void deliver(const Frame& frame);
  void drop(const Frame& frame);
  [[nodiscard]] const std::uint8_t* bytes(const Frame& frame) const {
    return slots_.data(frame.slot);
  }
  [[nodiscard]] Mac destination(const Frame& frame) const;

  Calendar& calendar_;
  const Ps latency_;
  const Ps retry_period_;
  const bool hold_unowned_;
  const std::size_t hold_limit_;
  const std::uint32_t gbps_;
  SlotPool slots_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::unique_ptr<Queue>> queues_;  // an empty one is free for any MAC
  std::size_t waiting_ = 0;
  WireCounters counters_;
  MethodTimer<EthernetWire, &EthernetWire::retry> retry_timer_{*this};
};

}  // namespace vfsim::model
