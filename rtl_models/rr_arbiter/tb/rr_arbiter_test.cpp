// The RTL arbiter, cycle by cycle, against a model that is as simple as the sentence "search behind
// the last grant".
#include <array>
#include <cstdint>
#include <random>

#include <gtest/gtest.h>

#include "Vrr_arbiter.h"
#include "rtl_models/common/rtl_model.hpp"

namespace {

constexpr int kRequesters = 128;
using Requests = std::array<bool, kRequesters>;

int reference(const Requests& req, int last) {
  for (int i = 1; i <= kRequesters; ++i) {
    const int candidate = (last + i) % kRequesters;
    if (req[static_cast<std::size_t>(candidate)]) {
      return candidate;
    }
  }
  return -1;
}

class Bench final : private vfsim::rtl::AssertionListener {
 public:
  /// Grant of this cycle, or -1; `taken` moves the search on.
  int grant(const Requests& req, bool taken) {
    for (std::size_t word = 0; word < kRequesters / 32; ++word) {
      std::uint32_t bits = 0;
      for (std::size_t i = 0; i < 32; ++i) {
        bits |= static_cast<std::uint32_t>(req[word * 32 + i]) << i;
      }
      dut_->req_i[word] = bits;
    }
    dut_->taken_i = taken;
    dut_.eval();
    const int index = dut_->valid_o != 0 ? dut_->index_o : -1;
    dut_.cycle();
    return index;
  }

 private:
  void assertion_failed(const char* assertion) override { ADD_FAILURE() << assertion; }

  vfsim::rtl::RtlSession session_{*this};
  vfsim::rtl::RtlModel<Vrr_arbiter> dut_{session_, "bench"};
};

TEST(RrArbiterRtl, RandomRequests) {
  Bench bench;
  std::mt19937 rng(1);
  int last = kRequesters - 1;
  for (int cycle = 0; cycle < 20000; ++cycle) {
    Requests req{};
    const unsigned density = rng() % 8;  // from one requester in 128 to all of them
    for (auto& r : req) {
      r = rng() % 128 < (1U << density);
    }
    const bool taken = rng() % 4 != 0;
    const int expected = reference(req, last);
    ASSERT_EQ(bench.grant(req, taken), expected) << "cycle " << cycle;
    last = taken && expected >= 0 ? expected : last;
  }
}

TEST(RrArbiterRtl, EveryoneIsServedInTurn) {
  Bench bench;
  Requests all;
  all.fill(true);
  for (int i = 0; i < 3 * kRequesters; ++i) {
    ASSERT_EQ(bench.grant(all, true), i % kRequesters);
  }
}

TEST(RrArbiterRtl, NobodyAsks) {
  Bench bench;
  EXPECT_EQ(bench.grant(Requests{}, true), -1);
}

}  // namespace
