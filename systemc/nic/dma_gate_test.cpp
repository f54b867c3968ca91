// The quiesce gate: turns, tags, counts, handshake, time-outs, resets.
#include <deque>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "systemc/nic/dma_gate_tlm.hpp"

namespace vfsim::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t kFunctions = 3;
constexpr std::uint64_t kTimeoutUs = 100;

NicParams test_params() {
  NicParams params;
  params.vfs = kFunctions - 1;
  params.dma_tags = 7;  // one for each, a pool of four
  params.completion_timeout_us = kTimeoutUs;
  return params;
}

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

/// A number of reads and a queue of posted requests for each function.
class DmaGateTest : public testing::Test, public DmaGateClient, public QuiesceListener {
 protected:
  DmaGateTest()
      : calendar("calendar"),
        core(calendar, probes, test_params(), PcieParams(), 0, 0x100),
        gate(core) {
    core.port = &port;
    gate.set_client(*this);
    gate.set_listener(*this);
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
    gate.request_read(fn, true);
  }
  void post(std::uint32_t fn, GatePosted kind) {
    posted[fn].push_back(kind);
    gate.request_posted(fn, posted[fn].front());
  }
  std::vector<Grant> take_granted() {
    std::vector<Grant> taken;
    taken.swap(granted);
    return taken;
  }
  void run(Ps duration) {
    calendar.set_limit(sc_core::sc_time_stamp().value() + duration);
    sc_core::sc_start(sc_core::sc_time::from_value(duration));
  }

  ProbeBus probes;
  Calendar calendar;
  NicCore core;
  OpenPort port;
  DmaGateTlm gate;
  std::array<std::uint32_t, kFunctions> reads{};
  std::array<std::deque<GatePosted>, kFunctions> posted;
  std::array<bool, kFunctions> busy_now{};
  std::vector<Grant> granted;
  std::vector<std::uint32_t> sent, acknowledged, drained_again;
  std::vector<std::uint16_t> expired;
};

TEST_F(DmaGateTest, own_tag_first_then_the_pool_then_nothing) {
  read(1, 6);
  EXPECT_THAT(take_granted(),
              ElementsAre(Grant{1, 1}, Grant{1, 3}, Grant{1, 4}, Grant{1, 5}, Grant{1, 6}));
  EXPECT_EQ(gate.outstanding(1), 5U);
  read(2, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{2, 2})) << "nobody takes another's own tag";
  gate.completed(2);
  EXPECT_THAT(take_granted(), IsEmpty()) << "function 1 waits for a tag that it may have";
  gate.completed(4);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 4}));
}

TEST_F(DmaGateTest, a_freed_own_tag_passes_those_who_wait_for_the_pool) {
  read(1, 6);
  read(2, 2);
  take_granted();
  gate.completed(2);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{2, 2}));
  EXPECT_EQ(gate.outstanding(2), 1U);
}

TEST_F(DmaGateTest, functions_take_turns_in_both_channels) {
  port.reads = port.posted = false;
  read(1, 2);
  read(2, 2);
  for (const std::uint32_t fn : {1U, 1U, 2U, 2U}) {
    post(fn, GatePosted::write);
  }
  EXPECT_THAT(sent, IsEmpty());
  port.reads = port.posted = true;
  gate.link_ready();
  EXPECT_THAT(sent, ElementsAre(1, 2, 1, 2));
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 1}, Grant{2, 2}, Grant{1, 3}, Grant{2, 4}));
  EXPECT_EQ(gate.posted(1), 2U);
}

TEST_F(DmaGateTest, acknowledges_when_the_last_has_ended) {
  busy_now[1] = true;
  read(1, 1);
  post(1, GatePosted::write);
  gate.quiesce(1, true);
  read(1, 1);  // of the work in progress
  EXPECT_EQ(gate.outstanding(1), 2U);
  gate.completed(1);
  gate.completed(3);
  gate.landed(1);
  EXPECT_THAT(acknowledged, IsEmpty()) << "busy";
  busy_now[1] = false;
  gate.work_ended(1);
  EXPECT_THAT(acknowledged, ElementsAre(1));
  EXPECT_TRUE(gate.is_quiet(1));
  gate.quiesce(2, true);
  EXPECT_THAT(acknowledged, ElementsAre(1, 2)) << "nothing to wait for";
}

TEST_F(DmaGateTest, a_quiet_function_sends_messages_only) {
  gate.quiesce(1, true);
  take_granted();
  read(1, 1);
  EXPECT_THAT(granted, IsEmpty());
  post(1, GatePosted::message);
  EXPECT_THAT(sent, ElementsAre(1));
  post(1, GatePosted::write);
  post(2, GatePosted::write);
  EXPECT_THAT(sent, ElementsAre(1, 2)) << "its sibling is not concerned";
  gate.quiesce(1, false);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 1})) << "held, not lost";
  EXPECT_THAT(sent, ElementsAre(1, 2, 1));
  EXPECT_FALSE(gate.is_quiet(1));
}

TEST_F(DmaGateTest, tells_when_a_message_of_a_quiet_function_has_landed) {
  gate.quiesce(1, true);
  post(1, GatePosted::message);
  EXPECT_THAT(drained_again, IsEmpty());
  gate.landed(1);
  EXPECT_THAT(drained_again, ElementsAre(1));
  EXPECT_THAT(acknowledged, ElementsAre(1)) << "once";
}

TEST_F(DmaGateTest, an_expired_tag_rests_until_its_completion_or_one_more_time_out) {
  read(1, 1);
  read(2, 1);
  gate.quiesce(1, true);
  run(kTimeoutUs * kUs + kNs);
  EXPECT_THAT(expired, ElementsAre(1, 2));
  EXPECT_TRUE(gate.timed_out(1));
  EXPECT_FALSE(gate.timed_out(2)) << "its gate is open";
  EXPECT_THAT(acknowledged, ElementsAre(1));
  gate.quiesce(1, false);
  take_granted();
  read(1, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 3})) << "not its own one";
  gate.completed(1);  // late
  read(1, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 1}));
  read(2, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{2, 4}));
  run(kTimeoutUs * kUs + kNs);
  read(2, 1);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{2, 2}));
  gate.quiesce(1, true);
  EXPECT_FALSE(gate.timed_out(1)) << "counted from here";
}

TEST_F(DmaGateTest, a_reset_forgets_the_function_and_quarantines_its_tags) {
  read(1, 6);
  post(1, GatePosted::write);
  gate.quiesce(1, true);
  gate.reset(1);
  EXPECT_EQ(gate.outstanding(1), 0U);
  EXPECT_EQ(gate.posted(1), 1U) << "still lands";
  EXPECT_FALSE(gate.is_quiet(1));
  take_granted();
  read(1, 1);
  EXPECT_THAT(granted, IsEmpty()) << "all its tags rest";
  gate.completed(5);
  EXPECT_THAT(take_granted(), ElementsAre(Grant{1, 5}));
  EXPECT_EQ(gate.outstanding(1), 1U);
  gate.completed(0);  // free: nobody's
  EXPECT_EQ(gate.outstanding(1), 1U);
  EXPECT_THAT(acknowledged, IsEmpty());
}

TEST_F(DmaGateTest, small_tag_files_give_no_guarantees) {
  NicParams params = test_params();
  params.dma_tags = 5;
  EXPECT_EQ(tag_share(params).own, 0U);
  EXPECT_EQ(tag_share(params).of_one(), 5U);
  params.dma_tags = 6;
  EXPECT_EQ(tag_share(params).own, 3U);
  EXPECT_EQ(tag_share(params).of_one(), 4U);
}

}  // namespace
}  // namespace vfsim::model
