// Model and RTL give the same grants for the same requests.
#include "systemc/rtl_bridge/rr_arbiter_rtl.hpp"

#include <random>

#include <gtest/gtest.h>

namespace vfsim::model {
namespace {

class NoFailure final : public rtl::AssertionListener {
  void assertion_failed(const char* assertion) override { ADD_FAILURE() << assertion; }
};

TEST(RrArbiterRtl, SameGrantsAsTheModel) {
  NoFailure listener;
  rtl::RtlSession session(listener);
  RrArbiter model;
  RrArbiterRtl rtl(session, "A.tx_arbiter");
  std::mt19937_64 rng(7);
  for (int i = 0; i < 50000; ++i) {
    std::uint64_t req[2] = {rng(), rng()};
    for (unsigned thin = rng() % 8; thin > 0; --thin) {
      req[0] &= rng();
      req[1] &= rng();
    }
    ASSERT_EQ(rtl.pick(req), model.pick(req)) << "pick " << i;
  }
}

TEST(RrArbiterRtl, TwoInstancesAreIndependent) {
  NoFailure listener;
  rtl::RtlSession session(listener);
  RrArbiterRtl a(session, "A.tx_arbiter");
  RrArbiterRtl b(session, "B.tx_arbiter");
  const std::uint64_t req[2] = {3, 0};
  EXPECT_EQ(a.pick(req), 0);
  EXPECT_EQ(a.pick(req), 1);
  EXPECT_EQ(b.pick(req), 0);
}

}  // namespace
}  // namespace vfsim::model
