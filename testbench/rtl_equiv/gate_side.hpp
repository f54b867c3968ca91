// One quiesce gate under a stimulus: plays the DMA engine, the link and the host around it.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "systemc/common/calendar.hpp"
#include "systemc/nic/dma_gate.hpp"
#include "systemc/nic/nic_core.hpp"
#include "testbench/rtl_equiv/gate_stimulus.hpp"
#include "testbench/rtl_equiv/histories.hpp"

namespace vfsim::bench {

enum class GateStream : std::uint8_t { reads, posted, gate, expired, count };

/// Legal reorderings of the two gates. What they do for one function in one of these streams comes
/// in the same order; everything else may pass:
///   functions   the RTL has slots, the SystemC model turns only
///   reads and posted requests of a function: they are independent on the link, too
///   the acknowledgement against grants of messages, which may leave before or behind it
///   expiries: the RTL counts ticks and looks at one tag after the other, so which reads expire is
///   compared, at the end, and not when
/// Numbers of tags are not compared: which one is free depends on who was first.
[[nodiscard]] std::vector<std::string> gate_streams();

class GateSide final : public model::DmaGateClient,
                       public model::QuiesceListener,
                       private model::PciePort {
 public:
  /// @param core   of this side alone: this becomes its link
  GateSide(Side side, model::NicCore& core, const GateStimulus& stimulus, Histories& histories);

  /// Starts the stimulus now.
  void start(model::DmaGate& gate);
  /// One event of the stimulus, at its time or later.
  void act(const GateStimulus::Event& event);
  /// A reset comes when neither side has a request of the function waiting, and a gate opens when
  /// both have acknowledged or neither: else it would depend on who was faster what they do.
  [[nodiscard]] bool has_requests(std::uint32_t fn) const;
  [[nodiscard]] bool is_quiet(std::uint32_t fn) const { return functions_[fn].quiet; }
  /// All requests have ended.
  [[nodiscard]] bool ended() const;
  /// Writes down what has no order.
  void finish();
  /// Rules that hold for each side by itself: "" or what is wrong.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

 private:
  struct Ending {
    model::Ps at = 0;
    std::uint8_t fn = 0;
    std::uint16_t tag = 0;
    std::uint16_t epoch = 0;
    bool read = false;
    bool operator>(const Ending& other) const { return at > other.at; }
  };
  struct Function {
    std::size_t next_read = 0, next_posted = 0;     // to come up
    std::size_t reads_asked = 0, posted_asked = 0;  // came up, not granted: from here
    std::uint32_t outstanding = 0, in_flight = 0;
    std::uint16_t epoch = 0;
    bool closed = false, working = false, quiet = false;
    std::set<std::size_t> expired;
  };
  struct Tag {
    std::uint8_t fn = 0;
    std::size_t read = 0;
    bool live = false;
  };

  // DmaGateClient, QuiesceListener, PciePort
  bool read_granted(std::uint32_t fn, std::uint16_t tag) override;
  model::GatePosted posted_granted(std::uint32_t fn, model::GatePosted kind) override;
  void read_expired(std::uint16_t tag) override;
  [[nodiscard]] bool busy(std::uint32_t fn) const override { return functions_[fn].working; }
  void quiet(std::uint32_t fn) override;
  void drained(std::uint32_t fn) override;
  bool can_send(model::TlpKind, std::uint32_t) override;
  void send(const model::Tlp&, const std::uint8_t*) override {}
  [[nodiscard]] model::Ps tx_free_at() const override { return core_.now(); }

  void step();
  void reset(std::uint32_t fn);
  void end(const Ending& ending);
  void ask(std::uint32_t fn);
  [[nodiscard]] model::GatePosted head(std::uint32_t fn) const;
  void arm();
  void record(GateStream stream, std::uint32_t fn, const std::string& what);
  void check(bool holds, std::uint32_t fn, const char* rule);

  Side side_;
  model::NicCore& core_;
  const GateStimulus& stimulus_;
  Histories& histories_;
  model::DmaGate* gate_ = nullptr;
  model::Ps start_ = 0;
  std::vector<Function> functions_;
  std::vector<Tag> tags_;
  std::vector<Ending> endings_;  // heap
  bool link_ = true, starved_ = false;
  std::string wrong_;
  model::MethodTimer<GateSide, &GateSide::step> timer_{*this};
};

}  // namespace vfsim::bench
