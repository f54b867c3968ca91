// Key walkers: the same random requests into the SystemC model and into the verilated block, while
// keys and pages change.
//
// Legal differences. The model answers at once, the RTL some cycles later, in the order of
// requests. If a key or an entry was changed (and announced) in between, the answer must be what
// the model says at the time of the RTL's answer; otherwise what it said to the request.
#include <array>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "systemc/nic/mkey_walker_tlm.hpp"
#include "systemc/rtl_bridge/mkey_walker_rtl.hpp"
#include "testbench/rtl_equiv/histories.hpp"

namespace vfsim::bench {
namespace {

using model::kNs;
using model::WalkAnswer;
using model::WalkRequest;

constexpr std::uint32_t kFns = 4;
constexpr std::uint32_t kKeys = 6;
constexpr std::uint32_t kEntries = 128;
constexpr std::uint64_t kWaveWindow = 2'000'000;  // ps

struct RamDeleter {
  void operator()(vf_context_ram* ram) const { std::free(ram); }
};

std::string text(const WalkRequest& r, const WalkAnswer& a) {
  return fmt::format("{}{} {}.{:08x} {:x}+{}: result {}, {:x}+{:x}, gen {}{}",
                     r.resume ? "resumes " : "", r.write ? "write" : "read", r.fn, r.mkey, r.addr,
                     r.bytes, a.result, a.addr, a.run, a.gen, a.relaxed ? ", relaxed" : "");
}

class MkeyWalkerEquiv : public testing::Test,
                        private rtl::AssertionListener,
                        private model::WalkClient {
 protected:
  MkeyWalkerEquiv() : ram_(static_cast<vf_context_ram*>(std::calloc(1, sizeof(vf_context_ram)))) {
    session_.keep_wave(kWaveWindow);
    rtl_ = std::make_unique<model::MkeyWalkerRtl>(session_, "rtl.mkey_walker", calendar_, 1 * kNs,
                                                  *ram_);
    rtl_->set_client(*this);
    histories_.on_difference([this] { wave_written_ = session_.wave()->write(wave_); });
    std::filesystem::remove(wave_);
    for (std::uint32_t i = 0; i < kEntries; ++i) {
      ram_->mtt[i] = page();
    }
    for (std::uint32_t i = 0; i < kFns * kKeys; ++i) {
      key(i / kKeys, i % kKeys) = random_key();
    }
  }

  std::uint32_t any(std::uint32_t below) { return static_cast<std::uint32_t>(rng_() % below); }
  bool once_in(std::uint32_t n) { return any(n) == 0; }
  std::uint64_t page() { return rng_() & 0xffff'ffff'f000; }
  vf_mkey& key(std::uint32_t fn, std::uint32_t index) { return ram_->fn[fn].mkey[index]; }

  vf_mkey random_key() {
    vf_mkey k{};
    k.valid = !once_in(12);
    k.mode = once_in(6) ? VF_MKC_MODE_PA : VF_MKC_MODE_MTT;
    k.key = static_cast<std::uint8_t>(any(2));
    k.local_read = !once_in(8);
    k.local_write = !once_in(8);
    k.relaxed_read = once_in(2);
    k.relaxed_write = once_in(2);
    k.length64 = once_in(8);
    k.gen = static_cast<std::uint16_t>(any(3));
    k.pd = any(2);
    k.pages = {any(kEntries - 8), 1 + any(7), static_cast<std::uint8_t>(12 + any(3)), {}};
    k.start = any(0x10000);
    k.len = (std::uint64_t{k.pages.pages} << k.pages.log_page) - any(0x2000);
    return k;
  }

  WalkRequest random_request() {
    WalkRequest r;
    r.fn = static_cast<std::uint8_t>(any(kFns));
    const std::uint32_t index = any(kKeys);
    const vf_mkey& k = key(r.fn, index);
    r.mkey = once_in(40) ? any(~0U) : (VF_MKEY_BASE + index) << 8 | (once_in(16) ? 7U : k.key);
    r.pd = once_in(3) ? model::kAnyPd : once_in(12) ? 5 : k.pd;
    r.bytes = once_in(8) ? any(2) : any(0x1800);
    r.addr = once_in(10) ? rng_() : k.start + any(0x8000) - any(4);
    r.write = once_in(2);
    r.resume = once_in(4);
    r.gen = once_in(6) ? static_cast<std::uint16_t>(any(3)) : k.gen;
    return r;
  }

  void request() {
    const WalkRequest r = random_request();
    WalkAnswer now;
    EXPECT_FALSE(rtl_->walk(r, cookie_, now)) << "the block takes time";
    waiting_.push_back({r, tlm_.answer_to(r), cookie_++, changes_});
  }
  void change() {
    ++changes_;
    if (once_in(2)) {
      const std::uint32_t fn = any(kFns);
      const std::uint32_t index = any(kKeys);
      key(fn, index) = random_key();
      rtl_->keys_changed(fn, once_in(4) ? 0 : index, VF_MKEY_COUNT - index);
    } else {
      const std::uint32_t first = any(kEntries - 8);
      const std::uint32_t count = 1 + any(8);
      for (std::uint32_t i = first; i < first + count; ++i) {
        ram_->mtt[i] = page();
      }
      rtl_->entries_changed(first, count);
    }
  }
  void advance(model::Ps time) {
    calendar_.set_limit(sc_core::sc_time_stamp().value() + time);
    sc_core::sc_start(sc_core::sc_time::from_value(time));
  }

  struct Waiting {
    WalkRequest request;
    WalkAnswer then;  // what the model said to the request
    std::uint32_t cookie;
    std::uint64_t changes;
  };

  std::unique_ptr<vf_context_ram, RamDeleter> ram_;
  model::Calendar calendar_{"calendar"};
  rtl::RtlSession session_{*this};
  model::MkeyWalkerTlm tlm_{*ram_};
  std::unique_ptr<model::MkeyWalkerRtl> rtl_;
  Histories histories_{{"answers"}};
  std::deque<Waiting> waiting_;
  std::mt19937_64 rng_{11};
  std::uint32_t cookie_ = 0;
  std::uint64_t changes_ = 0;    // so far
  std::uint64_t overtaken_ = 0;  // answers that a change came before
  bool wave_written_ = false;
  const std::string wave_ = "mkey_walker_equiv.vcd";

 private:
  void walked(std::uint32_t cookie, const WalkAnswer& answer) override {
    ASSERT_FALSE(waiting_.empty());
    const Waiting w = waiting_.front();
    waiting_.pop_front();
    EXPECT_EQ(cookie, w.cookie) << "in the order of requests";
    const bool same = w.changes == changes_;
    overtaken_ += same ? 0 : 1;
    histories_.record(Side::tlm, calendar_.now(), 0,
                      text(w.request, same ? w.then : tlm_.answer_to(w.request)));
    histories_.record(Side::rtl, calendar_.now(), 0, text(w.request, answer));
  }
  void assertion_failed(const char* assertion) override { ADD_FAILURE() << assertion; }
};

TEST_F(MkeyWalkerEquiv, RandomRequestsAndChanges) {
  constexpr std::uint64_t kRequests = 40000;
  for (std::uint64_t i = 0; i < kRequests && !histories_.differ(); ++i) {
    request();
    for (std::uint32_t burst = once_in(8) ? any(6) : once_in(4) ? 1 : 0; burst > 0; --burst) {
      change();
    }
    advance(1 + (once_in(6) ? any(30) * kNs : any(4000)));
  }
  advance(1000 * model::kUs);
  histories_.finish();
  EXPECT_EQ(histories_.report(), "");
  EXPECT_EQ(histories_.compared(), kRequests);
  EXPECT_TRUE(waiting_.empty());
  EXPECT_GT(overtaken_, kRequests / 20) << "changes in the middle of walks";
}

TEST_F(MkeyWalkerEquiv, AnUnannouncedChangeIsFound) {
  vf_mkey& k = key(1, 0);
  k = {};
  k.valid = k.local_read = 1;
  k.mode = VF_MKC_MODE_MTT;
  k.len = 4096;
  k.pages = {5, 1, 12, {}};
  WalkRequest r;
  r.fn = 1;
  r.mkey = VF_MKEY_BASE << 8;
  r.bytes = 64;
  for (int i = 0; i < 2; ++i) {
    WalkAnswer now;
    EXPECT_FALSE(rtl_->walk(r, cookie_, now));
    waiting_.push_back({r, tlm_.answer_to(r), cookie_++, changes_});
    advance(100 * kNs);
    ram_->mtt[5] = 0xdead000;  // nobody is told: the cache goes on with the page of before
  }
  histories_.finish();
  EXPECT_TRUE(histories_.differ());
  EXPECT_NE(histories_.report().find("dead000"), std::string::npos) << histories_.report();
  EXPECT_TRUE(wave_written_ && std::filesystem::file_size(wave_) > 1000);
}

}  // namespace
}  // namespace vfsim::bench
