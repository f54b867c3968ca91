#include "systemc/nic/dma_engine.hpp"

#include <cstring>
#include <deque>
#include <functional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"
#include "systemc/nic/dma_gate_tlm.hpp"
#include "systemc/nic/mkey_walker_tlm.hpp"

namespace vfsim::model {
namespace {

using testing::ElementsAre;

/// Keeps what the engine sends; grants credits as told.
class FakePort final : public PciePort {
 public:
  bool can_send(TlpKind, std::uint32_t) override { return credits > 0; }
  void send(const Tlp& tlp, const std::uint8_t* payload) override {
    --credits;
    sent.push_back(tlp);
    data.emplace_back(payload, payload + (payload == nullptr ? 0 : tlp.bytes));
    if (on_send) {
      on_send();
    }
  }
  [[nodiscard]] Ps tx_free_at() const override { return 0; }
  int credits = 1000;
  std::function<void()> on_send;
  std::vector<Tlp> sent;
  std::vector<std::vector<std::uint8_t>> data;
};

class Client final : public DmaClient {
 public:
  void dma_done(std::uint64_t cookie, DmaResult result) override {
    ends.push_back({cookie, result});
  }
  struct End {
    std::uint64_t cookie;
    DmaResult result;
    bool operator==(const End& other) const {
      return cookie == other.cookie && result == other.result;
    }
  };
  std::vector<End> ends;
};

/// Answers at once, or when told.
class LateWalker final : public MkeyWalker {
 public:
  explicit LateWalker(const NicCore& core) : tlm_(core) {}
  void set_client(WalkClient& client) override { client_ = &client; }
  bool walk(const WalkRequest& request, std::uint32_t cookie, WalkAnswer& answer) override {
    if (late) {
      waiting.push_back({request, cookie});
      return false;
    }
    answer = tlm_.answer_to(request);
    return true;
  }
  void keys_changed(std::uint32_t, std::uint32_t, std::uint32_t) override {}
  void entries_changed(std::uint32_t, std::uint32_t) override {}
  void answer_one() {
    const Waiting one = waiting.front();
    waiting.pop_front();
    client_->walked(one.cookie, tlm_.answer_to(one.request));
  }

  struct Waiting {
    WalkRequest request;
    std::uint32_t cookie;
  };
  bool late = false;
  std::deque<Waiting> waiting;

 private:
  MkeyWalkerTlm tlm_;
  WalkClient* client_ = nullptr;
};

NicParams test_params() {
  NicParams params;
  params.vfs = 3;
  params.dma_tags = 4;
  params.completion_timeout_us = 100;
  return params;
}

class DmaEngineTest : public testing::Test {
 protected:
  DmaEngineTest()
      : calendar("calendar"),
        core(calendar, probes, test_params(), PcieParams(), 0, 0x100),
        gate(core),
        walker(core),
        engine(core, gate, walker),
        buffer(8192) {
    core.port = &port;
    for (std::size_t i = 0; i < buffer.size(); ++i) {
      buffer[i] = static_cast<std::uint8_t>(i * 3);
    }
  }
  DmaRequest request(std::uint8_t fn, std::uint64_t addr, std::uint32_t bytes, bool to_host,
                     std::uint64_t cookie) {
    DmaRequest r;
    r.client = &client;
    r.cookie = cookie;
    r.addr = addr;
    r.buffer = buffer.data();
    r.bytes = bytes;
    r.fn = fn;
    r.to_host = to_host;
    return r;
  }
  /// Key 0 of the function: two pages that lie apart on the bus.
  vf_mkey& scattered_key(std::uint32_t fn) {
    vf_mkey& key = core.context(fn).mkey[0];
    key.valid = 1;
    key.mode = VF_MKC_MODE_MTT;
    key.local_read = 1;
    key.local_write = 1;
    key.len = 8192;
    key.pages = {10, 2, 12, {}};
    core.ram->mtt[10] = 0x70000;
    core.ram->mtt[11] = 0x30000;
    return key;
  }
  DmaRequest keyed(std::uint8_t fn, std::uint64_t addr, std::uint32_t bytes, bool to_host,
                   std::uint64_t cookie) {
    DmaRequest r = request(fn, addr, bytes, to_host, cookie);
    r.by_key = true;
    r.mkey = VF_MKEY_BASE << 8;
    return r;
  }
  void run(Ps duration) {
    calendar.run_for(duration);
  }
  void complete(const Tlp& read, std::uint32_t offset, std::uint32_t bytes,
                CplStatus status = CplStatus::successful) {
    Tlp tlp = read;
    tlp.kind = TlpKind::completion;
    tlp.status = status;
    tlp.offset = offset;
    tlp.bytes = bytes;
    tlp.last = offset + bytes == read.bytes || status != CplStatus::successful;
    const std::vector<std::uint8_t> payload(bytes, static_cast<std::uint8_t>(read.addr >> 8));
    engine.completion(tlp, payload.data());
  }

  ProbeBus probes;
  Calendar calendar;
  NicCore core;
  FakePort port;
  DmaGateTlm gate;
  LateWalker walker;
  DmaEngine engine;
  Client client;
  std::vector<std::uint8_t> buffer;
};

TEST_F(DmaEngineTest, writes_split_at_payload_size_and_4k) {
  engine.submit(request(1, 0x1f80, 600, true, 1));
  run(kUs);
  ASSERT_EQ(port.sent.size(), 3U);
  std::uint64_t at = 0x1f80;
  const std::uint32_t expected[] = {128, 256, 216};
  std::uint32_t total = 0;
  for (std::size_t i = 0; i < port.sent.size(); ++i) {
    EXPECT_EQ(port.sent[i].addr, at);
    EXPECT_EQ(port.sent[i].bytes, expected[i]);
    EXPECT_EQ(port.sent[i].requester, 0x101);
    EXPECT_EQ(std::memcmp(port.data[i].data(), &buffer[total], expected[i]), 0);
    at += expected[i];
    total += expected[i];
  }
  EXPECT_EQ(engine.inflight_writes(1), 3U);
  for (const Tlp& tlp : port.sent) {
    EXPECT_TRUE(client.ends.empty());
    engine.write_landed(tlp, true);
  }
  EXPECT_THAT(client.ends, ElementsAre(Client::End{1, DmaResult::ok}));
  EXPECT_TRUE(engine.idle(1));
}

TEST_F(DmaEngineTest, reads_split_and_assemble_out_of_order_completions) {
  engine.submit(request(2, 0x2e00, 1536, false, 5));
  run(kUs);
  ASSERT_EQ(port.sent.size(), 3U);  // 512 up to the 4 KiB boundary, then 512, 512
  EXPECT_EQ(engine.outstanding_reads(2), 3U);
  complete(Tlp(port.sent[2]), 0, 512);
  complete(Tlp(port.sent[0]), 0, 64);
  complete(Tlp(port.sent[1]), 0, 512);
  complete(Tlp(port.sent[0]), 64, 448);
  EXPECT_THAT(client.ends, ElementsAre(Client::End{5, DmaResult::ok}));
  EXPECT_EQ(buffer[0], 0x2e);
  EXPECT_EQ(buffer[511], 0x2e);
  EXPECT_EQ(buffer[512], 0x30);
  EXPECT_EQ(buffer[1535], 0x32);
  EXPECT_TRUE(engine.idle(2));
}

TEST_F(DmaEngineTest, functions_take_turns_and_tags_limit_reads) {
  port.credits = 0;
  engine.submit(request(1, 0, 4096, false, 1));
  engine.submit(request(2, 0, 1024, false, 2));
  run(kUs);
  port.credits = 1000;
  engine.credits_returned();
  ASSERT_EQ(port.sent.size(), 4U);  // all tags
  EXPECT_EQ(port.sent[0].requester, 0x101);
  EXPECT_EQ(port.sent[1].requester, 0x102);
  EXPECT_EQ(port.sent[2].requester, 0x101);
  EXPECT_EQ(port.sent[3].requester, 0x102);
  for (std::size_t i = 0; i < 2; ++i) {
    complete(Tlp(port.sent[i]), 0, 512);
  }
  ASSERT_EQ(port.sent.size(), 6U) << "a freed tag is used at once";
  EXPECT_EQ(port.sent[5].requester, 0x101) << "the only one left";
}

TEST_F(DmaEngineTest, without_credits_everything_waits_in_order) {
  port.credits = 0;
  engine.submit(request(1, 0x1000, 64, true, 1));
  engine.submit(request(1, 0x2000, 64, true, 2));
  engine.submit_interrupt(1, 0xfee00000, 7);
  run(kUs);
  EXPECT_TRUE(port.sent.empty());
  port.credits = 10;
  engine.credits_returned();
  ASSERT_EQ(port.sent.size(), 3U);
  EXPECT_EQ(port.sent[0].addr, 0x1000U);
  EXPECT_EQ(port.sent[1].addr, 0x2000U);
  EXPECT_TRUE(port.sent[2].interrupt);
  EXPECT_THAT(port.data[2], ElementsAre(7, 0, 0, 0));
}

TEST_F(DmaEngineTest, refused_requests_end_with_bus_error) {
  engine.submit(request(1, 0x1000, 512, false, 1));
  engine.submit(request(1, 0x1000, 64, true, 2));
  run(kUs);
  complete(Tlp(port.sent[0]), 0, 0, CplStatus::unsupported_request);
  engine.write_landed(port.sent[1], false);
  EXPECT_THAT(client.ends, ElementsAre(Client::End{1, DmaResult::bus_error},
                                       Client::End{2, DmaResult::bus_error}));
}

TEST_F(DmaEngineTest, a_lost_completion_times_out_and_its_tag_rests) {
  engine.submit(request(1, 0x1000, 64, false, 1));
  run(90 * kUs);
  EXPECT_TRUE(client.ends.empty());
  run(20 * kUs);
  EXPECT_THAT(client.ends, ElementsAre(Client::End{1, DmaResult::timeout}));
  EXPECT_EQ(engine.outstanding_reads(1), 0U);
  for (std::uint64_t i = 0; i < 4; ++i) {
    engine.submit(request(1, 0x1000, 64, false, 10 + i));
  }
  run(kUs);
  EXPECT_EQ(port.sent.size(), 4U) << "one tag is in quarantine";
  complete(Tlp(port.sent[0]), 0, 64);  // late
  EXPECT_EQ(port.sent.size(), 5U) << "and comes back with its completion";
  EXPECT_EQ(client.ends.size(), 1U);
}

TEST_F(DmaEngineTest, abort_ends_all_and_ignores_what_comes_late) {
  engine.submit(request(1, 0x1000, 512, false, 1));
  engine.submit(request(1, 0x1000, 64, true, 2));
  engine.submit(request(2, 0x5000, 64, false, 3));
  run(kUs);
  engine.submit(request(1, 0x9000, 64, true, 4));  // still in the translation stage
  engine.abort(1);
  ASSERT_EQ(client.ends.size(), 3U);
  for (const Client::End& end : client.ends) {
    EXPECT_EQ(end.result, DmaResult::aborted);
  }
  std::fill(buffer.begin(), buffer.end(), 0);
  const std::vector<Tlp> sent = port.sent;
  for (const Tlp& tlp : sent) {
    if (tlp.kind == TlpKind::mem_read) {
      complete(tlp, 0, tlp.bytes);
    } else {
      engine.write_landed(tlp, true);
    }
  }
  run(kUs);
  ASSERT_EQ(client.ends.size(), 4U);
  EXPECT_EQ(client.ends[3], (Client::End{3, DmaResult::ok}));
  EXPECT_EQ(port.sent.size(), sent.size()) << "nothing of the aborted function was sent";
  EXPECT_TRUE(engine.idle(1));
  EXPECT_EQ(buffer[100], 0);
}

TEST_F(DmaEngineTest, writes_from_before_a_reset_are_not_taken_for_later_ones) {
  engine.submit(request(1, 0x1000, 64, true, 1));
  run(kUs);
  engine.abort(1);
  engine.submit(request(1, 0x2000, 64, true, 2));
  run(kUs);
  ASSERT_EQ(port.sent.size(), 2U);
  EXPECT_EQ(engine.inflight_writes(1), 2U);
  engine.write_landed(Tlp(port.sent[0]), true);
  EXPECT_EQ(gate.posted(1), 1U) << "the later one is still in flight";
  EXPECT_FALSE(engine.idle(1));
  engine.write_landed(Tlp(port.sent[1]), true);
  EXPECT_TRUE(engine.idle(1));
  EXPECT_EQ(client.ends.back(), (Client::End{2, DmaResult::ok}));
}

TEST_F(DmaEngineTest, a_key_that_goes_away_ends_the_transfer) {
  vf_mkey& key = scattered_key(1);
  port.on_send = [&key] { key.valid = 0; };
  engine.submit(keyed(1, 0xf00, 512, false, 1));
  run(kUs);
  ASSERT_EQ(port.sent.size(), 1U) << "up to the end of the page";
  EXPECT_EQ(engine.outstanding_reads(1), 1U);
  complete(Tlp(port.sent[0]), 0, 256);
  EXPECT_THAT(client.ends, ElementsAre(Client::End{1, DmaResult::bad_key}));
  EXPECT_TRUE(engine.idle(1));
}

TEST_F(DmaEngineTest, keys_are_checked_before_anything_is_sent) {
  DmaRequest r = request(1, 0, 64, true, 1);
  r.by_key = true;
  r.mkey = VF_MKEY_BASE << 8;
  engine.submit(r);
  run(kUs);
  EXPECT_THAT(client.ends, ElementsAre(Client::End{1, DmaResult::bad_key}));
  EXPECT_TRUE(port.sent.empty());
  core.faults = contract::fault_set({VF_FAULT_mkey_unchecked});
  engine.submit(r);
  run(kUs);
  EXPECT_EQ(port.sent.size(), 1U);
}

TEST_F(DmaEngineTest, a_key_of_scattered_pages) {
  scattered_key(1);
  engine.submit(keyed(1, 0xf00, 512, false, 1));
  run(kUs);
  ASSERT_EQ(port.sent.size(), 2U);
  EXPECT_EQ(port.sent[0].addr, 0x70f00U);
  EXPECT_EQ(port.sent[0].bytes, 256U);
  EXPECT_EQ(port.sent[1].addr, 0x30000U);
}

TEST_F(DmaEngineTest, a_late_translation_keeps_the_order) {
  scattered_key(1);
  walker.late = true;
  engine.submit(keyed(1, 0x100, 64, true, 1));
  engine.submit(request(1, 0x5000, 64, true, 2));
  engine.submit_interrupt(1, 0x6000, 7);
  run(kUs);
  EXPECT_TRUE(port.sent.empty()) << "nothing passes the write whose address is not known";
  EXPECT_TRUE(engine.busy(1));
  walker.answer_one();
  ASSERT_EQ(port.sent.size(), 3U);
  EXPECT_EQ(port.sent[0].addr, 0x70100U);
  EXPECT_EQ(port.sent[1].addr, 0x5000U);
  EXPECT_TRUE(port.sent[2].interrupt);
}

TEST_F(DmaEngineTest, a_late_refusal_is_a_refusal) {
  walker.late = true;
  engine.submit(keyed(1, 0x100, 64, true, 1));
  engine.submit(request(1, 0x5000, 64, true, 2));
  run(kUs);
  walker.answer_one();
  EXPECT_THAT(client.ends, ElementsAre(Client::End{1, DmaResult::bad_key}));
  ASSERT_EQ(port.sent.size(), 1U);
  EXPECT_EQ(port.sent[0].addr, 0x5000U);
}

TEST_F(DmaEngineTest, a_late_page_holds_up_its_function_only) {
  scattered_key(1);
  port.on_send = [this] { walker.late = true; };
  engine.submit(keyed(1, 0xf00, 512, false, 1));
  engine.submit(request(1, 0x9000, 64, false, 2));
  engine.submit(request(2, 0xa000, 64, false, 3));
  run(kUs);
  ASSERT_EQ(port.sent.size(), 2U);
  EXPECT_EQ(port.sent[0].addr, 0x70f00U);
  EXPECT_EQ(port.sent[1].requester, 0x102) << "another function";
  ASSERT_EQ(walker.waiting.size(), 1U);
  EXPECT_TRUE(walker.waiting[0].request.resume);
  walker.answer_one();
  ASSERT_EQ(port.sent.size(), 4U);
  EXPECT_EQ(port.sent[2].addr, 0x30000U);
  EXPECT_EQ(port.sent[3].addr, 0x9000U);
}

TEST_F(DmaEngineTest, a_reset_in_the_middle_of_a_walk) {
  scattered_key(1);
  walker.late = true;
  engine.submit(keyed(1, 0x100, 64, true, 1));
  run(kUs);
  engine.abort(1);
  EXPECT_THAT(client.ends, ElementsAre(Client::End{1, DmaResult::aborted}));
  EXPECT_FALSE(engine.busy(1));
  engine.submit(request(1, 0x5000, 64, true, 2));
  run(kUs);
  EXPECT_TRUE(port.sent.empty()) << "behind the walk that is still under way";
  walker.answer_one();
  ASSERT_EQ(port.sent.size(), 1U);
  EXPECT_EQ(port.sent[0].addr, 0x5000U);
}

TEST_F(DmaEngineTest, a_reset_while_the_next_page_is_looked_for) {
  scattered_key(1);
  port.on_send = [this] { walker.late = true; };
  engine.submit(keyed(1, 0xf00, 512, false, 1));
  run(kUs);
  ASSERT_EQ(walker.waiting.size(), 1U);
  engine.abort(1);
  for (std::uint64_t i = 0; i < 3; ++i) {  // none of them gets the place of the transfer
    engine.submit(request(1, 0x5000 + 0x100 * i, 64, false, 2 + i));
  }
  run(kUs);
  EXPECT_EQ(port.sent.size(), 4U);
  walker.answer_one();
  EXPECT_EQ(port.sent.size(), 4U) << "nobody takes the answer";
  for (std::size_t i = 1; i < 4; ++i) {
    complete(Tlp(port.sent[i]), 0, 64);
  }
  EXPECT_EQ(client.ends.size(), 4U);
  EXPECT_TRUE(engine.idle(1));
}

}  // namespace
}  // namespace vfsim::model
