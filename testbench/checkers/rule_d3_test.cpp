#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using Bytes = CheckerRig::Bytes;

constexpr model::FnRef kPf{0, 0}, kVf{0, 1};
constexpr std::uint64_t kBuffer = 0x40000;
constexpr std::uint32_t kImage = 1000;
constexpr std::uint64_t kHead = 16, kInitial = 24 + kHead + kImage;

class RuleD3 : public testing::Test {
 protected:
  RuleD3() {
    rig_.learn_vhca(0, 1);
    rig_.create_mtt_key(kPf, 0x100, {kBuffer, kBuffer + 4096, kBuffer + 8192});
    rig_.arc(kVf, VF_MIG_RUNNING, VF_MIG_PRE_COPY);
    rig_.open_stream(kVf, 1);
    save(kImage, true);
  }
  void save(std::uint32_t bytes, bool set_track) {
    rig_.complete_save(kVf, rig_.submit_save(kVf, 0x100, 12288, true, set_track), bytes);
  }
  void read(std::uint64_t bytes) { rig_.read(kVf, 1, Bytes(bytes)); }
  void query(std::uint32_t bytes, std::uint32_t state = VF_MIGRATION_STATE_DIRTY) {
    rig_.query_increment(kVf, bytes, state);
  }
  void told(std::uint64_t initial, std::uint64_t dirty, bool reinit = false) {
    model::PrecopyView view;
    view.who = kVf;
    view.descriptor = 1;
    view.initial_bytes = initial;
    view.dirty_bytes = dirty;
    view.reinit = reinit;
    rig_.bus().emit<model::Probe::driver>(&model::Observer::precopy_info, rig_.now(), view);
  }
  void stop() {
    rig_.arc(kVf, VF_MIG_PRE_COPY, VF_MIG_PRE_COPY_P2P);
    rig_.arc(kVf, VF_MIG_PRE_COPY_P2P, VF_MIG_STOP_COPY);
  }
  CheckerRig rig_;
};

TEST_F(RuleD3, HonestSizes) {
  query(300);
  told(kInitial, 0);  // while initial data is unread, nothing else is told
  read(kInitial - 10);
  query(300);
  told(10, 0);
  read(10);
  query(300);
  told(0, 300 + kHead);
  stop();
  save(300, false);
  EXPECT_EQ(rig_.evaluations("D3"), 4U);
  EXPECT_EQ(rig_.violations("D3"), 0U);
}

TEST_F(RuleD3, InitialBytesGrow) {
  query(0);
  told(kInitial, 0);
  read(kInitial);
  query(0);
  told(0, 0);
  query(500);
  told(500, 0);
  ASSERT_EQ(rig_.violations("D3"), 1U);
  EXPECT_EQ(rig_.seen("D3"), "initial_bytes 500");
}

TEST_F(RuleD3, AnnouncedReinitMayGrow) {
  query(0);
  told(kInitial, 0);
  read(kInitial);
  query(0);
  told(0, 0);
  query(500, VF_MIGRATION_STATE_INIT);
  told(500 + kHead, 0, true);
  EXPECT_EQ(rig_.violations("D3"), 0U);
  query(500);
  told(500 + kHead, 0, true);  // the device did not ask for it
  EXPECT_EQ(rig_.violations("D3"), 1U);
}

TEST_F(RuleD3, UnreadBytesAreLeftOut) {
  query(0);
  told(kInitial - 1, 0);
  EXPECT_EQ(rig_.violations("D3"), 1U);
}

TEST_F(RuleD3, AnnouncedBytesAreLeftOut) {
  read(kInitial);
  query(300);
  told(0, 299);
  EXPECT_EQ(rig_.violations("D3"), 1U);
  told(0, 0);  // no QUERY: nothing announced to this call
  EXPECT_EQ(rig_.violations("D3"), 1U);
}

TEST_F(RuleD3, IdleFunctionYieldsMore) {
  read(kInitial);
  query(300);
  told(0, 300 + kHead);
  stop();
  save(9000, false);
  EXPECT_EQ(rig_.violations("D3"), 1U);
}

TEST_F(RuleD3, FunctionThatWorkedYieldsMore) {
  read(kInitial);
  query(300);
  told(0, 300 + kHead);
  rig_.dma_write(kVf, 0x2000, Bytes(64));
  stop();
  save(9000, false);
  EXPECT_EQ(rig_.violations("D3"), 0U);
}

}  // namespace
}  // namespace vfsim::bench
