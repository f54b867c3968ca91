// Command doorbells: the same random orders into the SystemC model and into the verilated block.
// cmd_doorbell_pair.hpp says which reorderings are legal.
#include <array>
#include <fstream>
#include <random>

#include <gmock/gmock.h>

#include "testbench/rtl_equiv/cmd_doorbell_pair.hpp"

namespace vfsim::bench {
namespace {

using model::CmdDoorbell;
using model::kNs;

constexpr std::uint32_t kFns = 6;  // busy ones; the others stay quiet

class CmdDoorbellEquiv : public CmdDoorbellPair {
 protected:
  CmdDoorbellEquiv() {
    both([](CmdDoorbell& d) { d.set_room(true, true); });
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

  /// Executes everything.
  void drain(Side side, CmdDoorbell& doorbells) {
    for (auto offer = doorbells.offer(); offer; offer = doorbells.offer()) {
      histories_.record(side, calendar_.now(), 0,
                        fmt::format("executes {}.{}", offer->fn, offer->slot));
      doorbells.take(offer->fn, offer->slot);
      doorbells.done(offer->fn, offer->slot);
    }
  }

  std::array<bool, VF_MAX_FUNCTIONS> held_{};
  std::mt19937_64 rng_{7};
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
  expect_equal();
  EXPECT_GE(histories_.compared(), 60000U);
  EXPECT_GT(told_tlm_.count, 1000U) << "nothing was offered";
}

TEST_F(CmdDoorbellEquiv, BurstsGiveTheSameOffersInTheSameOrder) {
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
  expect_equal();
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
