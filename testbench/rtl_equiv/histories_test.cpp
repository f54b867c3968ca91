#include "testbench/rtl_equiv/histories.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

using testing::HasSubstr;

class HistoriesTest : public testing::Test {
 protected:
  Histories h_{{"PF", "VF 0"}};
};

TEST_F(HistoriesTest, EqualInEachStream) {
  h_.record(Side::tlm, 1000, 0, "a");
  h_.record(Side::tlm, 1000, 1, "x");
  h_.record(Side::rtl, 2000, 1, "x");  // passed "a" of another stream
  h_.record(Side::rtl, 3000, 0, "a");
  h_.finish();
  EXPECT_FALSE(h_.differ()) << h_.report();
  EXPECT_EQ(h_.compared(), 2U);
  EXPECT_EQ(h_.report(), "");
}

TEST_F(HistoriesTest, OrderInAStreamCounts) {
  int calls = 0;
  h_.on_difference([&] { ++calls; });
  h_.record(Side::tlm, 1000, 1, "x");
  h_.record(Side::tlm, 1500, 1, "y");
  h_.record(Side::rtl, 2000, 1, "y");
  h_.record(Side::rtl, 2500, 1, "x");
  EXPECT_TRUE(h_.differ());
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(h_.report(),
              HasSubstr("VF 0, transaction 1 of all that were compared: TLM x at 1.000 "
                        "ns; RTL y at 2.000 ns"));
  EXPECT_THAT(h_.report(), HasSubstr("2.500 ns  VF 0         x"));
}

TEST_F(HistoriesTest, WhatOnlyOneDid) {
  h_.record(Side::tlm, 1000, 0, "a");
  EXPECT_FALSE(h_.differ()) << "the other may be late";
  h_.finish();
  EXPECT_TRUE(h_.differ());
  EXPECT_THAT(h_.report(), HasSubstr("TLM a at 1.000 ns; RTL nothing"));
}

}  // namespace
}  // namespace vfsim::bench
