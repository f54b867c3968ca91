#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

class RuleA1 : public testing::Test {
 protected:
  void clocked(std::uint64_t cycles) {
    rig_.bus().emit<model::Probe::rtl>(&model::Observer::rtl_clocked, rig_.now(), cycles);
  }
  void failed(const char* assertion) {
    rig_.bus().emit<model::Probe::rtl>(&model::Observer::rtl_assertion, rig_.now(), assertion);
  }
  CheckerRig rig_;
};

TEST_F(RuleA1, CyclesAreItsEvaluations) {
  EXPECT_EQ(rig_.evaluations("A1"), 0U);
  clocked(1000);
  EXPECT_EQ(rig_.evaluations("A1"), 1000U);
  EXPECT_EQ(rig_.violations("A1"), 0U);
}

TEST_F(RuleA1, SaysWhichBlockAndWhich) {
  failed("B.tx_arbiter.rr_arbiter.gen_group[3].u_x.a_grant_was_requested");
  ASSERT_EQ(rig_.violations("A1"), 1U);
  EXPECT_EQ(rig_.last("A1").who, "B.tx_arbiter");
  EXPECT_EQ(rig_.last("A1").seen, "a_grant_was_requested in rr_arbiter.gen_group[3].u_x");
}

TEST_F(RuleA1, AnUnusualPathIsShownWhole) {
  failed("a_alone");
  ASSERT_EQ(rig_.violations("A1"), 1U);
  EXPECT_EQ(rig_.last("A1").seen, "a_alone");
}

}  // namespace
}  // namespace vfsim::bench
