// Model and RTL give the same grants for the same requests.
#include "systemc/rtl_bridge/rr_arbiter_rtl.hpp"

#include <random>

#include <gtest/gtest.h>

namespace vfsim::model {
namespace {

TEST(RrArbiterRtl, SameGrantsAsTheModel) {
  RrArbiter model;
  RrArbiterRtl rtl;
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
  RrArbiterRtl a;
  RrArbiterRtl b;
  const std::uint64_t req[2] = {3, 0};
  EXPECT_EQ(a.pick(req), 0);
  EXPECT_EQ(a.pick(req), 1);
  EXPECT_EQ(b.pick(req), 0);
}

}  // namespace
}  // namespace vfsim::model
