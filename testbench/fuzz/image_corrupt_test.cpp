// Every kind of corruption is refused by the firmware with a syndrome of its row, and changes
// nothing.
#include "testbench/fuzz/image_corrupt.hpp"

#include <gtest/gtest.h>

#include "firmware/core/migration_rig.hpp"
#include "firmware/interface/tables.hpp"
#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {
namespace {

using fwtest::Rig;

std::string syndrome_name(std::uint32_t value) {
  for (const contract::NamedRow& row : contract::kSyndromes) {
    if (row.value == value) {
      return std::string(row.name);
    }
  }
  return "?";
}

class Corrupt : public testing::Test {
 protected:
  void SetUp() override {
    rig.populate(1);
    ASSERT_TRUE(rig.stop(1) && rig.stop(2));
    image = rig.save(1).image;
    ASSERT_FALSE(image.empty());
  }
  Rig rig;
  ImageBytes image;
};

TEST_F(Corrupt, EachKindIsRefusedAsItsRowSays) {
  for (const CorruptionRow& row : kCorruptions) {
    if (row.kind == Corruption::field) {
      continue;
    }
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      const ImageBytes bad = corrupt(image, row.kind, seed);
      ASSERT_NE(bad, image) << row.name << " " << seed;
      EXPECT_EQ(bad, corrupt(image, row.name, seed)) << "the seed decides";
      const fwtest::Digest before = rig.digest(2);
      const fwtest::Reply reply = rig.load(2, bad);
      EXPECT_TRUE(reply.completed && reply.status() == VF_STATUS_BAD_PARAM) << row.name << seed;
      EXPECT_TRUE(has_name(row.syndromes, syndrome_name(reply.syndrome())))
          << row.name << " seed " << seed << ": " << syndrome_name(reply.syndrome());
      EXPECT_TRUE(before == rig.digest(2)) << row.name << " seed " << seed;
    }
  }
  EXPECT_TRUE(rig.load(2, image).ok()) << "the image itself is good";
}

TEST_F(Corrupt, FieldIsSetAndSealed) {
  std::string error;
  ImageBytes changed = image;
  ASSERT_TRUE(set_image_field(changed, "cq.ci=77", 0, error)) << error;
  ASSERT_TRUE(rig.load(2, changed).ok());
  EXPECT_EQ(rig.nic.ctx(2).cq[1].ci, 77U);
  changed = image;
  ASSERT_TRUE(set_image_field(changed, "eq.intr=5000", 0, error)) << error;
  EXPECT_EQ(rig.load(2, changed).syndrome(), VF_SYND_IMAGE_BAD_FIELD);
  changed = image;
  ASSERT_TRUE(set_image_field(changed, "format", 3, error));
  EXPECT_EQ(rig.load(2, changed).syndrome(), VF_SYND_IMAGE_BAD_VERSION);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    ASSERT_NE(corrupt(image, Corruption::field, seed), image) << seed;
  }
}

TEST_F(Corrupt, WrongFieldsAreOneLine) {
  std::string error;
  EXPECT_FALSE(set_image_field(image, "cq.sc=7", 0, error));
  EXPECT_NE(error.find("no field 'cq.sc' (did you mean 'cq.st'?)"), std::string::npos) << error;
  EXPECT_FALSE(set_image_field(image, "cq.ci=-1", 0, error));
  EXPECT_FALSE(set_image_field(image, "cq.ci=0x1ffffffff", 0, error));
  EXPECT_NE(error.find("allowed is 0 .. "), std::string::npos) << error;
  EXPECT_FALSE(set_image_field(image, "function.mac=1", 0, error));
  EXPECT_NE(error.find("byte string of 96 bytes"), std::string::npos) << error;
}

TEST_F(Corrupt, NoImageGetsABitFlipped) {
  const ImageBytes text{'n', 'o'};
  EXPECT_NE(corrupt(text, Corruption::swap, 1), text);
  EXPECT_TRUE(corrupt(ImageBytes(), Corruption::truncate, 1).empty());
}

}  // namespace
}  // namespace vfsim::bench
