// Command doorbells twice in one calendar: the SystemC model and the verilated block.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "systemc/nic/cmd_doorbell.hpp"
#include "systemc/rtl_bridge/cmd_doorbell_rtl.hpp"
#include "testbench/rtl_equiv/histories.hpp"
#include "testbench/rtl_equiv/wave_of_test.hpp"

namespace vfsim::bench {

/// Legal reorderings: none. What is offered, and in which order, depends on the calls and their
/// order alone: a turn goes to who is taken, so an offer that is withdrawn, or that a slower
/// implementation had not made yet, moves nothing; and the bridge gives the RTL an order only when
/// the offer stands that the order before it has caused. So all that somebody sees of offers and
/// vectors is one stream. Only the time at which an offer is told of differs.
class CmdDoorbellPair : public testing::Test, private rtl::AssertionListener {
 protected:
  static constexpr std::uint64_t kWaveWindow = 2'000'000;  // ps

  explicit CmdDoorbellPair(model::Ps period = model::kNs) {
    session_.keep_wave(kWaveWindow);
    rtl_ = std::make_unique<model::CmdDoorbellRtl>(session_, "rtl.cmd_doorbell", calendar_, period,
                                                   told_rtl_);
    histories_.on_difference([this] { wave_written_ = session_.wave()->write(wave_); });
    std::filesystem::remove(wave_);
  }

  template <class Order>
  void both(const Order& order) {
    order(tlm_);
    order(*rtl_);
  }
  void advance(model::Ps time) {
    calendar_.run_for(time);
  }

  /// What each side says of itself.
  void record(Side side, model::CmdDoorbell& doorbells, std::uint32_t fn) {
    const auto offer = doorbells.offer();
    std::string text =
        offer ? fmt::format("offers {}.{}", offer->fn, offer->slot) : "offers nothing";
    text += fmt::format(", {} has {:08x} pending, {:08x} owned", fn, doorbells.pending(fn),
                        doorbells.owned(fn));
    histories_.record(side, calendar_.now(), 0, std::move(text));
  }
  void record_both(std::uint32_t fn) {
    record(Side::tlm, tlm_, fn);
    record(Side::rtl, *rtl_, fn);
  }
  void expect_equal() {
    histories_.finish();
    EXPECT_FALSE(histories_.differ()) << histories_.report() << "wave: " << wave_;
  }

  class Told final : public model::OfferListener {
   public:
    void command_offered() override { ++count; }
    std::uint64_t count = 0;
  };

  model::Calendar calendar_{"calendar"};
  rtl::RtlSession session_{*this};
  Told told_tlm_, told_rtl_;
  model::CmdDoorbellTlm tlm_{told_tlm_};
  std::unique_ptr<model::CmdDoorbellRtl> rtl_;
  Histories histories_{{"all"}};
  const std::string wave_ = wave_of_test("cmd_doorbell");
  bool wave_written_ = false;
  bool expect_failures_ = false;
  std::vector<std::string> failed_;  // assertions that were expected to

 private:
  void assertion_failed(const char* assertion) override {
    if (expect_failures_) {
      failed_.emplace_back(assertion);
    } else {
      ADD_FAILURE() << assertion;
    }
  }
};

}  // namespace vfsim::bench
