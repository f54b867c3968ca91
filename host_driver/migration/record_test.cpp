// Stream records against their golden bytes.
#include "host_driver/migration/record.hpp"

#include <gtest/gtest.h>

#include "host_driver/cmd/golden.hpp"

namespace vfsim::driver {
namespace {

TEST(Record, StopCopySizeIsGolden) {
  EXPECT_EQ(stop_copy_size_record(0x801000), golden_bytes("STOP_COPY_SIZE record"));
}

TEST(Record, FwDataHeaderIsGoldenBothWays) {
  const Bytes golden = golden_bytes("FW_DATA record header");
  ASSERT_EQ(golden.size(), RecordHeader::kBytes);
  const auto encoded = RecordHeader{0x2a5c, 0, RecordHeader::kFwData}.encode();
  EXPECT_EQ(Bytes(encoded.begin(), encoded.end()), golden);
  const RecordHeader decoded = RecordHeader::decode(golden.data());
  EXPECT_EQ(decoded.bytes, 0x2a5cU);
  EXPECT_EQ(decoded.flags, 0U);
  EXPECT_EQ(decoded.tag, RecordHeader::kFwData);
}

}  // namespace
}  // namespace vfsim::driver
