#include "systemc/nic/dirty_tracker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vfsim::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DirtyTrackerTest : public testing::Test {
 protected:
  std::vector<std::uint64_t> snapshot(std::uint64_t addr, std::uint64_t bytes,
                                      std::uint32_t room = 100) {
    std::vector<std::uint64_t> pages(room);
    pages.resize(tracker_.snapshot(addr, bytes, pages.data(), room, more_));
    return pages;
  }
  static constexpr vf_track_range kRanges[] = {{0x40000000, 0x4000000}, {0x1000, 0x3000}};
  DirtyTracker tracker_;
  bool more_ = false;
};

TEST_F(DirtyTrackerTest, off_until_started) {
  tracker_.mark(0x1000, 1);
  EXPECT_FALSE(tracker_.on());
  tracker_.start(12, kRanges, 2, false);
  EXPECT_THAT(snapshot(0, ~0ULL), IsEmpty());
}

TEST_F(DirtyTrackerTest, reports_ascending_inside_ranges_once) {
  tracker_.start(12, kRanges, 2, false);
  tracker_.mark(0x43fff000, 4096);  // last page of its range
  tracker_.mark(0x40000ffe, 4);     // two pages
  tracker_.mark(0x3fff, 2);         // last of the low range, and one behind it
  tracker_.mark(0x44000000, 64);    // outside
  EXPECT_THAT(snapshot(0, ~0ULL), ElementsAre(0x3000, 0x40000000, 0x40001000, 0x43fff000));
  EXPECT_THAT(snapshot(0, ~0ULL), IsEmpty());
}

TEST_F(DirtyTrackerTest, a_part_leaves_the_rest_marked) {
  tracker_.start(12, kRanges, 2, false);
  tracker_.mark(0x40000000, 3 * 4096);
  EXPECT_THAT(snapshot(0x40001000, 0x1000), ElementsAre(0x40001000));
  EXPECT_THAT(snapshot(0, ~0ULL), ElementsAre(0x40000000, 0x40002000));
}

TEST_F(DirtyTrackerTest, a_small_list_is_continued) {
  tracker_.start(12, kRanges, 2, false);
  tracker_.mark(0x40000000, 5 * 4096);
  EXPECT_THAT(snapshot(0, ~0ULL, 3), ElementsAre(0x40000000, 0x40001000, 0x40002000));
  EXPECT_TRUE(more_);
  EXPECT_THAT(snapshot(0, ~0ULL, 3), ElementsAre(0x40003000, 0x40004000));
  EXPECT_FALSE(more_);
}

TEST_F(DirtyTrackerTest, starting_again_keeps_marks_of_the_same_ranges_only) {
  tracker_.start(12, kRanges, 2, false);
  tracker_.mark(0x1000, 1);
  tracker_.start(12, kRanges, 2, false);
  EXPECT_THAT(snapshot(0, ~0ULL), ElementsAre(0x1000));
  tracker_.mark(0x1000, 1);
  tracker_.start(16, kRanges, 2, false);
  EXPECT_THAT(snapshot(0, ~0ULL), IsEmpty());
  tracker_.mark(0x40012345, 1);
  EXPECT_THAT(snapshot(0, ~0ULL), ElementsAre(0x40010000));
}

TEST_F(DirtyTrackerTest, a_whole_address_space_is_bounded_in_memory) {
  const vf_track_range everything[] = {{0, ~0ULL}};
  tracker_.start(12, everything, 1, false);
  tracker_.mark(1ULL << 47, 1);
  EXPECT_THAT(snapshot(1ULL << 47, 4096), ElementsAre(1ULL << 47));
}

TEST_F(DirtyTrackerTest, the_fault_misses_every_16th_page) {
  tracker_.start(12, kRanges, 2, true);
  tracker_.mark(0x4000e000, 3 * 4096);
  EXPECT_THAT(snapshot(0, ~0ULL), ElementsAre(0x4000e000, 0x40010000));
}

}  // namespace
}  // namespace vfsim::model
