#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kSource{0, 1};
constexpr model::FnRef kTarget{1, 2};
constexpr std::uint64_t kBuffer = 0x40000;

/// An image with one CQ record.
CheckerRig::Bytes image(std::uint64_t image_id, std::uint8_t content) {
  CheckerRig::Bytes bytes(VF_BYTES(image_header) + VF_BYTES(image_record) + 8 +
                          VF_BYTES(image_record) + VF_BYTES(image_end));
  VF_SET(image_header, bytes.data(), image_id, image_id);
  VF_SET(image_header, bytes.data(), records, 1);
  std::uint8_t* record = bytes.data() + VF_BYTES(image_header);
  VF_SET(image_record, record, type, 0x11);
  VF_SET(image_record, record, number, 0x400);
  VF_SET(image_record, record, bytes, 8);
  record[VF_BYTES(image_record)] = content;
  std::uint8_t* end = record + VF_BYTES(image_record) + 8;
  VF_SET(image_record, end, type, 0xffff);
  VF_SET(image_record, end, bytes, 8);
  VF_SET(image_end, end + VF_BYTES(image_record), image_crc, image_id);  // follows from the rest
  return bytes;
}

class RuleS3 : public testing::Test {
 protected:
  RuleS3() {
    rig_.learn_vhca(0, 1);
    rig_.learn_vhca(1, 2);
    rig_.create_mtt_key({0, 0}, 0x100, {kBuffer});
    rig_.create_mtt_key({1, 0}, 0x100, {kBuffer});
    for (const model::FnRef who : {kSource, kTarget}) {
      rig_.suspend(who, Half::initiator);
      rig_.suspend(who, Half::responder);
    }
  }
  void save(model::FnRef who, const CheckerRig::Bytes& bytes, bool incremental = false) {
    const std::uint8_t slot = rig_.submit_save(who, 0x100, 4096, incremental);
    rig_.dma_write({who.host, 0}, kBuffer, bytes);
    rig_.complete_save(who, slot, static_cast<std::uint32_t>(bytes.size()));
  }
  void load(const CheckerRig::Bytes& bytes) {
    rig_.memory(1).write(kBuffer, bytes.data(), bytes.size());
    rig_.load(kTarget, 0x100, static_cast<std::uint32_t>(bytes.size()));
  }
  CheckerRig rig_;
};

TEST_F(RuleS3, GivenPairs) {
  rig_.rules().add_identity(rig_.now(), kTarget, image(1, 7), image(2, 7));
  EXPECT_EQ(rig_.violations("S3"), 0U);
  rig_.rules().add_identity(rig_.now(), kTarget, image(1, 7), image(1, 8));
  ASSERT_EQ(rig_.violations("S3"), 1U);
  EXPECT_EQ(rig_.rules().violations().stored().front().seen, "CQ 0x400: byte 16 of 24");
  rig_.rules().add_identity(rig_.now(), kTarget, {}, {});  // nothing was read: nothing is shown
  EXPECT_EQ(rig_.violations("S3"), 2U);
  EXPECT_EQ(rig_.evaluations("S3"), 3U);
}

TEST_F(RuleS3, ObservedIdentity) {
  save(kSource, image(1, 7));
  load(image(1, 7));
  save(kTarget, image(2, 7));
  EXPECT_EQ(rig_.evaluations("S3"), 1U);
  EXPECT_EQ(rig_.violations("S3"), 0U);
}

TEST_F(RuleS3, SomethingWasForgotten) {
  save(kSource, image(3, 1), true);  // what the migration transfers
  save(kSource, image(1, 7));        // what the source is
  load(image(3, 1));
  save(kTarget, image(2, 0));
  EXPECT_EQ(rig_.violations("S3"), 1U);
}

TEST_F(RuleS3, NotJudgedOnceTheTargetRan) {
  save(kSource, image(1, 7));
  load(image(1, 7));
  rig_.resume(kTarget, Half::responder);
  rig_.suspend(kTarget, Half::responder);
  save(kTarget, image(2, 0));
  EXPECT_EQ(rig_.evaluations("S3"), 0U);
}

}  // namespace
}  // namespace vfsim::bench
