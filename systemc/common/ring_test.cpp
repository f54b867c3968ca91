#include "systemc/common/ring.hpp"

#include <set>

#include <gtest/gtest.h>

#include "systemc/common/slot_pool.hpp"

namespace vfsim::model {
namespace {

TEST(RingTest, keeps_order_and_sequence_numbers_while_it_grows) {
  Ring<int> ring(3);  // four places
  for (int i = 0; i < 3; ++i) {
    ring.push(i);
  }
  ring.pop();
  ring.pop();
  for (int i = 3; i < 20; ++i) {  // wraps, then grows twice
    ring.push(i);
  }
  EXPECT_EQ(ring.size(), 18U);
  EXPECT_EQ(ring.first(), 2U);
  EXPECT_EQ(ring.next(), 20U);
  EXPECT_EQ(ring.at(11), 11);
  EXPECT_EQ(ring.back(), 19);
  for (int i = 2; i < 20; ++i) {
    EXPECT_EQ(ring.front(), i);
    ring.pop();
  }
  EXPECT_TRUE(ring.empty());
}

TEST(SlotPoolTest, slots_are_disjoint_stay_in_place_and_come_back) {
  SlotPool pool(100);
  EXPECT_GE(pool.slot_bytes(), 100U);
  const std::uint32_t first = pool.take();
  const std::uint8_t* at = pool.data(first);
  std::set<std::uint8_t*> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(pool.data(pool.take()));
  }
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_EQ(pool.data(first), at);
  pool.release(first);
  EXPECT_EQ(pool.take(), first);
  pool.release(SlotPool::kNone);
  EXPECT_EQ(pool.data(SlotPool::kNone), nullptr);
}

}  // namespace
}  // namespace vfsim::model
