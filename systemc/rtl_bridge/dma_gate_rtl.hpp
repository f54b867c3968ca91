// The verilated quiesce gate in the place of the SystemC one.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "systemc/common/ring.hpp"
#include "systemc/nic/dma_gate.hpp"
#include "systemc/nic/nic_core.hpp"
#include "systemc/rtl_bridge/dma_gate_pins.hpp"

namespace vfsim::model {

/// rtl_models/dma_gate, clocked in simulated time while it has work: edges at multiples of
/// nic.rtl_clock_ps, none while nothing can change. A call is seen at the next edge; what the
/// hardware takes one of a cycle (completions, landings, resets) waits in a queue for it.
///
/// The gate counts ticks: a read expires up to lateness() after nic.completion_timeout_us, and
/// never sooner than 127 sweeps over the tags take.
class DmaGateRtl final : public DmaGate {
 public:
  /// @param name  of the instance: "A.dma_gate"
  DmaGateRtl(NicCore& core, rtl::RtlSession& session, const std::string& name);
  [[nodiscard]] static Ps lateness(const NicParams& params);

  void set_client(DmaGateClient& client) override { client_ = &client; }
  void set_listener(QuiesceListener& listener) override { listener_ = &listener; }
  void request_read(std::uint32_t fn, bool pending) override;
  void request_posted(std::uint32_t fn, GatePosted head) override;
  void link_ready() override { wake(); }
  void completed(std::uint16_t tag) override;
  void landed(std::uint32_t fn) override;
  void quiesce(std::uint32_t fn, bool on) override;
  void work_ended(std::uint32_t fn) override;
  void reset(std::uint32_t fn) override;
  // Counts as of the calls so far; those of the pins are up to a queue behind.
  [[nodiscard]] std::uint32_t outstanding(std::uint32_t fn) const override {
    return functions_[fn].outstanding;
  }
  [[nodiscard]] std::uint32_t posted(std::uint32_t fn) const override {
    return functions_[fn].in_flight;
  }
  [[nodiscard]] bool is_quiet(std::uint32_t fn) const override { return quiet_[fn]; }
  [[nodiscard]] bool timed_out(std::uint32_t fn) const override { return pins_.timed_out(fn); }

 private:
  using Set = std::bitset<kNicFunctions>;
  struct Function {
    std::uint32_t outstanding = 0;
    std::uint32_t in_flight = 0;
    GatePosted posted = GatePosted::none;
    bool read = false;
    bool was_drained = false;  // while quiet
  };
  struct Tag {
    std::uint8_t fn = 0;
    bool live = false;  // the engine waits for it
  };

  [[nodiscard]] static Ps tick_period(const NicParams& params);
  void wake();
  void wake(std::uint32_t cycles);
  void edges();
  void cycle();
  void drive(std::uint32_t fn);
  void drive_inputs();
  void act(const DmaGatePins::Out& out);
  void acknowledge();
  [[nodiscard]] bool has_work();
  void watch_tag();
  void quarantine();
  void tick();

  NicCore& core_;
  DmaGateClient* client_ = nullptr;
  QuiesceListener* listener_ = nullptr;
  const TagShare share_;
  const Ps period_;
  const Ps tick_period_;
  DmaGatePins pins_;
  std::array<Function, kNicFunctions> functions_;
  std::array<Tag, DmaGatePins::kTags> tags_;
  Set reading_, posting_;       // driven requests
  Set asked_, quiet_;           // quiesce requested, acknowledged
  Set falling_, rising_again_;  // quiesce pins that must be seen low first
  Set resetting_;               // in the queue: their requests wait
  Set drained_again_;           // to be told
  const Set unowned_;           // functions without an own tag
  Set own_used_;                // own tags that are not free, as far as known
  Ring<std::uint16_t> completions_;
  Ring<std::uint8_t> landings_, resets_;
  bool tick_due_ = false;
  bool reads_open_ = false;       // the link took reads in the last cycle
  bool clocking_ = false;         // inside edges()
  std::uint32_t settling_ = 0;    // cycles that a change may still take to show
  std::uint32_t slots_left_ = 0;  // cycles until each function has had its slot
  std::uint32_t live_tags_ = 0;
  Ps quarantine_until_ = 0;
  Ps next_edge_ = 0;  // earliest
  MethodTimer<DmaGateRtl, &DmaGateRtl::edges> clock_{*this};
  MethodTimer<DmaGateRtl, &DmaGateRtl::tick> tick_{*this};
};

}  // namespace vfsim::model
