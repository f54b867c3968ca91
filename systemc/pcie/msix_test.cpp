#include "systemc/pcie/msix.hpp"

#include <gtest/gtest.h>

namespace vfsim::model {
namespace {

class MsixTest : public testing::Test {
 protected:
  void program(std::uint32_t vector, bool masked) {
    table_.write_table(vector * 16, 0xfee00000, 8);
    table_.write_table(vector * 16 + 8, 0x40 + vector, 4);
    table_.write_table(vector * 16 + 12, masked ? 1 : 0, 4);
  }
  MsixTable table_;
};

TEST_F(MsixTest, after_reset_every_vector_is_masked) {
  for (std::uint32_t vector = 0; vector < MsixTable::kVectors; ++vector) {
    EXPECT_EQ(table_.read_table(vector * 16 + 12, 4), 1U);
  }
  EXPECT_EQ(table_.read_pba(0, 8), 0U);
}

TEST_F(MsixTest, an_open_vector_leaves_at_once) {
  program(3, false);
  table_.set_control(true, false);
  const auto message = table_.raise(3);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->addr, 0xfee00000U);
  EXPECT_EQ(message->data, 0x43U);
  EXPECT_EQ(table_.pending(), 0U);
}

TEST_F(MsixTest, a_masked_vector_is_pending_and_leaves_once_when_unmasked) {
  program(3, true);
  program(5, false);
  table_.set_control(true, false);
  EXPECT_FALSE(table_.raise(3).has_value());
  EXPECT_FALSE(table_.raise(3).has_value());
  EXPECT_EQ(table_.read_pba(0, 8), 1U << 3U);
  EXPECT_EQ(table_.take_deliverable(), 0U);
  program(3, false);
  EXPECT_EQ(table_.take_deliverable(), 1U << 3U);
  EXPECT_EQ(table_.take_deliverable(), 0U);
  EXPECT_EQ(table_.read_pba(0, 4), 0U);
}

TEST_F(MsixTest, disable_function_mask_and_hold_keep_vectors_pending) {
  program(0, false);
  EXPECT_FALSE(table_.raise(0).has_value());
  table_.set_control(true, true);
  EXPECT_EQ(table_.take_deliverable(), 0U);
  table_.set_control(true, false);
  table_.set_hold(true);
  EXPECT_EQ(table_.take_deliverable(), 0U);
  EXPECT_FALSE(table_.raise(0).has_value());
  table_.set_hold(false);
  EXPECT_EQ(table_.take_deliverable(), 1U);
}

TEST_F(MsixTest, pending_bits_travel) {
  program(7, false);
  table_.set_control(true, false);
  table_.set_pending(1U << 7U | 1U << 8U);
  EXPECT_EQ(table_.take_deliverable(), 1U << 7U);
  EXPECT_EQ(table_.pending(), 1U << 8U);
}

TEST_F(MsixTest, the_table_reads_back_in_either_width) {
  program(31, false);
  EXPECT_EQ(table_.read_table(31 * 16, 8), 0xfee00000U);
  EXPECT_EQ(table_.read_table(31 * 16 + 8, 8), 0x5fU);
  table_.write_table(12, 0xffffffff, 4);
  EXPECT_EQ(table_.read_table(12, 4), 1U);
}

TEST_F(MsixTest, accesses_outside_change_nothing) {
  table_.write_table(MsixTable::kTableBytes, 5, 4);
  table_.write_table(2, 5, 4);
  table_.write_table(4, 5, 8);
  table_.write_table(0, 5, 2);
  EXPECT_EQ(table_.read_table(0, 8), 0U);
  EXPECT_EQ(table_.read_table(MsixTable::kTableBytes, 4), 0U);
  EXPECT_FALSE(table_.raise(32).has_value());
  EXPECT_EQ(table_.pending(), 0U);
}

TEST_F(MsixTest, reset_forgets_everything) {
  program(1, false);
  table_.set_control(true, false);
  table_.set_pending(2);
  table_.reset();
  EXPECT_EQ(table_.pending(), 0U);
  EXPECT_FALSE(table_.raise(1).has_value());
}

}  // namespace
}  // namespace vfsim::model
