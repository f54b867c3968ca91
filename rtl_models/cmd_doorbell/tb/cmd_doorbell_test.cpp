// The block alone, cycle by cycle: several ports in one cycle, which the bridge never does.
#include <array>
#include <cstdint>
#include <random>

#include <gtest/gtest.h>

#include "Vcmd_doorbell_checked.h"
#include "rtl_models/common/rtl_model.hpp"

namespace {

constexpr std::uint32_t kFns = 128;

class CmdDoorbellRtlTb : public testing::Test, private vfsim::rtl::AssertionListener {
 protected:
  CmdDoorbellRtlTb() { dut_->room_i = dut_->room_last_i = 1; }

  void ring(std::uint32_t fn, std::uint32_t slots) {
    dut_->ring_valid_i = 1;
    dut_->ring_fn_i = static_cast<std::uint8_t>(fn);
    dut_->ring_slots_i = slots;
  }
  void take_offer() {
    dut_->take_valid_i = 1;
    name(dut_->offer_fn_o, dut_->offer_slot_o);
  }
  void done(std::uint32_t fn, std::uint32_t slot) {
    dut_->done_valid_i = 1;
    name(fn, slot);
  }
  void name(std::uint32_t fn, std::uint32_t slot) {
    dut_->fw_fn_i = static_cast<std::uint8_t>(fn);
    dut_->fw_slot_i = static_cast<std::uint8_t>(slot);
  }
  void reset(std::uint32_t fn) {
    dut_->flr_valid_i = 1;
    dut_->flr_fn_i = static_cast<std::uint8_t>(fn);
  }
  /// The cycle with all that was ordered since the last one.
  void cycle() {
    dut_.cycle();
    dut_->ring_valid_i = dut_->take_valid_i = dut_->done_valid_i = dut_->flr_valid_i = 0;
    dut_.eval();
  }
  /// The rules leave a block two cycles behind the one in which it knows what it may offer.
  void cycles_to_offer() {
    for (int i = 0; i < 2 && dut_->offer_valid_o == 0; ++i) {
      cycle();
    }
  }
  bool offers(std::uint32_t fn, std::uint32_t slot) {
    return dut_->offer_valid_o != 0 && dut_->offer_fn_o == fn && dut_->offer_slot_o == slot;
  }
  std::uint32_t pending(std::uint32_t fn) {
    dut_->sel_fn_i = static_cast<std::uint8_t>(fn);
    dut_.eval();
    return dut_->pending_o;
  }
  std::uint32_t owned(std::uint32_t fn) {
    dut_->sel_fn_i = static_cast<std::uint8_t>(fn);
    dut_.eval();
    return dut_->owned_o;
  }
  void assertion_failed(const char* assertion) override { ADD_FAILURE() << assertion; }

  vfsim::rtl::RtlSession session_{*this};
  vfsim::rtl::RtlModel<Vcmd_doorbell_checked> dut_{session_, "bench"};
};

TEST_F(CmdDoorbellRtlTb, OfferStandsInTimeBehindTheRing) {
  ring(127, 1U << 31);
  cycle();
  EXPECT_EQ(pending(127), 1U << 31);
  cycles_to_offer();
  EXPECT_TRUE(offers(127, 31));
}

TEST_F(CmdDoorbellRtlTb, ARingInTheCycleOfItsTakeIsANewOne) {
  ring(5, 1);
  cycle();
  cycles_to_offer();
  ASSERT_TRUE(offers(5, 0));
  take_offer();
  ring(5, 1);
  cycle();
  EXPECT_EQ(owned(5), 1U);
  EXPECT_EQ(pending(5), 1U);
  cycle();
  EXPECT_EQ(dut_->offer_valid_o, 0) << "owned";
  done(5, 0);
  ring(6, 2);  // another function in the same cycle
  cycle();
  EXPECT_EQ(owned(5), 0U);
  EXPECT_EQ(pending(6), 2U);
}

TEST_F(CmdDoorbellRtlTb, ResetWinsOverARing) {
  ring(9, 0xff);
  reset(9);
  cycle();
  EXPECT_EQ(pending(9), 0U);
  ring(9, 0xff);
  cycle();
  reset(9);
  cycle();
  EXPECT_EQ(dut_->offer_valid_o, 0) << "found in the cycle of the reset";
}

/// Rings, takes and ends in the same cycles; each slot runs once for its ring (the rules see to the
/// order).
TEST_F(CmdDoorbellRtlTb, RandomOrdersAllRun) {
  std::mt19937 rng(3);
  std::array<std::uint32_t, kFns> expected{};  // rung and not yet taken
  std::array<std::uint32_t, kFns> running{};
  std::uint64_t taken = 0;
  for (int i = 0; i < 200000; ++i) {
    const bool draining = i % 2000 > 1000;
    const std::uint32_t end_fn = rng() % kFns;
    if (dut_->offer_valid_o != 0 && rng() % 2 == 0) {
      const std::uint32_t bit = 1U << dut_->offer_slot_o;
      ASSERT_NE(expected[dut_->offer_fn_o] & bit, 0U) << "offered without a ring";
      expected[dut_->offer_fn_o] &= ~bit;
      running[dut_->offer_fn_o] |= bit;
      take_offer();
      ++taken;
    } else if (running[end_fn] != 0) {
      const auto slot = static_cast<std::uint32_t>(__builtin_ctz(running[end_fn]));
      running[end_fn] &= ~(1U << slot);
      done(end_fn, slot);
    }
    if (!draining && rng() % 3 == 0) {
      const std::uint32_t fn = rng() % 4 == 0 ? dut_->offer_fn_o : rng() % kFns;
      const std::uint32_t slots = 1U << rng() % 32;
      ring(fn, slots);
      expected[fn] |= slots;
    }
    cycle();
    const std::uint32_t look = rng() % kFns;
    ASSERT_EQ(pending(look), expected[look]) << "cycle " << i << ", function " << look;
    ASSERT_EQ(owned(look), running[look]) << "cycle " << i << ", function " << look;
  }
  EXPECT_GT(taken, 20000U);
}

}  // namespace
