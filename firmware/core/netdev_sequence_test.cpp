// The whole command sequence of a stock Ethernet driver, probe to power-off, replayed with the
// inputs that such a driver sends: every command must end OK, and what the driver takes down leaves
// nothing behind.
#include <gtest/gtest.h>

extern "C" {
#include "firmware/core/object.h"
}
#include "firmware/core/netdev_replay.hpp"

namespace vfsim::fwtest {
namespace {

constexpr const char* kSequence =
    VF_SOURCE_DIR "/firmware/interface/facts/linux_6.12_netdev_commands.txt";

void expect_empty(MockNic& nic, std::uint32_t fn) {
  for (int kind = 0; kind < FW_KINDS; ++kind) {
    for (std::uint32_t number = 0; number < 0x1000; ++number) {
      EXPECT_FALSE(fw_obj_exists(nic.firmware(), fn, static_cast<fw_kind>(kind), number))
          << kind << "/" << number;
    }
  }
  EXPECT_EQ(nic.firmware()->fn[fn].page_count, 0U);
  EXPECT_EQ(nic.firmware()->mtt_hint, 0U) << "all translations are free";
}

TEST(NetdevSequence, PfFromProbeToPowerOff) {
  NetdevReplay replay(0);
  const std::vector<Line> lines = read_sequence(kSequence);
  EXPECT_EQ(lines.size(), 241U);
  for (const Line& line : lines) {
    ASSERT_TRUE(replay.run(line)) << replay.problems.back();
  }
  expect_empty(replay.nic, 0);
}

TEST(NetdevSequence, VfDoesTheSameButSetNoEndianness) {
  NetdevReplay replay(3);
  for (const Line& line : read_sequence(kSequence)) {
    if (line.arg("reg") != VF_REG_HOST_ENDIANNESS) {
      ASSERT_TRUE(replay.run(line)) << replay.problems.back();
    }
  }
  expect_empty(replay.nic, 3);
}

}  // namespace
}  // namespace vfsim::fwtest
