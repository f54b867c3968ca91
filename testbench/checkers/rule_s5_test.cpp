#include <cerrno>

#include <gtest/gtest.h>

#include "host_driver/migration/bytes.hpp"
#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using Bytes = CheckerRig::Bytes;

constexpr model::FnRef kPf{0, 0}, kVf{0, 1};
constexpr model::FnRef kPeerDevice{0, VF_MAX_FUNCTIONS};
constexpr std::uint64_t kBuffer = 0x40000;
constexpr std::uint32_t kDeadPoll = 0x2041;

Bytes record(std::uint32_t tag, const Bytes& payload) {
  Bytes bytes;
  driver::le_append<std::uint64_t>(bytes, payload.size());
  driver::le_append<std::uint32_t>(bytes, tag == 1 ? 1 : 0);
  driver::le_append<std::uint32_t>(bytes, tag);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

class RuleS5 : public testing::Test {
 protected:
  RuleS5() {
    rig_.learn_vhca(0, 1);
    rig_.create_mtt_key(kPf, 0x100, {kBuffer});
  }
  void begin(std::uint32_t descriptor) {
    rig_.arc(kVf, VF_MIG_STOP, VF_MIG_STOP_COPY);
    rig_.open_stream(kVf, descriptor);
  }
  void save(const Bytes& image) {
    const std::uint8_t slot = rig_.submit_save(kVf, 0x100, 4096);
    rig_.dma_write(kPf, kBuffer, image);
    rig_.complete_save(kVf, slot, static_cast<std::uint32_t>(image.size()));
  }
  CheckerRig rig_;
};

TEST_F(RuleS5, ImagesOfTheSessionAndADeadDescriptor) {
  begin(1);
  save(Bytes(100, 7));
  Bytes stream = record(1, Bytes(8));
  const Bytes image = record(0, Bytes(100, 7));
  stream.insert(stream.end(), image.begin(), image.end());
  for (const std::uint8_t byte : stream) {  // however it is cut
    rig_.read(kVf, 1, {byte});
  }
  rig_.arc(kVf, VF_MIG_STOP_COPY, VF_MIG_STOP);
  rig_.read(kVf, 1, {}, ENODEV);
  rig_.poll(kVf, 1, kDeadPoll);
  EXPECT_EQ(rig_.evaluations("S5"), stream.size() + 2);
  EXPECT_EQ(rig_.violations("S5"), 0U);
}

TEST_F(RuleS5, DescriptorLivesOn) {
  begin(1);
  save(Bytes(100, 7));
  rig_.arc(kVf, VF_MIG_STOP_COPY, VF_MIG_STOP);
  rig_.read(kVf, 1, {});  // an end is not ENODEV
  EXPECT_EQ(rig_.violations("S5"), 1U);
  rig_.read(kVf, 1, record(1, Bytes(8)));
  EXPECT_EQ(rig_.violations("S5"), 2U);
  rig_.poll(kVf, 1, 0x41);
  EXPECT_EQ(rig_.violations("S5"), 3U);
}

TEST_F(RuleS5, EarlyEndIsAllowed) {
  begin(1);
  rig_.read(kVf, 1, {}, ENODEV);
  rig_.poll(kVf, 1, kDeadPoll);
  EXPECT_EQ(rig_.violations("S5"), 0U);
}

TEST_F(RuleS5, BytesOfAnotherSession) {
  begin(1);
  save(Bytes(100, 7));
  rig_.arc(kVf, VF_MIG_STOP_COPY, VF_MIG_STOP);
  begin(2);
  rig_.read(kVf, 2, record(1, Bytes(8)));
  rig_.read(kVf, 2, record(0, Bytes(100, 7)));  // this session has not saved anything yet
  EXPECT_EQ(rig_.violations("S5"), 1U);
  rig_.read(kVf, 2, record(0, Bytes(100, 7)));  // nothing more is said of this stream
  EXPECT_EQ(rig_.violations("S5"), 1U);
  rig_.read(kVf, 1, {}, ENODEV);
  EXPECT_EQ(rig_.violations("S5"), 1U);
  rig_.read(kVf, 1, {9});
  EXPECT_EQ(rig_.violations("S5"), 2U);
}

TEST_F(RuleS5, AnotherByte) {
  begin(1);
  save(Bytes(100, 7));
  Bytes bytes = record(0, Bytes(100, 7));
  bytes[50] = 8;
  rig_.read(kVf, 1, bytes);
  ASSERT_EQ(rig_.violations("S5"), 1U);
  EXPECT_EQ(rig_.seen("S5"), "descriptor 1: another byte at 50 than the image has at 34");
}

TEST_F(RuleS5, ImageThatEndsTrackingIsNotRead) {
  rig_.arc(kVf, VF_MIG_RUNNING, VF_MIG_PRE_COPY);
  rig_.open_stream(kVf, 1);
  save(Bytes(64, 1));
  rig_.read(kVf, 1, record(0, Bytes(64, 1)));
  EXPECT_EQ(rig_.violations("S5"), 1U);
}

TEST_F(RuleS5, ResumingDescriptor) {
  rig_.arc(kVf, VF_MIG_STOP, VF_MIG_RESUMING);
  rig_.open_stream(kVf, 1, false);
  rig_.write(kVf, 1, {1, 2});
  rig_.arc(kVf, VF_MIG_RESUMING, VF_MIG_STOP);
  rig_.write(kVf, 1, {3}, ENODEV);
  EXPECT_EQ(rig_.violations("S5"), 0U);
  rig_.write(kVf, 1, {3});
  EXPECT_EQ(rig_.violations("S5"), 1U);
}

TEST_F(RuleS5, ResetEndsASession) {
  begin(1);
  rig_.device_reset(kVf, VF_MIG_RUNNING);
  rig_.read(kVf, 1, {}, ENODEV);
  EXPECT_EQ(rig_.violations("S5"), 0U);
  rig_.read(kVf, 1, {}, ENOMSG);
  EXPECT_EQ(rig_.violations("S5"), 1U);
}

TEST_F(RuleS5, AnotherDevice) {
  rig_.arc(kPeerDevice, VF_MIG_STOP, VF_MIG_STOP_COPY);
  rig_.open_stream(kPeerDevice, 1);
  rig_.read(kPeerDevice, 1, Bytes(10, 3));  // its own format
  rig_.arc(kPeerDevice, VF_MIG_STOP_COPY, VF_MIG_STOP);
  EXPECT_EQ(rig_.violations("S5"), 0U);
  rig_.read(kPeerDevice, 1, {});
  EXPECT_EQ(rig_.violations("S5"), 1U);
}

}  // namespace
}  // namespace vfsim::bench
