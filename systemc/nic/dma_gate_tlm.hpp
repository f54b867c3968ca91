// The SystemC model of the quiesce gate.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "systemc/common/ring.hpp"
#include "systemc/nic/dma_gate.hpp"
#include "systemc/nic/nic_core.hpp"

namespace vfsim::model {

/// Decides in no time: a grant comes during the call that makes it possible. A function takes its
/// own tag before one of the pool, which gives out the number that has rested longest.
/// Time: constant per TLP, independent of the number of functions; no allocation.
class DmaGateTlm final : public DmaGate {
 public:
  explicit DmaGateTlm(NicCore& core);

  void set_client(DmaGateClient& client) override { client_ = &client; }
  void set_listener(QuiesceListener& listener) override { listener_ = &listener; }
  void request_read(std::uint32_t fn, bool pending) override;
  void request_posted(std::uint32_t fn, GatePosted head) override;
  void link_ready() override;
  void completed(std::uint16_t tag) override;
  void landed(std::uint32_t fn) override;
  void quiesce(std::uint32_t fn, bool on) override;
  void work_ended(std::uint32_t fn) override { settle(fn); }
  void reset(std::uint32_t fn) override;
  [[nodiscard]] std::uint32_t outstanding(std::uint32_t fn) const override {
    return functions_[fn].outstanding;
  }
  [[nodiscard]] std::uint32_t posted(std::uint32_t fn) const override {
    return functions_[fn].in_flight;
  }
  [[nodiscard]] bool is_quiet(std::uint32_t fn) const override {
    return functions_[fn].state == State::quiet;
  }
  [[nodiscard]] bool timed_out(std::uint32_t fn) const override { return functions_[fn].timed_out; }

 private:
  static constexpr std::uint16_t kNoTag = 0xffff;

  enum class State : std::uint8_t { run, drain, quiet };
  enum class TagState : std::uint8_t { free, busy, quarantined };
  struct Tag {
    Ps deadline = 0;
    std::uint16_t prev = kNoTag, next = kNoTag;  // list by deadline
    std::uint8_t fn = 0;
    TagState state = TagState::free;
  };
  struct Function {
    std::uint32_t outstanding = 0;
    std::uint32_t in_flight = 0;
    State state = State::run;
    GatePosted posted = GatePosted::none;
    bool read = false;
    bool read_turn = false, posted_turn = false;  // in the round
    bool timed_out = false;
  };

  [[nodiscard]] bool shut(const Function& f) const;
  [[nodiscard]] bool may_read(const Function& f) const { return f.read && !shut(f); }
  [[nodiscard]] bool may_post(const Function& f) const {
    return f.posted == GatePosted::message || (f.posted == GatePosted::write && !shut(f));
  }
  [[nodiscard]] bool owns_free_tag(std::uint32_t fn) const {
    return fn < share_.own && tags_[fn].state == TagState::free;
  }
  void pump_posted();
  void pump_reads();
  bool read_in_turn();
  bool read_with_own_tag();
  void grant_posted(std::uint32_t fn, Function& f);
  void grant_read(std::uint32_t fn, std::uint16_t tag);
  /// Something of the function has ended: perhaps the last.
  void settle(std::uint32_t fn) {
    if (functions_[fn].state != State::run) {
      acknowledge(fn);
    }
  }
  void acknowledge(std::uint32_t fn);
  void update_own(std::uint32_t fn);
  void link_deadline(std::uint16_t tag);
  void unlink_deadline(std::uint16_t tag);
  void free_tag(std::uint16_t tag);
  void quarantine(std::uint16_t tag);
  void expire();

  NicCore& core_;
  DmaGateClient* client_ = nullptr;
  QuiesceListener* listener_ = nullptr;
  const TagShare share_;
  std::array<Function, kNicFunctions> functions_;
  Ring<std::uint8_t> posted_round_, read_round_;  // functions with something to send, in turn
  std::array<std::uint64_t, 2> own_ready_{};      // bit f: f wants to read and its own tag is free
  std::vector<Tag> tags_;
  Ring<std::uint16_t> pool_;  // oldest first, so that a number rests as long as possible
  std::uint16_t first_deadline_ = kNoTag, last_deadline_ = kNoTag;
  bool pumping_posted_ = false, pumping_reads_ = false;
  MethodTimer<DmaGateTlm, &DmaGateTlm::expire> timeout_{*this};
};

}  // namespace vfsim::model
