#include <cerrno>

#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using Bytes = CheckerRig::Bytes;

constexpr model::FnRef kPf{0, 0}, kVf{0, 1};
constexpr model::FnRef kPeerDevice{0, VF_MAX_FUNCTIONS};
constexpr std::uint64_t kBuffer = 0x40000;
constexpr std::uint32_t kImage = 100;
constexpr std::size_t kFirstRecord = 24, kRecord = 16 + kImage;
constexpr model::Ps kLong = model::kMs;

class RuleS6 : public testing::Test {
 protected:
  RuleS6() {
    rig_.learn_vhca(0, 1);
    rig_.create_mtt_key(kPf, 0x100, {kBuffer});
  }
  void begin(std::uint32_t from, std::uint32_t to) {
    rig_.arc(kVf, from, to);
    rig_.open_stream(kVf, 1);
  }
  void save(bool set_track, std::uint32_t next = 0) {
    rig_.complete_save(kVf, rig_.submit_save(kVf, 0x100, 4096, false, set_track), kImage, next);
  }
  void read(std::size_t bytes) { rig_.read(kVf, 1, Bytes(bytes)); }
  void pause() { rig_.read(kVf, 1, {}, ENOMSG); }
  CheckerRig rig_;
};

TEST_F(RuleS6, ExactEnds) {
  begin(VF_MIG_RUNNING, VF_MIG_PRE_COPY);
  read(kFirstRecord);
  save(true);
  rig_.advance(kLong);
  read(kRecord);
  pause();
  rig_.arc(kVf, VF_MIG_PRE_COPY, VF_MIG_PRE_COPY_P2P);
  pause();
  rig_.arc(kVf, VF_MIG_PRE_COPY_P2P, VF_MIG_STOP_COPY);
  save(false);
  read(kRecord);
  read(0);
  read(0);
  EXPECT_EQ(rig_.evaluations("S6"), 7U);
  EXPECT_EQ(rig_.violations("S6"), 0U);
}

TEST_F(RuleS6, EndInPrecopy) {
  begin(VF_MIG_RUNNING, VF_MIG_PRE_COPY);
  save(true);
  read(kFirstRecord + kRecord);
  read(0);
  EXPECT_EQ(rig_.violations("S6"), 1U);
}

TEST_F(RuleS6, PauseInStopCopy) {
  begin(VF_MIG_STOP, VF_MIG_STOP_COPY);
  save(false);
  read(kFirstRecord + kRecord);
  pause();
  EXPECT_EQ(rig_.violations("S6"), 1U);
}

TEST_F(RuleS6, EndTooEarly) {
  begin(VF_MIG_STOP, VF_MIG_STOP_COPY);
  const std::uint8_t slot = rig_.submit_save(kVf, 0x100, 4096);
  read(kFirstRecord);
  read(0);  // the SAVE is running
  EXPECT_EQ(rig_.violations("S6"), 1U);
  rig_.complete_save(kVf, slot, kImage);
  read(kRecord);  // and a 0 is followed by bytes
  EXPECT_EQ(rig_.violations("S6"), 2U);
}

TEST_F(RuleS6, EndWithBytesLeft) {
  begin(VF_MIG_STOP, VF_MIG_STOP_COPY);
  save(false);
  read(kFirstRecord + kRecord - 1);
  read(0);
  EXPECT_EQ(rig_.violations("S6"), 1U);
}

TEST_F(RuleS6, EndBetweenChunks) {
  begin(VF_MIG_STOP, VF_MIG_STOP_COPY);
  save(false, kImage);
  read(kFirstRecord + kRecord);
  read(0);
  EXPECT_EQ(rig_.violations("S6"), 1U);
}

TEST_F(RuleS6, PauseWithBytesLeft) {
  begin(VF_MIG_RUNNING, VF_MIG_PRE_COPY);
  read(kFirstRecord);
  pause();  // before the first image
  EXPECT_EQ(rig_.violations("S6"), 1U);
  save(true);
  pause();  // the driver has not heard of it yet
  EXPECT_EQ(rig_.violations("S6"), 1U);
  rig_.advance(kLong);
  pause();
  EXPECT_EQ(rig_.violations("S6"), 2U);
}

TEST_F(RuleS6, FailedSaveMayPause) {
  begin(VF_MIG_RUNNING, VF_MIG_PRE_COPY);
  read(kFirstRecord);
  rig_.complete_with(kVf, rig_.submit_save(kVf, 0x100, 4096, false, true), VF_STATUS_BAD_RES_STATE,
                     VF_SYND_NOT_TRACKING);
  pause();
  EXPECT_EQ(rig_.violations("S6"), 0U);
}

TEST_F(RuleS6, AnotherDevice) {
  rig_.arc(kPeerDevice, VF_MIG_STOP, VF_MIG_STOP_COPY);
  rig_.open_stream(kPeerDevice, 1);
  rig_.read(kPeerDevice, 1, Bytes(10));
  rig_.read(kPeerDevice, 1, {});
  EXPECT_EQ(rig_.violations("S6"), 0U);
  rig_.read(kPeerDevice, 1, {}, ENOMSG);
  EXPECT_EQ(rig_.violations("S6"), 2U);  // no PRE_COPY, and behind a 0
}

}  // namespace
}  // namespace vfsim::bench
