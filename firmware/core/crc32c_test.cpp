#include "firmware/core/crc32c.h"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace {

// Check value of the algorithm, and the iSCSI test vectors (RFC 3720, appendix B.4).
TEST(Crc32c, KnownAnswers) {
  EXPECT_EQ(fw_crc32c(0, "123456789", 9), 0xE3069283U);
  EXPECT_EQ(fw_crc32c(0, "", 0), 0U);
  std::vector<std::uint8_t> data(32, 0);
  EXPECT_EQ(fw_crc32c(0, data.data(), 32), 0x8A9136AAU);
  data.assign(32, 0xff);
  EXPECT_EQ(fw_crc32c(0, data.data(), 32), 0x62A8AB43U);
  for (std::uint8_t i = 0; i < 32; ++i) {
    data[i] = i;
  }
  EXPECT_EQ(fw_crc32c(0, data.data(), 32), 0x46DD794EU);
}

TEST(Crc32c, ContinuesAnywhere) {
  const char* text = "split anywhere, same result";
  const std::size_t n = std::strlen(text);
  for (std::size_t i = 0; i <= n; ++i) {
    EXPECT_EQ(fw_crc32c(fw_crc32c(0, text, i), text + i, n - i), fw_crc32c(0, text, n));
  }
}

}  // namespace
