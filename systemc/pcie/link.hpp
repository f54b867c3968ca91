// One device's link: serialisers, FIFO lanes and flow-control credits of both directions.
#pragma once

#include <random>

#include "systemc/common/calendar.hpp"
#include "systemc/common/params.hpp"
#include "systemc/common/probe.hpp"
#include "systemc/common/ring.hpp"
#include "systemc/common/slot_pool.hpp"
#include "systemc/pcie/port.hpp"

namespace vfsim::model {

class PcieLink;

/// A TLP under way inside the fabric.
struct Packet {
  Tlp tlp;
  Ps due = 0;                    // when it arrives at the end of its lane
  std::uint64_t local_addr = 0;  // requests going down: address in the target's BAR0
  PcieLink* origin = nullptr;    // peer-to-peer write: link of the sender
  std::uint64_t sequence = 0;    // peer-to-peer write: its entry in the sender's list of landings
  std::uint32_t slot = SlotPool::kNone;  // payload
  std::uint8_t passed = 0;               // how often another TLP went past it
};

/// What one completion adds to the request it answers.
struct CompletionPart {
  CplStatus status = CplStatus::successful;
  bool last = true;
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t slot = SlotPool::kNone;
};

/// Takes what arrives at the top of a link.
class UpstreamSink {
 public:
  virtual ~UpstreamSink() = default;
  /// Owns the payload slot from here on.
  virtual void arrived(PcieLink& link, Packet& packet) = 0;
};

/// Time on the wire. Rates: PCIe base specification, 8b/10b up to 5 GT/s, 128b/130b above.
class LinkRate {
 public:
  LinkRate(std::uint32_t generation, std::uint32_t lanes);
  /// Duration of a TLP with this payload.
  [[nodiscard]] Ps duration(std::uint32_t payload_bytes) const {
    return (static_cast<Ps>(payload_bytes + kTlpOverhead) * fs_per_byte_ + 999) / 1000;
  }

 private:
  std::uint64_t fs_per_byte_;
};

/// Upward: posted and non-posted requests against the host's credits, completions without (a root
/// complex accepts all it asked for); everything takes effect one latency plus memory_ns after its
/// last byte left. Downward: completions against the device's data credits, requests without;
/// everything is received one latency after it left. Both directions are FIFO, so nothing passes a
/// posted write; a relaxed TLP is treated like any other, which the ordering rules allow. Down, a
/// completion that lacks credits waits beside the lane and requests pass it.
///
/// With params.reorder a TLP that may pass others does so now and then: the last ones before it, as
/// far as the rules allow (PCIe base specification, table of ordering rules), arrive with it,
/// behind it. Nothing arrives earlier than without.
class PcieLink final : public PciePort {
 public:
  PcieLink(Calendar& calendar, ProbeBus& probes, const PcieParams& params, SlotPool& payloads,
           PcieEndpoint& device, UpstreamSink& root, std::uint8_t host, std::uint64_t seed);

  // PciePort, called by the device.
  [[nodiscard]] bool can_send(TlpKind kind, std::uint32_t payload_bytes) override;
  void send(const Tlp& tlp, const std::uint8_t* payload) override;
  [[nodiscard]] Ps tx_free_at() const override;

  // Called by the root complex.
  /// Each takes over the payload slot.
  void request_down(const Packet& packet);
  void completion_down(const Packet& packet);
  /// Sends one completion of a request of the device.
  void answer_down(const Tlp& request, const CompletionPart& part);
  /// A posted write of the device was consumed here; tells the device one latency later.
  void landed(const Tlp& tlp, bool ok);
  /// The same for a write that went on to a peer: returns what settle() wants when the peer has
  /// received it.
  [[nodiscard]] std::uint64_t landing_later(const Tlp& tlp);
  void settle(std::uint64_t sequence, bool ok);
  /// A non-posted request of the device was consumed.
  void return_nonposted();
  /// Link retrain: neither direction starts a TLP for this long.
  void stall(Ps duration);

 private:
  struct Landing {
    Tlp tlp;
    Ps due = kNever;  // kNever: the peer has not got it yet
    bool ok = false;
  };
  struct CreditReturn {
    Ps due = 0;
    std::uint32_t units = 0;
  };
  static constexpr std::size_t kFirstCapacity = 64;
  /// A 16-byte unit of flow control.
  static constexpr std::uint32_t units(std::uint32_t bytes) { return (bytes + 15) / 16; }

  /// Handles what is due in a lane, and goes on while nothing else happens before the next; arms
  /// the timer for the rest. Items are handled in place: handlers put nothing into the same lane,
  /// since every way back has a latency.
  template <class T, class Handle>
  void work_off(Ring<T>& lane, Timer& timer, const Handle& handle);
  /// The lane for a completion with this payload: down, or beside it for lack of credits.
  [[nodiscard]] Ring<Packet>& completion_lane(std::uint32_t bytes);
  /// The packet that was just put into a lane: starts its way down, or its wait for credits.
  void start_down(Packet& packet);
  void await_completion_credits();
  /// The last packet of a lane goes past some of those before it.
  void overtake(Ring<Packet>& lane);
  void up_arrival();
  void down_arrival();
  void deliver(Packet& packet);
  void report_landings();
  void nonposted_back();
  void take_nonposted_returns();
  void completion_credit_back();
  void take_completion_returns();

  Calendar& calendar_;
  ProbeBus& probes_;
  SlotPool& payloads_;
  PcieEndpoint& device_;
  UpstreamSink& root_;
  const LinkRate rate_;
  const Ps latency_;
  const Ps memory_;
  const std::uint8_t host_;

  Ps up_free_ = 0;
  Ps down_free_ = 0;
  std::uint32_t posted_headers_;
  std::uint32_t posted_data_;
  std::uint32_t nonposted_headers_;
  std::uint32_t completion_data_;
  bool posted_starved_ = false;
  bool nonposted_starved_ = false;
  const bool reorder_;
  std::minstd_rand draw_;

  // Rings start small, so that a lightly used one stays in the cache, and grow to what the credits
  // let in.
  Ring<Packet> up_{kFirstCapacity};
  Ring<Packet> down_{kFirstCapacity};
  Ring<Packet> stalled_{kFirstCapacity};  // completions that wait for credits
  Ring<Landing> landings_{kFirstCapacity};
  Ring<CreditReturn> nonposted_returns_{kFirstCapacity};
  Ring<CreditReturn> completion_returns_{kFirstCapacity};
  MethodTimer<PcieLink, &PcieLink::up_arrival> up_timer_{*this};
  MethodTimer<PcieLink, &PcieLink::down_arrival> down_timer_{*this};
  MethodTimer<PcieLink, &PcieLink::report_landings> landing_timer_{*this};
  MethodTimer<PcieLink, &PcieLink::nonposted_back> nonposted_timer_{*this};
  MethodTimer<PcieLink, &PcieLink::completion_credit_back> completion_timer_{*this};
};

}  // namespace vfsim::model
