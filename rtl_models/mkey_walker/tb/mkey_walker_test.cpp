// The RTL walker against mkey_walker_reference.hpp: random keys, requests, memory latencies, and
// changes of keys and pages in the middle of walks.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "Vmkey_walker_checked.h"
#include "firmware/interface/hw_records.h"
#include "rtl_models/common/rtl_model.hpp"
#include "rtl_models/mkey_walker/tb/mkey_walker_reference.hpp"

namespace vfsim::rtl {
namespace {

constexpr std::uint32_t kFunctions = 3;
constexpr std::array<std::uint32_t, 4> kKeys = {0, 1, 2, VF_MKEY_COUNT - 1};
constexpr std::uint32_t kEntries = 96;  // used ones, half of them at the end of the table
constexpr std::uint32_t kLines = 32;    // of the cache

/// Keys and entries that exist; the table of translations itself is as large as the device's.
class Memory {
 public:
  explicit Memory(std::mt19937_64& rng) : mtt(VF_MTT_COUNT), rng_(rng) {
    for (std::uint32_t i = 0; i < kEntries; ++i) {
      mtt[entry(i)] = page();
    }
    for (std::uint32_t fn = 0; fn < kFunctions; ++fn) {
      for (const std::uint32_t index : kKeys) {
        keys[{fn, index}] = random_key();
      }
    }
  }

  static std::uint32_t entry(std::uint32_t i) {
    return i < kEntries / 2 ? i : VF_MTT_COUNT - kEntries + i;
  }
  std::uint64_t page() { return rng_() & 0xf'ffff'ffff'f000; }

  vf_mkey random_key() {
    vf_mkey k{};
    k.valid = rng_() % 16 != 0;
    k.mode = rng_() % 6 == 0 ? VF_MKC_MODE_PA : VF_MKC_MODE_MTT;
    k.key = static_cast<std::uint8_t>(rng_() % 2);
    k.local_read = rng_() % 8 != 0;
    k.local_write = rng_() % 8 != 0;
    k.relaxed_read = rng_() % 2;
    k.relaxed_write = rng_() % 2;
    k.length64 = rng_() % 8 == 0;
    k.gen = static_cast<std::uint16_t>(rng_() % 4);
    k.pd = static_cast<std::uint32_t>(rng_() % 2);
    k.pages.log_page = static_cast<std::uint8_t>(rng_() % 8 == 0 ? rng_() % 32 : 12 + rng_() % 3);
    k.pages.mtt = entry(static_cast<std::uint32_t>(rng_() % kEntries));
    k.pages.pages = static_cast<std::uint32_t>(rng_() % 6);
    k.start = rng_() % 16 == 0 ? 0ULL - (rng_() % 0x4000) : rng_() % 0x100000;
    const std::uint64_t all = static_cast<std::uint64_t>(k.pages.pages) << k.pages.log_page;
    k.len = rng_() % 8 == 0 ? rng_() : all - std::min(all, rng_() % 0x3000);
    return k;
  }

  std::map<std::pair<std::uint32_t, std::uint32_t>, vf_mkey> keys;
  std::vector<std::uint64_t> mtt;

 private:
  std::mt19937_64& rng_;
};

struct Announcement {
  bool mtt;
  std::uint32_t fn, first, count;
};

class Bench final : private AssertionListener {
 public:
  explicit Bench(std::uint64_t seed) : rng_(seed), memory(rng_) {}
  [[nodiscard]] const std::vector<std::string>& failed() const { return failed_; }
  void answer_unasked() {
    dut_->mem_rvalid_i = 1;
    dut_.eval();
    dut_.cycle();
  }

  void cycle() {
    serve_memory();
    announce();
    dut_.eval();
    accept_read();
    watch_answer();
    if (dut_->req_valid_i != 0 && dut_->req_ready_o != 0) {
      ++requests;
      waiting_ = true;
    }
    dut_.cycle();
    ++cycles;
  }

  void request(const WalkIn& in) {
    dut_->req_valid_i = 1;
    dut_->req_fn_i = static_cast<std::uint8_t>(in.fn);
    dut_->req_mkey_i = in.mkey;
    dut_->req_pd_i = in.pd;
    dut_->req_any_pd_i = in.any_pd;
    dut_->req_addr_i = in.addr;
    dut_->req_bytes_i = in.bytes;
    dut_->req_write_i = in.write;
    dut_->req_resume_i = in.resume;
    dut_->req_gen_i = in.gen;
    next_ = in;
    const std::uint64_t before = requests;
    while (requests == before) {
      cycle();
      maybe_change();
    }
    current_ = next_;
    dut_->req_valid_i = 0;
  }
  void drain() {
    while (waiting_) {
      cycle();
      maybe_change();
    }
  }

  void change_key(std::uint32_t fn, std::uint32_t index, const vf_mkey& key) {
    memory.keys[{fn, index}] = key;
    silent_.push_back({false, fn, index, 1});
  }
  void change_entry(std::uint32_t entry, std::uint64_t page) {
    memory.mtt[entry] = page;
    silent_.push_back({true, 0, entry, 1});
  }

 private:
  std::mt19937_64 rng_;

 public:
  Memory memory;
  unsigned change_every = 0;  // cycles between changes on the average; 0: none
  unsigned memory_slow = 0;   // most cycles that a read may take longer than one
  std::uint64_t requests = 0, answers = 0, judged = 0, mtt_reads = 0, cycles = 0;
  std::map<std::uint32_t, std::uint64_t> results;
  WalkOut last;

 private:
  void assertion_failed(const char* assertion) override { failed_.emplace_back(assertion); }

  void serve_memory() {
    dut_->mem_ready_i = memory_slow == 0 || rng_() % 2 != 0;
    dut_->mem_rvalid_i = 0;
    if (reading_ && latency_-- == 0) {
      reading_ = false;
      dut_->mem_rvalid_i = 1;
    }
  }

  void accept_read() {
    if (dut_->mem_valid_o == 0 || dut_->mem_ready_i == 0) {
      return;
    }
    EXPECT_FALSE(reading_);
    reading_ = true;
    latency_ = memory_slow == 0 ? 0 : static_cast<unsigned>(rng_() % memory_slow);
    if (dut_->mem_mtt_o != 0) {
      ++mtt_reads;
      dut_->mem_mtt_i = memory.mtt.at(dut_->mem_index_o);
      return;
    }
    std::array<std::uint8_t, VF_BYTES(hw_mkey)> record{};
    const auto key = memory.keys.find({dut_->mem_fn_o, dut_->mem_index_o});
    if (key != memory.keys.end()) {
      vf_mkey_record(&key->second, record.data());
    }
    for (std::size_t i = 0; i < record.size() / 4; ++i) {
      dut_->mem_key_i[record.size() / 4 - 1 - i] = vf_be32_load(&record[i * 4]);
    }
  }

  void announce() {
    dut_->inv_valid_i = 0;
    if (!silent_.empty() && (change_every == 0 || rng_() % 3 != 0)) {
      const Announcement a = silent_.front();
      silent_.erase(silent_.begin());
      dut_->inv_valid_i = 1;
      dut_->inv_mtt_i = a.mtt;
      dut_->inv_fn_i = static_cast<std::uint8_t>(a.fn);
      dut_->inv_first_i = a.first;
      dut_->inv_count_i = a.count;
    }
  }

  void maybe_change() {
    if (change_every == 0 || rng_() % change_every != 0) {
      return;
    }
    if (rng_() % 2 == 0) {
      vf_mkey key = memory.random_key();
      const auto fn = static_cast<std::uint32_t>(rng_() % kFunctions);
      change_key(fn, kKeys[rng_() % kKeys.size()], key);
    } else {
      change_entry(Memory::entry(static_cast<std::uint32_t>(rng_() % kEntries)), memory.page());
    }
  }

  [[nodiscard]] bool silent(bool mtt, std::uint32_t fn, std::uint64_t number) const {
    return std::any_of(silent_.begin(), silent_.end(), [&](const Announcement& a) {
      return a.mtt == mtt && (mtt || a.fn == fn) && number == a.first;
    });
  }

  void watch_answer() {
    if (dut_->ans_valid_o == 0) {
      return;
    }
    ASSERT_TRUE(waiting_) << "an answer that nobody asked for";
    waiting_ = false;
    ++answers;
    ++results[dut_->ans_result_o];
    last = {dut_->ans_result_o,     dut_->ans_addr_o, dut_->ans_run_o,
            dut_->ans_whole_o != 0, dut_->ans_gen_o,  dut_->ans_relaxed_o != 0};
    const std::uint32_t index = (current_.mkey >> 8) - VF_MKEY_BASE;
    const auto key = memory.keys.find({current_.fn, index});
    std::uint64_t entry = 0;
    const WalkOut expected = WalkReference::walk(
        current_, key == memory.keys.end() ? nullptr : &key->second, memory.mtt, &entry);
    if (!silent(false, current_.fn, index) &&
        (entry == WalkReference::kNoEntry || !silent(true, 0, entry))) {
      ++judged;
      EXPECT_TRUE(last == expected)
          << "request " << requests << ": result " << last.result << " for " << expected.result
          << std::hex << ", address " << last.addr << " for " << expected.addr << ", run "
          << last.run << " for " << expected.run;
    }
  }

  RtlSession session_{*this};
  RtlModel<Vmkey_walker_checked> dut_{session_, "tb"};
  std::vector<std::string> failed_;
  std::vector<Announcement> silent_;  // changed, not yet announced
  WalkIn current_, next_;
  bool waiting_ = false, reading_ = false;
  unsigned latency_ = 0;
};

WalkIn random_request(std::mt19937_64& rng, const Bench& bench) {
  WalkIn in;
  in.fn = static_cast<std::uint32_t>(rng() % kFunctions);
  const std::uint32_t index = kKeys[rng() % kKeys.size()];
  const vf_mkey& key = bench.memory.keys.at({in.fn, index});
  in.mkey = (VF_MKEY_BASE + index) << 8 |
            static_cast<std::uint32_t>(rng() % 16 == 0 ? rng() % 256 : key.key);
  if (rng() % 32 == 0) {
    in.mkey = static_cast<std::uint32_t>(rng());
  }
  in.pd = static_cast<std::uint32_t>(rng() % 16 == 0 ? rng() % 2 : key.pd);
  in.any_pd = rng() % 4 == 0;
  in.bytes = static_cast<std::uint32_t>(rng() % 8 == 0 ? rng() % 2 : rng() % 0x2000);
  in.write = rng() % 2 != 0;
  in.resume = rng() % 4 == 0;
  in.gen = static_cast<std::uint16_t>(rng() % 4 == 0 ? rng() % 4 : key.gen);
  switch (rng() % 6) {
    case 0:
      in.addr = rng();
      break;
    case 1:
      in.addr = key.start + key.len - in.bytes + rng() % 3 - 1;  // at the end, and one off
      break;
    case 2:
      in.addr = key.start + rng() % 3 - 1;
      break;
    default:
      in.addr = key.start + rng() % (key.len == 0 ? 1 : key.len);
      break;
  }
  return in;
}

void random_walks(std::uint64_t seed, unsigned change_every, unsigned memory_slow, int count) {
  Bench bench(seed);
  std::mt19937_64 rng(seed + 1000);
  bench.change_every = change_every;
  bench.memory_slow = memory_slow;
  for (int i = 0; i < count; ++i) {
    bench.request(random_request(rng, bench));
    for (auto idle = rng() % 4 == 0 ? rng() % 6 : 0; idle > 0; --idle) {
      bench.cycle();
    }
    ASSERT_FALSE(testing::Test::HasFailure());
  }
  bench.drain();
  EXPECT_EQ(bench.answers, bench.requests);
  EXPECT_GT(bench.judged * 10, bench.answers * 5) << "most answers can be judged";
  EXPECT_TRUE(bench.failed().empty()) << bench.failed().front();
  for (std::uint32_t result = VF_WALK_OK; result <= VF_WALK_CHANGED; ++result) {
    EXPECT_GT(bench.results[result], 0U) << "never answered: " << result;
  }
}

TEST(MkeyWalkerRtl, RandomWalks) {
  random_walks(1, 200, 0, 60000);
}

TEST(MkeyWalkerRtl, RandomWalksSlowMemoryManyChanges) {
  random_walks(2, 7, 5, 60000);
}

// --- single situations ---

class MkeyWalkerRtlSteps : public testing::Test {
 protected:
  MkeyWalkerRtlSteps() {
    vf_mkey key{};
    key.valid = 1;
    key.mode = VF_MKC_MODE_MTT;
    key.key = 0x21;
    key.local_read = 1;
    key.start = 0x10000800;
    key.len = 0x2000;
    key.pages = {8, 3, 12, {}};
    bench_.memory.keys[{2, 1}] = key;
    bench_.memory.mtt[8] = 0xa000;
    bench_.memory.mtt[9] = 0xc000;
    bench_.memory.mtt[8 + kLines] = 0x77000;
    in_.fn = 2;
    in_.mkey = (VF_MKEY_BASE + 1) << 8 | 0x21;
    in_.addr = 0x10000900;
    in_.bytes = 0x1000;
  }
  /// Cycles from the one that takes the request to the one with the answer.
  std::uint64_t walk() {
    bench_.request(in_);
    const std::uint64_t begin = bench_.cycles;
    bench_.drain();
    return bench_.cycles - begin;
  }

  Bench bench_{3};
  WalkIn in_;
};

TEST_F(MkeyWalkerRtlSteps, AHitTakesFiveCyclesAMissSix) {
  EXPECT_EQ(walk(), 6U);
  EXPECT_EQ(bench_.last.addr, 0xa900U);
  EXPECT_EQ(bench_.last.run, 0x700U);
  EXPECT_EQ(bench_.mtt_reads, 1U);
  EXPECT_EQ(walk(), 5U);
  EXPECT_EQ(bench_.mtt_reads, 1U) << "from the cache";
}

TEST_F(MkeyWalkerRtlSteps, AnAnnouncedEntryIsReadAgain) {
  walk();
  bench_.change_entry(8, 0xbeef000);
  bench_.cycle();
  walk();
  EXPECT_EQ(bench_.last.addr, 0xbeef900U);
  EXPECT_EQ(bench_.mtt_reads, 2U);
}

TEST_F(MkeyWalkerRtlSteps, ANeighbourOfAnAnnouncedEntryStays) {
  walk();
  bench_.change_entry(9, 0xbeef000);
  bench_.cycle();
  walk();
  EXPECT_EQ(bench_.mtt_reads, 1U);
}

TEST_F(MkeyWalkerRtlSteps, AChangeInTheMiddleOfAWalkCounts) {
  for (int at = 0; at < 7; ++at) {
    bench_.request(in_);
    const std::uint64_t before = bench_.answers;
    for (int i = 0; i < at; ++i) {
      bench_.cycle();
    }
    const bool answered = bench_.answers != before;
    vf_mkey key = bench_.memory.keys[{2, 1}];
    key.local_read = 0;
    bench_.change_key(2, 1, key);
    bench_.drain();
    EXPECT_EQ(bench_.last.result, static_cast<std::uint32_t>(answered ? VF_WALK_OK : VF_WALK_RIGHT))
        << at;
    key.local_read = 1;
    bench_.change_key(2, 1, key);
    bench_.cycle();
    bench_.cycle();
  }
}

TEST_F(MkeyWalkerRtlSteps, RequestsFollowWithoutAGap) {
  walk();
  const std::uint64_t begin = bench_.cycles;
  for (int i = 0; i < 100; ++i) {
    bench_.request(in_);
  }
  bench_.drain();
  EXPECT_EQ(bench_.cycles - begin, 501U);
}

TEST(MkeyWalkerRtl, AnUnknownNumberReadsNothing) {
  Bench bench(4);
  WalkIn in;
  in.mkey = 5;  // below the first key
  bench.request(in);
  const std::uint64_t begin = bench.cycles;
  bench.drain();
  EXPECT_EQ(bench.last.result, static_cast<std::uint32_t>(VF_WALK_NO_KEY));
  EXPECT_EQ(bench.cycles - begin, 1U);
}

TEST(MkeyWalkerRtl, TheCheckerSeesAMemoryThatAnswersUnasked) {
  Bench bench(5);
  bench.answer_unasked();
  ASSERT_EQ(bench.failed().size(), 1U);
  EXPECT_NE(bench.failed()[0].find("m_memory_answers_a_read"), std::string::npos);
}

}  // namespace
}  // namespace vfsim::rtl
