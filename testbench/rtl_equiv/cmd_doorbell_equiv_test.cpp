// Command doorbells: the same random orders into the SystemC model and into the verilated block.
//
// Legal reorderings. The RTL looks for the next offer a cycle behind an order, the model at once.
// Orders that are further apart than that give the same offers in the same order: one stream.
// Within a burst an offer that was withdrawn at once may have moved the turn of one of them only,
// so the order of the functions is free; which slots are executed, and how often, is not: a stream
// for each slot of each function.
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <random>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "systemc/nic/cmd_doorbell.hpp"
#include "systemc/rtl_bridge/cmd_doorbell_rtl.hpp"
#include "testbench/rtl_equiv/histories.hpp"

namespace vfsim::bench {
namespace {

using model::CmdDoorbell;
using model::kNs;

constexpr std::uint32_t kFns = 6;  // busy ones; the others stay quiet
constexpr model::Ps kPeriod = 1 * kNs;
constexpr std::uint64_t kWaveWindow = 2'000'000;  // ps

class Told final : public model::OfferListener {
 public:
  void command_offered() override { ++count; }
  std::uint64_t count = 0;
};

class CmdDoorbellEquiv : public testing::Test, private rtl::AssertionListener {
 protected:
  CmdDoorbellEquiv() {
    session_.keep_wave(kWaveWindow);
    rtl_ = std::make_unique<model::CmdDoorbellRtl>(session_, "rtl.cmd_doorbell", calendar_, kPeriod,
                                                   told_rtl_);
    histories_.on_difference([this] { wave_written_ = session_.wave()->write(wave_); });
    std::filesystem::remove(wave_);
    both([](CmdDoorbell& d) { d.set_room(true, true); });
  }

  template <class Order>
  void both(const Order& order) {
    order(tlm_);
    order(*rtl_);
  }
  void advance(model::Ps time) {
    const model::Ps end = sc_core::sc_time_stamp().value() + time;
    calendar_.set_limit(end);
    sc_core::sc_start(sc_core::sc_time::from_value(time));
  }
  std::uint32_t any(std::uint32_t below) { return static_cast<std::uint32_t>(rng_() % below); }
  std::uint32_t thin_mask() { return static_cast<std::uint32_t>(rng_() & rng_() & rng_()); }

  /// One order for both; takes and ends what the model has, as the firmware would.
  void random_order() {
    const std::uint32_t fn = any(kFns) * 25;
    switch (any(12)) {
      case 0:
        hold(fn, !held_[fn]);
        break;
      case 1:
        if (any(8) == 0) {
          both([&](CmdDoorbell& d) { d.reset(fn); });
          both([&](CmdDoorbell& d) {
            d.clear(fn, ~0U);
          });  // as the firmware does when it hears of it
        }
        break;
      case 2: {
        const std::uint32_t room = any(4);
        both([&](CmdDoorbell& d) { d.set_room(room > 1, room > 0); });
        break;
      }
      case 3:
        hold(fn, true);
        replace(fn, thin_mask());
        break;
      case 4:
      case 5:
      case 6:
        end_one(fn);
        break;
      default: {
        const std::uint32_t slots = thin_mask();
        both([&](CmdDoorbell& d) { d.ring(fn, slots); });
      }
    }
  }
  void hold(std::uint32_t fn, bool on) {
    held_[fn] = on;
    both([&](CmdDoorbell& d) { d.set_hold(fn, on); });
  }
  void replace(std::uint32_t fn, std::uint32_t slots) {
    both([&](CmdDoorbell& d) {
      d.clear(fn, ~0U);
      d.set(fn, slots);
    });
  }
  void end_one(std::uint32_t fn) {
    const std::uint32_t owned = tlm_.owned(fn);
    if (owned != 0) {
      const auto slot = static_cast<std::uint32_t>(__builtin_ctz(owned));
      both([&](CmdDoorbell& d) { d.done(fn, slot); });
    }
  }

  /// What each side says of itself.
  void record(Side side, CmdDoorbell& doorbells, std::uint32_t fn) {
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
  /// Executes everything, each side in the order of its offers.
  void drain(Side side, CmdDoorbell& doorbells) {
    for (auto offer = doorbells.offer(); offer; offer = doorbells.offer()) {
      histories_.record(side, calendar_.now(), 1 + offer->fn * CmdDoorbell::kSlots + offer->slot,
                        "executed");
      doorbells.take(offer->fn, offer->slot);
      doorbells.done(offer->fn, offer->slot);
    }
  }
  void assertion_failed(const char* assertion) override {
    if (expect_failures_) {
      failed_.emplace_back(assertion);
    } else {
      ADD_FAILURE() << assertion;
    }
  }

  model::Calendar calendar_{"calendar"};
  rtl::RtlSession session_{*this};
  Told told_tlm_, told_rtl_;
  model::CmdDoorbellTlm tlm_{told_tlm_};
  std::unique_ptr<model::CmdDoorbellRtl> rtl_;
  std::array<bool, VF_MAX_FUNCTIONS> held_{};
  std::mt19937_64 rng_{7};
  Histories histories_{{"all"}};
  std::string wave_ = testing::TempDir() + "cmd_doorbell_equiv.vcd";
  bool wave_written_ = false;
  bool expect_failures_ = false;
  std::vector<std::string> failed_;
};

TEST_F(CmdDoorbellEquiv, OrdersApartGiveTheSameOffersInTheSameOrder) {
  constexpr int kOrders = 60000;
  for (int i = 0; i < kOrders && !histories_.differ(); ++i) {
    random_order();
    advance((20 + any(60)) * kNs / 10 * 10);
    if (tlm_.offered() && any(3) != 0) {
      const auto offer = *tlm_.offer();
      both([&](CmdDoorbell& d) { d.take(offer.fn, offer.slot); });
      advance(20 * kNs);
    }
    EXPECT_EQ(tlm_.offered(), rtl_->offered()) << "the interrupt, order " << i;
    record_both(any(kFns) * 25);
  }
  histories_.finish();
  EXPECT_FALSE(histories_.differ()) << histories_.report() << "wave: " << wave_;
  EXPECT_GE(histories_.compared(), 60000U);
  EXPECT_GT(told_tlm_.count, 1000U) << "nothing was offered";
}

TEST_F(CmdDoorbellEquiv, BurstsExecuteTheSameSlots) {
  constexpr int kBursts = 4000;
  for (int i = 0; i < kBursts && !histories_.differ(); ++i) {
    for (std::uint32_t n = 1 + any(10); n > 0; --n) {
      random_order();
    }
    advance(any(4) * kNs);
    drain(Side::tlm, tlm_);
    drain(Side::rtl, *rtl_);
    advance(50 * kNs);
    record_both(any(kFns) * 25);
  }
  histories_.finish();
  EXPECT_FALSE(histories_.differ()) << histories_.report() << "wave: " << wave_;
  EXPECT_GT(histories_.compared(), 10000U);
}

/// A model that loses a ring is noticed, told with both histories, and shown in a short wave.
TEST_F(CmdDoorbellEquiv, ADifferenceIsShown) {
  for (int i = 0; i < 2000 && !histories_.differ(); ++i) {
    random_order();
    if (i == 1500) {
      rtl_->ring(0, 1U << 9);
      tlm_.clear(0, 1U << 9);
      record_both(0);
    }
    advance(50 * kNs);
    record_both(any(kFns) * 25);
  }
  ASSERT_TRUE(histories_.differ());
  EXPECT_THAT(histories_.report(), testing::HasSubstr("last transactions of the RTL"));
  ASSERT_TRUE(wave_written_);
  std::ifstream file(wave_);
  std::string line;
  std::uint64_t first = 0, last = 0;
  while (std::getline(file, line)) {
    if (!line.empty() && line[0] == '#') {
      last = std::stoull(line.substr(1));
      first = first == 0 ? last : first;
    }
  }
  EXPECT_GT(first, 50'000'000U) << "not from the start";
  EXPECT_LE(last - first, 2 * kWaveWindow + 100'000);
  EXPECT_LE(last, calendar_.now() + 20 * kNs);
}

/// What the block's environment must not do is told, and nothing else happens.
TEST_F(CmdDoorbellEquiv, AnAssertionThatFailsIsToldAndTheRunGoesOn) {
  expect_failures_ = true;
  both([](CmdDoorbell& d) { d.done(3, 7); });
  advance(50 * kNs);
  EXPECT_THAT(failed_, testing::ElementsAre(
                           "rtl.cmd_doorbell.cmd_doorbell_checked.u_chk.e_done_of_running"));
  both([](CmdDoorbell& d) { d.ring(3, 1); });
  advance(50 * kNs);
  EXPECT_TRUE(rtl_->offered());
}

}  // namespace
}  // namespace vfsim::bench
