#include "testbench/checkers/range_set.hpp"

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

TEST(RangeSet, MergesNeighboursAndKeepsGaps) {
  RangeSet set;
  set.add(0x3000, 0x1000);
  set.add(0x1000, 0x1000);
  set.add(0x2000, 0x1000);
  set.add(0x8000, 0x10);
  set.seal();
  EXPECT_TRUE(set.contains(0x1fff, 2));
  EXPECT_TRUE(set.contains(0x1000, 0x3000));
  EXPECT_FALSE(set.contains(0x1000, 0x3001));
  EXPECT_FALSE(set.contains(0xfff, 1));
  EXPECT_FALSE(set.contains(0x800f, 2));
  EXPECT_TRUE(set.contains(0x800f, 1));
}

TEST(RangeSet, EndOfTheAddressSpace) {
  RangeSet set;
  set.add(~0ULL - 15, 16);
  set.seal();
  EXPECT_TRUE(set.contains(~0ULL, 1));
  EXPECT_FALSE(set.contains(~0ULL, 2));
  EXPECT_FALSE(RangeSet().contains(0, 1));
}

}  // namespace
}  // namespace vfsim::bench
