#include <boost/crc.hpp>
#include <gtest/gtest.h>

#include "firmware/core/image.h"
#include "testbench/checkers/checker_rig.hpp"
#include "testbench/checkers/image_format.hpp"

namespace vfsim::bench {
namespace {

using Bytes = CheckerRig::Bytes;

constexpr model::FnRef kPfA{0, 0}, kPfB{1, 0};
constexpr model::FnRef kSource{0, 1}, kTarget{1, 1};
constexpr std::uint64_t kBuffer = 0x40000;
constexpr std::uint32_t kKey = 0x100;

std::uint32_t crc(const std::uint8_t* bytes, std::size_t count) {
  boost::crc_optimal<32, 0x1edc6f41, 0xffffffff, 0xffffffff, true, true> sum;
  sum.process_bytes(bytes, count);
  return sum.checksum();
}

/// Header, one FW_PAGES record without pages, END. `sequence` 0: a full image.
Bytes make_image(std::uint32_t sequence, std::uint64_t base, bool final) {
  const std::size_t payload = VF_BYTES(image_fw_pages);
  Bytes image(FW_IMAGE_HEADER + FW_IMAGE_HEAD + payload + FW_IMAGE_TRAILER);
  std::uint8_t* h = image.data();
  VF_SET(image_header, h, magic, FW_IMAGE_MAGIC);
  VF_SET(image_header, h, format, FW_IMAGE_FORMAT);
  VF_SET(image_header, h, header_bytes, FW_IMAGE_HEADER);
  VF_SET(image_header, h, total_bytes, image.size());
  VF_SET(image_header, h, vendor_id, VF_PCI_VENDOR);
  VF_SET(image_header, h, device_id, VF_PCI_DEVICE_VF);
  VF_SET(image_header, h, fw_major, VF_FW_REV_MAJOR);
  VF_SET(image_header, h, kind, sequence == 0 ? FW_IMAGE_FULL : FW_IMAGE_INCREMENT);
  VF_SET(image_header, h, flags, final ? FW_IMAGE_FINAL : 0);
  VF_SET(image_header, h, sequence, sequence);
  VF_SET(image_header, h, image_id, 0x1000 + sequence);
  VF_SET(image_header, h, base_id, base);
  VF_SET(image_header, h, records, 1);
  VF_SET(image_header, h, header_crc, crc(h, FW_IMAGE_HEADER));
  std::uint8_t* record = h + FW_IMAGE_HEADER;
  VF_SET(image_record, record, type, 3);
  VF_SET(image_record, record, bytes, payload);
  VF_SET(image_record, record, crc, crc(record, FW_IMAGE_HEAD + payload));
  std::uint8_t* end = record + FW_IMAGE_HEAD + payload;
  VF_SET(image_record, end, type, FW_IMAGE_END);
  VF_SET(image_record, end, bytes, VF_BYTES(image_end));
  VF_SET(image_end, end + FW_IMAGE_HEAD, records, 1);
  VF_SET(image_end, end + FW_IMAGE_HEAD, image_crc, crc(h, static_cast<std::size_t>(end - h)));
  VF_SET(image_record, end, crc, crc(end, FW_IMAGE_TRAILER));
  return image;
}

class RuleS4 : public testing::Test {
 protected:
  RuleS4() {
    rig_.learn_vhca(0, 1);
    rig_.learn_vhca(1, 1);
    rig_.create_mtt_key(kPfA, kKey, {kBuffer});
    rig_.create_mtt_key(kPfB, kKey, {kBuffer});
    for (const model::FnRef who : {kSource, kTarget}) {
      rig_.suspend(who, Half::initiator);
      rig_.suspend(who, Half::responder);
    }
  }
  void save(const Bytes& image) {
    const std::uint8_t slot = rig_.submit_save(kSource, kKey, 4096);
    rig_.dma_write(kPfA, kBuffer, image);
    rig_.complete_save(kSource, slot, static_cast<std::uint32_t>(image.size()));
  }
  std::uint8_t offer(const Bytes& image) {
    rig_.memory(1).write(kBuffer, image.data(), image.size());
    return rig_.submit_load(kTarget, kKey, static_cast<std::uint32_t>(image.size()));
  }
  void load(const Bytes& image, std::uint8_t status = VF_STATUS_OK, std::uint32_t syndrome = 0) {
    rig_.complete_with(kTarget, offer(image), status, syndrome);
  }
  CheckerRig rig_;
};

TEST_F(RuleS4, WholeImagesInOrder) {
  const Bytes base = make_image(0, 0, false);
  const Bytes increment = make_image(1, 0x1000, true);
  save(base);
  save(increment);
  load(base);
  load(increment);
  rig_.resume(kTarget, Half::responder);
  EXPECT_EQ(rig_.evaluations("S4"), 2U);
  EXPECT_EQ(rig_.violations("S4"), 0U);
}

TEST_F(RuleS4, BrokenImagesAreRefused) {
  const Bytes good = make_image(0, 0, true);
  save(good);
  Bytes flipped = good;
  flipped[FW_IMAGE_HEADER + FW_IMAGE_HEAD] ^= 1;
  load(flipped, VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_BAD_CRC);
  load(Bytes(good.begin(), good.end() - 8), VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_TRUNCATED);
  Bytes longer = good;
  longer.resize(good.size() + 8);
  load(longer, VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_EXTENDED);
  EXPECT_EQ(rig_.violations("S4"), 0U);
  EXPECT_EQ(rig_.evaluations("S4"), 3U);
}

TEST_F(RuleS4, BrokenImageIsTaken) {
  Bytes flipped = make_image(0, 0, true);
  flipped[FW_IMAGE_HEADER + FW_IMAGE_HEAD] ^= 1;
  load(flipped);
  EXPECT_EQ(rig_.violations("S4"), 1U);
  EXPECT_EQ(rig_.seen("S4"), "LOAD succeeded, though the image has: record 0 at 0x40: checksum");
}

TEST_F(RuleS4, EveryFlippedBitIsADefect) {
  const Bytes good = make_image(0, 0, true);
  ImageIdentity identity;
  EXPECT_EQ(image_defect({good.data(), good.size(), false, false}, identity), "");
  EXPECT_TRUE(identity.full && identity.final);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_NE(image_defect({bad.data(), bad.size(), false, false}, identity), "") << "bit " << bit;
  }
  for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_NE(image_defect({good.data(), bytes, false, false}, identity), "") << bytes << " bytes";
  }
}

TEST_F(RuleS4, RefusalWithoutAReason) {
  Bytes bad = make_image(0, 0, true);
  bad[0] ^= 1;
  load(bad, VF_STATUS_BAD_PARAM, VF_SYND_NONE);
  EXPECT_EQ(rig_.violations("S4"), 1U);
  load(bad, VF_STATUS_BAD_PARAM, VF_SYND_BAD_OBJECT);  // a reason, but not the image's
  EXPECT_EQ(rig_.violations("S4"), 2U);
  load(bad, VF_STATUS_BAD_PARAM, VF_SYND_DMA_ERROR);  // the transfer may always fail
  EXPECT_EQ(rig_.violations("S4"), 2U);
}

TEST_F(RuleS4, HalfLoaded) {
  Bytes bad = make_image(0, 0, true);
  bad.back() ^= 1;
  const std::uint8_t slot = offer(bad);
  rig_.digest = 2;
  rig_.complete_with(kTarget, slot, VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_BAD_CRC);
  EXPECT_EQ(rig_.violations("S4"), 1U);
}

TEST_F(RuleS4, GoodImageOfThisRunIsRefused) {
  const Bytes good = make_image(0, 0, true);
  load(good, VF_STATUS_BAD_PARAM,
       VF_SYND_IMAGE_BAD_FIELD);  // nobody saved it: its fields may be bad
  EXPECT_EQ(rig_.violations("S4"), 0U);
  save(good);
  load(good, VF_STATUS_NO_RESOURCES, VF_SYND_OUT_OF_TRANSLATIONS);
  EXPECT_EQ(rig_.violations("S4"), 0U);
  load(good, VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_BAD_FIELD);
  EXPECT_EQ(rig_.violations("S4"), 1U);
}

TEST_F(RuleS4, GoodImageInABadCommand) {
  const Bytes good = make_image(0, 0, true);
  save(good);
  rig_.memory(1).write(kBuffer, good.data(), good.size());
  const std::uint8_t slot =
      rig_.submit_load(kTarget, kKey, static_cast<std::uint32_t>(good.size()), 8);
  rig_.complete_with(kTarget, slot, VF_STATUS_BAD_OUTPUT_LEN, VF_SYND_SHORT_OUTPUT);
  EXPECT_EQ(rig_.violations("S4"), 0U);
  load(good, VF_STATUS_BAD_OUTPUT_LEN, VF_SYND_SHORT_OUTPUT);  // it was long enough
  EXPECT_EQ(rig_.violations("S4"), 1U);
}

TEST_F(RuleS4, IncrementOutOfPlace) {
  const Bytes base = make_image(0, 0, false);
  const Bytes second = make_image(2, 0x1001, true);
  save(base);
  save(second);
  load(base);
  load(second, VF_STATUS_BAD_RES_STATE, VF_SYND_IMAGE_SEQUENCE);
  EXPECT_EQ(rig_.violations("S4"), 0U);
  load(second);
  EXPECT_EQ(rig_.violations("S4"), 1U);
}

TEST_F(RuleS4, ResumedBeforeTheLastImage) {
  load(make_image(0, 0, false));
  rig_.resume(kTarget, Half::responder);
  EXPECT_EQ(rig_.violations("S4"), 1U);
}

TEST_F(RuleS4, HostChangesTheImageUnderTheLoad) {
  const Bytes good = make_image(0, 0, true);
  save(good);
  const std::uint8_t slot = offer(good);
  rig_.memory(1).write(kBuffer, "x", 1);
  rig_.complete_with(kTarget, slot, VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_BAD_MAGIC);
  EXPECT_EQ(rig_.violations("S4"), 0U);
}

}  // namespace
}  // namespace vfsim::bench
