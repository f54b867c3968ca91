// Inspecting and comparing state images.
#include "testbench/cli/image_view.hpp"

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/core/crc32c.h"
#include "firmware/core/image.h"
#include "testbench/runner/runner.hpp"

namespace vfsim::bench {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

void append(Bytes& image, std::uint32_t type, std::uint32_t number, const Bytes& payload) {
  Bytes record(FW_IMAGE_HEAD + payload.size());
  std::copy(payload.begin(), payload.end(), record.begin() + FW_IMAGE_HEAD);
  VF_SET(image_record, record.data(), type, type);
  VF_SET(image_record, record.data(), number, number);
  VF_SET(image_record, record.data(), bytes, payload.size());
  VF_SET(image_record, record.data(), crc, fw_crc32c(0, record.data(), record.size()));
  image.insert(image.end(), record.begin(), record.end());
}

Bytes transmit_interface(std::uint32_t domain) {
  Bytes payload(VF_BYTES(image_tis));
  VF_SET(image_tis, payload.data(), td, domain);
  return payload;
}

/// A whole image with a transmit interface for each domain; records are numbered from `first`.
Bytes image_of(const std::vector<std::uint32_t>& domains, std::uint32_t first = VF_TIS_BASE,
               std::uint32_t flags = 0) {
  Bytes image(FW_IMAGE_HEADER);
  for (const std::uint32_t domain : domains) {
    append(image, 0x0013, first++, transmit_interface(domain));
  }
  std::uint8_t* h = image.data();
  VF_SET(image_header, h, magic, FW_IMAGE_MAGIC);
  VF_SET(image_header, h, format, FW_IMAGE_FORMAT);
  VF_SET(image_header, h, header_bytes, FW_IMAGE_HEADER);
  VF_SET(image_header, h, total_bytes, image.size() + FW_IMAGE_TRAILER);
  VF_SET(image_header, h, vendor_id, VF_PCI_VENDOR);
  VF_SET(image_header, h, device_id, VF_PCI_DEVICE_VF);
  VF_SET(image_header, h, fw_major, VF_FW_REV_MAJOR);
  VF_SET(image_header, h, flags, flags);
  VF_SET(image_header, h, image_id, 1);
  VF_SET(image_header, h, records, domains.size());
  VF_SET(image_header, h, header_crc, fw_crc32c(0, h, FW_IMAGE_HEADER));
  Bytes end(VF_BYTES(image_end));
  VF_SET(image_end, end.data(), records, domains.size());
  VF_SET(image_end, end.data(), image_crc, fw_crc32c(0, image.data(), image.size()));
  append(image, FW_IMAGE_END, 0, end);
  return image;
}

std::string file_of(const char* name, const Bytes& bytes) {
  const std::string path = testing::TempDir() + "vf_image_view_" + name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return path;
}

struct Shown {
  int status;
  std::string out, err;
};

template <class Call>
Shown shown(Call call) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = call();
  std::fflush(stdout);
  return {status, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(ImageView, InspectNamesRecordsAndFields) {
  const std::string path = file_of("a", image_of({7, 8}));
  const Shown s = shown([&] { return image_inspect(path, true); });
  EXPECT_EQ(s.status, kHeld) << s.err;
  EXPECT_THAT(s.out, HasSubstr("TIS"));
  EXPECT_THAT(s.out, HasSubstr("records          2"));
  EXPECT_THAT(s.out, HasSubstr("td                         7"));
}

TEST(ImageView, DiffNamesWhatChanged) {
  const std::string a = file_of("a", image_of({7, 8}));
  const std::string b = file_of("b", image_of({7, 9, 5}));
  const Shown s = shown([&] { return image_diff(a, b); });
  EXPECT_EQ(s.status, kViolated);
  EXPECT_EQ(s.out, "~ TIS 0x2\n    td                         8 -> 9\n+ TIS 0x3\n");
  const std::string last = file_of("last", image_of({7, 8}, VF_TIS_BASE, FW_IMAGE_FINAL));
  EXPECT_EQ(shown([&] { return image_diff(a, last); }).out,
            "~ header\n    flags                      0 -> 1\n");
  EXPECT_EQ(shown([&] { return image_diff(a, a); }).out, "equal: 2 records\n");
  EXPECT_EQ(shown([&] { return image_diff(a, a); }).status, kHeld);
}

TEST(ImageView, BadImagesAreOneLine) {
  Bytes flipped = image_of({7});
  flipped[FW_IMAGE_HEADER + FW_IMAGE_HEAD] ^= 1;
  Bytes cut = image_of({7});
  cut.pop_back();
  const std::pair<Bytes, const char*> kCases[] = {{Bytes(100, 'x'), "byte 0: IMAGE_BAD_MAGIC"},
                                                  {flipped, "byte 64: IMAGE_BAD_CRC"},
                                                  {cut, "IMAGE_TRUNCATED"},
                                                  {{}, "byte 0: IMAGE_"}};
  for (const auto& [bytes, text] : kCases) {
    const std::string path = file_of("bad", bytes);
    const Shown s = shown([&] { return image_inspect(path, false); });
    EXPECT_EQ(s.status, kBadInput);
    EXPECT_THAT(s.err, HasSubstr(text));
    EXPECT_EQ(s.err.find('\n'), s.err.size() - 1);
    EXPECT_EQ(s.out, "");
  }
  EXPECT_EQ(shown([] { return image_inspect("no/such", false); }).status, kBadInput);
}

}  // namespace
}  // namespace vfsim::bench
