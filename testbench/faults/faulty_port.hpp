// Deliberate defects on the bus: a decorator between a NIC and its link. Faults of layer `bus`.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "firmware/interface/faults.h"
#include "firmware/interface/layout.h"
#include "systemc/common/probe.hpp"
#include "systemc/pcie/host.hpp"

namespace vfsim::bench {

/// Where a function is in its quiesce, by the commands of its host.
enum class Stage : std::uint8_t { running, closing, p2p, stopping, stopped };

/// One defect (bus_faults.cpp). fn: function that sends or is meant, 0 for the PF.
class BusFault {
 public:
  virtual ~BusFault() = default;
  /// The NIC sends a request. May change it; true: it is dealt with, nothing else is sent.
  virtual bool sending(std::uint32_t fn, model::Tlp& tlp, const std::uint8_t* payload) {
    (void)fn, (void)tlp, (void)payload;
    return false;
  }
  /// Something reaches the NIC. True: it is dealt with.
  virtual bool receiving(const model::Tlp& tlp, const std::uint8_t* payload) {
    (void)tlp, (void)payload;
    return false;
  }
  virtual void entered(std::uint32_t fn, Stage stage) { (void)fn, (void)stage; }
  virtual void reset(std::uint32_t fn) { (void)fn; }
};

/// Towards the NIC it is the link, towards the link it is the NIC. What it does to TLPs is what the
/// bus sees, since the link reports them. Machines without a fault of this layer have none.
class FaultyPort final : public model::PciePort,
                         public model::PcieEndpoint,
                         public model::Observer,
                         private model::Timer {
 public:
  /// @param base  routing id of the device's first function: of the PF, or of the peer device
  /// @param host  that it is attached to, number `index`
  FaultyPort(model::Calendar& calendar, model::ProbeBus& probes, model::PcieEndpoint& nic,
             model::Rid base, model::Host& host, std::uint8_t index, vf_fault_set faults);
  ~FaultyPort() override;

  /// Whether the set has a fault of this layer.
  [[nodiscard]] static bool wanted(vf_fault_set faults);
  void connect(model::PciePort& link) { link_ = &link; }

  // The link, as the NIC sees it.
  [[nodiscard]] bool can_send(model::TlpKind kind, std::uint32_t payload_bytes) override {
    return link_->can_send(kind, payload_bytes);
  }
  void send(const model::Tlp& tlp, const std::uint8_t* payload) override;
  [[nodiscard]] model::Ps tx_free_at() const override { return link_->tx_free_at(); }

  // The NIC, as the link sees it.
  void receive(const model::Tlp& tlp, const std::uint8_t* payload) override;
  void write_landed(const model::Tlp& tlp, bool ok) override;
  void credits_returned() override;

  // What the defects use.
  [[nodiscard]] model::Ps now() const { return calendar_.now(); }
  [[nodiscard]] Stage stage(std::uint32_t fn) const { return stages_[fn]; }
  /// Whether the device is the peer device, not the NIC.
  [[nodiscard]] bool peer() const { return base_ == model::Host::kPeerRid; }
  [[nodiscard]] model::Host& host() { return host_; }
  /// Sends it after a delay. The NIC hears of its landing as usual.
  void send_later(const model::Tlp& tlp, const std::uint8_t* payload, model::Ps delay);
  /// The same for a TLP that the NIC has not sent, or believes to have landed: it hears nothing.
  void send_own(model::Tlp tlp, const std::uint8_t* payload, model::Ps delay);
  /// The NIC hears at once that its write has landed.
  void pretend_landed(const model::Tlp& tlp);

  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void function_reset(model::Ps t, model::FnRef who) override;

 private:
  struct Message {
    model::Tlp tlp;
    std::vector<std::uint8_t> payload;
    model::Ps due = 0;
  };

  void enter(std::uint32_t fn, Stage stage);
  void send_due();
  void arm();
  void fire() override;

  model::Calendar& calendar_;
  model::PcieEndpoint& nic_;
  model::PciePort* link_ = nullptr;
  const model::Rid base_;
  model::Host& host_;
  const std::uint8_t index_;
  std::array<Stage, VF_MAX_FUNCTIONS> stages_{};
  std::vector<std::unique_ptr<BusFault>> faults_;
  std::deque<Message> later_;      // by time
  std::deque<model::Tlp> landed_;  // the NIC is to hear of
};

}  // namespace vfsim::bench
