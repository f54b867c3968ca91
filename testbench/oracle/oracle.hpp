// The end-to-end oracle: every work request, packet, page and interrupt of every guest (contract X1, D2, Q5).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "systemc/common/probe.hpp"
#include "systemc/memory/host_memory.hpp"
#include "testbench/oracle/flow_ledger.hpp"

namespace vfsim::bench {

/// Sums over all guests (result schema, "oracle").
struct OracleFigures {
  std::uint64_t tx_posted = 0;     // send work requests the guests posted
  std::uint64_t tx_completed = 0;  // completions they saw
  std::uint64_t tx_on_wire = 0;    // frames of guests that left a NIC
  std::uint64_t tx_discarded = 0;  // frames of guests whose turn came while the cable was pulled, or that a reset took
  std::uint64_t tx_abandoned = 0;  // sends that completed to nobody: the device was reset or removed
  std::uint64_t rx_offered = 0;    // frames the traffic peer sent to guests
  std::uint64_t rx_accepted = 0;   // of those, accepted by a NIC
  std::uint64_t rx_delivered = 0;  // received by the guests
  std::uint64_t rx_discarded = 0;  // accepted frames that a reset took
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t reordered = 0;
  std::uint64_t interrupts_lost = 0;
  std::uint64_t missed_dirty_pages = 0;
  std::uint64_t memory_mismatch_bytes = 0;
  std::uint64_t interrupt_checks = 0;  // guests asked whether they wait in vain
  // Frames of interfaces whose drivers only count: as the driver told, and as the device did.
  std::uint64_t interface_sent = 0, interface_on_wire = 0;
  std::uint64_t interface_accepted = 0, interface_received = 0;
  std::uint64_t interface_wrong = 0;  // lost, twice or from nowhere; at least 1 when only bytes differ
  std::uint64_t pages_compared = 0;
  /// Packets and sends that are not accounted for exactly once.
  [[nodiscard]] std::uint64_t packets_wrong() const {
    const auto differ = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; };
    return lost + duplicated + corrupted + reordered + differ(tx_posted, tx_completed + tx_abandoned) +
           differ(rx_offered, rx_accepted) + interface_wrong;
  }
};

/// What went through an interface. Bytes are those of the frames, without their check sequences; frames that were sent
/// count as 60 bytes at least, as the stock driver counts them.
struct PortCounts {
  std::uint64_t sent = 0, sent_bytes = 0;
  std::uint64_t received = 0, received_bytes = 0;
  PortCounts& operator+=(const PortCounts& other);
  PortCounts& operator-=(const PortCounts& other);
};

/// The first breach of a rule of the oracle.
struct Sighting {
  const char* rule = "";  // X1, D2, Q5
  model::Ps t = 0;
  model::FnRef who;
  std::string seen;
  const char* blame = "";  // kind of the newest observation of `who` that is to blame, as the event log names it
};

/// The ends of the frames that a guest receives go to another device of it instead of its memory.
struct SplitFrames {
  model::Rid requester = 0;      // of the guest's function
  std::uint64_t window = 0;      // physical address and size of the other device's BAR, on both hosts
  std::uint64_t window_bytes = 0;
  std::uint32_t tail_bytes = 0;  // 0: nothing is split
};

/// A guest here is one VF with its conversation: a guest with several VFs is as many of them. Fed by the wire probe, the
/// traffic peer and the guests' applications. Applications may tell of a frame by its hash instead of its bytes.
class Oracle final : public model::Observer {
 public:
  Oracle(model::ProbeBus& probes, std::uint32_t guests);

  [[nodiscard]] std::uint32_t guests() const { return static_cast<std::uint32_t>(guests_.size()); }
  /// The guest's driver is on this function from now on. Its guest may take it along to the same function of the other
  /// host without a word.
  void uses(std::uint32_t guest, model::FnRef who);
  /// Its driver is down: what the peer sent and no NIC has accepted is not due, nor is what it sends from now on.
  void leaves(std::uint32_t guest) { guests_[guest].left = true; }
  /// The guest's driver took a frame for sending / reports completions in total.
  void posted(std::uint32_t guest, FrameHash frame);
  void posted(std::uint32_t guest, const std::uint8_t* bytes, std::size_t length) {
    posted(guest, frame_hash(bytes, length));
  }
  /// Told of the first packet, page and interrupt that is wrong, when it is seen to be.
  void on_sighting(std::function<model::Ps()> now, std::function<void(const Sighting&)> listener) {
    now_ = std::move(now);
    listener_ = std::move(listener);
  }
  void completed(std::uint32_t guest, std::uint64_t total) { guests_[guest].completed = total; }
  /// The traffic peer sent a frame to a guest / received one of a guest.
  void offered(std::uint32_t guest) { guests_[guest].offered += guests_[guest].left ? 0U : 1U; }
  /// The wire has lost a frame that the peer had sent, and the peer will not send it again.
  void lost_on_wire(std::uint32_t guest) { guests_[guest].offered -= guests_[guest].left ? 0U : 1U; }
  void on_wire(std::uint32_t guest, const std::uint8_t* bytes, std::size_t length);
  /// The guest's driver handed a frame up.
  void delivered(std::uint32_t guest, FrameHash frame);
  void delivered(std::uint32_t guest, const std::uint8_t* bytes, std::size_t length) {
    delivered(guest, frame_hash(bytes, length));
  }
  /// From now on a frame has arrived when the guest was handed what is before the tail, and the tail was written to the
  /// other device: each once and in order. Call it before the frames come.
  void split(std::uint32_t guest, const SplitFrames& frames);
  /// The cable of a host's NIC is pulled or plugged in: what the NIC says it has discarded counts
  /// while it is out, and is a loss otherwise.
  void cable(std::uint8_t host, bool plugged) { plugged_[host] = plugged; }
  [[nodiscard]] bool plugged(std::uint8_t host) const { return plugged_[host]; }
  /// The guest's function is about to be reset: what it has not sent and the guest has not received at that moment is
  /// not missed, nor is what the guest posts until its driver gives up.
  /// `then`, if there is one, is called in that moment.
  void expect_reset(std::uint32_t guest, model::FnRef who, std::function<void()> then = {}) {
    resets_[guest] = {who, std::move(then)};
  }
  /// No reset will come after all.
  void expect_no_reset(std::uint32_t guest) { resets_[guest] = {}; }
  /// The guest's driver has given up what it had posted; `completed` is what it saw completed until then.
  void abandon(std::uint32_t guest, std::uint64_t completed);
  /// The guest has no device any more: nothing is due.
  void lose(std::uint32_t guest, std::uint64_t completed);
  /// When nothing moves any more: queues for whose interrupt the guest waits although nothing will raise it. May be told
  /// several times.
  /// @param first  what the first of them waits for
  void interrupts_checked(std::uint32_t guest, std::uint64_t lost, const std::string& first = "");
  /// An interface whose driver tells no frames, only counts: it begins with these; so far it has counted, while nothing
  /// was under way.
  /// @param functions  of which it is one after the other, the present one first; all their frames are its
  void interface_begins(const std::vector<model::FnRef>& functions, const PortCounts& driver);
  void interface_counted(const std::vector<model::FnRef>& functions, const PortCounts& driver);
  /// End of the run: what has not arrived will not.
  void tell_losses();

  /// Compares guest memory on both hosts after the last page was transferred and before the destination runs.
  /// @param who  for sightings: the guest's first VF on the destination
  void compare_memory(model::FnRef who, const model::HostMemory& source, std::uint64_t source_phys, const model::HostMemory& destination,
                      std::uint64_t destination_phys, std::uint64_t bytes);

  /// Everything that was offered to or posted by the guest has arrived and completed.
  [[nodiscard]] bool settled(std::uint32_t guest) const;
  [[nodiscard]] OracleFigures figures() const;

  void function_reset(model::Ps t, model::FnRef who) override;
  void tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload, bool ok) override;
  void frame_sent(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length) override;
  void frame_discarded(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length) override;
  void frame_received(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length,
                      model::FrameDrop drop) override;

 private:
  struct Guest {
    FlowLedger to_guest;   // accepted by the NIC -> handed to the guest
    FlowLedger to_client;  // posted by the guest -> seen by the peer
    FlowLedger tails;      // accepted by the NIC -> written to another device
    SplitFrames split;
    std::uint64_t completed = 0;
    std::uint64_t abandoned = 0;
    std::uint64_t offered = 0;
    std::uint64_t sent = 0;
    std::uint64_t interrupts_lost = 0;
    bool was_reset = false;  // and its driver has not given up yet
    bool left = false;       // its driver is down
    model::FnRef place;      // the function it was told to use, the host where frames of it were seen last
  };
  void arrive(std::uint32_t guest, FlowLedger& ledger, FrameHash frame, const char* what, const char* blame);
  void was_reset(std::uint32_t guest);
  void sight(const char* rule, model::Ps t, model::FnRef who, std::string seen, const char* blame = "");
  [[nodiscard]] model::Ps now() const { return now_ ? now_() : 0; }
  static constexpr std::uint8_t kNoHost = 0xff;
  struct ExpectedReset {
    model::FnRef who{kNoHost, 0};
    std::function<void()> then;
  };
  struct Interface {
    std::vector<model::FnRef> functions;
    PortCounts driver_base, device_base;
    PortCounts driver, device;  // since then, when they were compared last
  };
  [[nodiscard]] Interface& interface_of(const std::vector<model::FnRef>& functions);
  [[nodiscard]] PortCounts device_counts(const std::vector<model::FnRef>& functions) const;
  [[nodiscard]] static std::uint64_t wrong(const Interface& interface);
  [[nodiscard]] PortCounts& port(model::FnRef who) { return ports_[who.host * kFunctions + who.fn]; }

  /// Sends of a guest that complete to nobody.
  [[nodiscard]] static std::uint64_t abandoned(const Guest& guest);

  model::ProbeBus& probes_;
  bool any_split_ = false;
  std::vector<Guest> guests_;
  std::vector<ExpectedReset> resets_;  // by guest
  static constexpr std::size_t kFunctions = 256;
  std::vector<PortCounts> ports_{2 * kFunctions};
  std::vector<Interface> interfaces_;
  std::array<bool, 2> plugged_{true, true};
  std::uint64_t mismatch_bytes_ = 0;
  std::uint64_t stale_pages_ = 0;
  std::uint64_t pages_compared_ = 0;
  std::uint64_t interrupt_checks_ = 0;
  std::function<model::Ps()> now_;
  std::function<void(const Sighting&)> listener_;
  std::set<std::string> sighted_;  // rules
};

}  // namespace vfsim::bench
