// A quiesce gate with a client that always has what it asks for, for tests.
#pragma once

#include <array>
#include <deque>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "systemc/nic/dma_gate.hpp"
#include "systemc/nic/nic_core.hpp"

namespace vfsim::model {

class OpenPort final : public PciePort {
 public:
  bool can_send(TlpKind kind, std::uint32_t) override {
    return kind == TlpKind::mem_read ? reads : posted;
  }
  void send(const Tlp&, const std::uint8_t*) override {}
  [[nodiscard]] Ps tx_free_at() const override { return 0; }
  bool reads = true, posted = true;
};

struct Grant {
  std::uint32_t fn;
  std::uint16_t tag;
  bool operator==(const Grant& other) const { return fn == other.fn && tag == other.tag; }
};

/// A number of reads and a queue of posted requests for each function; keeps what the gate says.
class DmaGateRig : public testing::Test, public DmaGateClient, public QuiesceListener {
 protected:
  static constexpr std::uint32_t kFunctions = 3;
  static constexpr std::uint64_t kTimeoutUs = 100;

  explicit DmaGateRig(const NicParams& params = rig_params())
      : calendar("calendar"), core(calendar, probes, params, PcieParams(), 0, 0x100) {
    core.port = &port;
  }
  /// One tag for each function, a pool of four.
  static NicParams rig_params() {
    NicParams params;
    params.vfs = kFunctions - 1;
    params.dma_tags = 7;
    params.completion_timeout_us = kTimeoutUs;
    return params;
  }
  void use(DmaGate& the_gate) {
    gate_ = &the_gate;
    the_gate.set_client(*this);
    the_gate.set_listener(*this);
  }
  bool read_granted(std::uint32_t fn, std::uint16_t tag) override {
    granted.push_back({fn, tag});
    return --reads[fn] != 0;
  }
  GatePosted posted_granted(std::uint32_t fn, GatePosted kind) override {
    EXPECT_EQ(kind, posted[fn].front());
    sent.push_back(fn);
    posted[fn].pop_front();
    return posted[fn].empty() ? GatePosted::none : posted[fn].front();
  }
  void read_expired(std::uint16_t tag) override { expired.push_back(tag); }
  [[nodiscard]] bool busy(std::uint32_t fn) const override { return busy_now[fn]; }
  void quiet(std::uint32_t fn) override { acknowledged.push_back(fn); }
  void drained(std::uint32_t fn) override { drained_again.push_back(fn); }

  void read(std::uint32_t fn, std::uint32_t count) {
    reads[fn] += count;
    gate_->request_read(fn, true);
  }
  void post(std::uint32_t fn, GatePosted kind) {
    posted[fn].push_back(kind);
    gate_->request_posted(fn, posted[fn].front());
  }
  std::vector<Grant> take_granted() {
    std::vector<Grant> taken;
    taken.swap(granted);
    return taken;
  }
  void run(Ps duration) {
    calendar.run_for(duration);
  }

  ProbeBus probes;
  Calendar calendar;
  NicCore core;
  OpenPort port;
  std::array<std::uint32_t, kNicFunctions> reads{};
  std::array<std::deque<GatePosted>, kNicFunctions> posted;
  std::array<bool, kNicFunctions> busy_now{};
  std::vector<Grant> granted;
  std::vector<std::uint32_t> sent, acknowledged, drained_again;
  std::vector<std::uint16_t> expired;

 private:
  DmaGate* gate_ = nullptr;
};

}  // namespace vfsim::model
