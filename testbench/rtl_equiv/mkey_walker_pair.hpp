// The key walker twice over one context memory: the SystemC model and the verilated block.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "systemc/nic/mkey_walker_tlm.hpp"
#include "systemc/rtl_bridge/mkey_walker_rtl.hpp"
#include "testbench/rtl_equiv/histories.hpp"
#include "testbench/rtl_equiv/wave_of_test.hpp"

namespace vfsim::bench {

/// Legal differences. The model answers at once, the RTL some cycles later, in the order of
/// requests. If a key or an entry was changed (and announced) in between, the answer must be what
/// the model says at the time of the RTL's answer; otherwise what it said to the request.
class MkeyWalkerPair : public testing::Test,
                       private rtl::AssertionListener,
                       private model::WalkClient {
 protected:
  explicit MkeyWalkerPair(model::Ps period = model::kNs)
      : ram_(static_cast<vf_context_ram*>(std::calloc(1, sizeof(vf_context_ram)))) {
    constexpr std::uint64_t kWaveWindow = 2'000'000;  // ps
    session_.keep_wave(kWaveWindow);
    rtl_ = std::make_unique<model::MkeyWalkerRtl>(session_, "rtl.mkey_walker", calendar_, period,
                                                  *ram_);
    rtl_->set_client(*this);
    histories_.on_difference([this] { wave_written_ = session_.wave()->write(wave_); });
    std::filesystem::remove(wave_);
  }

  vf_mkey& key(std::uint32_t fn, std::uint32_t index) { return ram_->fn[fn].mkey[index]; }
  /// Asks both. @return what the model says
  model::WalkAnswer request(const model::WalkRequest& r) {
    model::WalkAnswer now;
    EXPECT_FALSE(rtl_->walk(r, cookie_, now)) << "the block takes time";
    waiting_.push_back({r, tlm_.answer_to(r), cookie_++, changes_});
    return waiting_.back().then;
  }
  /// Memory has been changed.
  void keys_changed(std::uint32_t fn, std::uint32_t first, std::uint32_t count) {
    ++changes_;
    rtl_->keys_changed(fn, first, count);
  }
  void entries_changed(std::uint32_t first, std::uint32_t count) {
    ++changes_;
    rtl_->entries_changed(first, count);
  }
  void advance(model::Ps time) {
    calendar_.run_for(time);
  }
  /// Nothing is left to be answered, and all answers were the same.
  void expect_equal() {
    histories_.finish();
    EXPECT_FALSE(histories_.differ()) << histories_.report() << "wave: " << wave_;
    EXPECT_TRUE(waiting_.empty());
  }

 private:
  struct RamDeleter {
    void operator()(vf_context_ram* ram) const { std::free(ram); }
  };
  struct Waiting {
    model::WalkRequest request;
    model::WalkAnswer then;  // what the model said to the request
    std::uint32_t cookie;
    std::uint64_t changes;
  };

 protected:
  std::unique_ptr<vf_context_ram, RamDeleter> ram_;
  model::Calendar calendar_{"calendar"};
  rtl::RtlSession session_{*this};
  model::MkeyWalkerTlm tlm_{*ram_};
  std::unique_ptr<model::MkeyWalkerRtl> rtl_;
  Histories histories_{{"answers"}};
  std::uint64_t changes_ = 0;    // so far
  std::uint64_t overtaken_ = 0;  // answers that a change came before
  bool wave_written_ = false;
  const std::string wave_ = wave_of_test("mkey_walker");

 private:
  static std::string text(const model::WalkRequest& r, const model::WalkAnswer& a) {
    return fmt::format("{}{} {}.{:08x} {:x}+{}: result {}, {:x}+{:x}, gen {}{}",
                       r.resume ? "resumes " : "", r.write ? "write" : "read", r.fn, r.mkey, r.addr,
                       r.bytes, a.result, a.addr, a.run, a.gen, a.relaxed ? ", relaxed" : "");
  }
  void walked(std::uint32_t cookie, const model::WalkAnswer& answer) override {
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

  std::deque<Waiting> waiting_;
  std::uint32_t cookie_ = 0;
};

}  // namespace vfsim::bench
