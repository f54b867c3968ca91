// The real firmware on the NIC: power-on, command queue, function reset.
#include <gtest/gtest.h>

#include "systemc/nic/nic_test_bed.hpp"

namespace vfsim::model {
namespace {

using Bed = NicTestBed;
constexpr std::uint64_t kQueue = 0x8000;

NicParams unsigned_commands() {
  NicParams params;
  params.check_signatures = false;
  return params;
}

class NicFirmwareTest : public testing::Test {
 protected:
  NicFirmwareTest() : bed(unsigned_commands()) {
    ConfigSpace& config = bed.nic.impl().control.function(0).config();
    config.write(ConfigSpace::kSriovCap + 0x10, 2, 2);
    bed.nic.power_on();
  }
  void boot() {
    bed.run(600 * kUs);
    std::uint8_t dword[4] = {};
    bed.bar_write(0, VF_BAR_CMDQ_HI, dword, 4);
    vf_be32_store(dword, kQueue);
    bed.bar_write(0, VF_BAR_CMDQ_LO, dword, 4);
  }
  /// A command that fits into the entry; false: not finished in 1 ms.
  bool command(std::uint32_t slot, std::uint16_t opcode) {
    Bytes entry(64, 0);
    entry[0] = VF_CMD_ENTRY_TYPE;
    vf_be32_store(&entry[4], 16);
    be16_store(&entry[16], opcode);
    vf_be32_store(&entry[0x38], 16);
    entry[0x3c] = 0x77;
    entry[0x3f] = 1;
    bed.write(0, kQueue + slot * 64ULL, entry);
    std::uint8_t dword[4];
    vf_be32_store(dword, 1U << slot);
    bed.bar_write(0, VF_BAR_CMD_DB, dword, 4);
    bed.run(kMs);
    return (bed.read(0, kQueue + slot * 64ULL, 64)[0x3f] & 1) == 0;
  }
  std::uint8_t status(std::uint32_t slot) { return bed.memory(0, kQueue + slot * 64ULL)[0x20]; }
  Bed bed;
};

TEST_F(NicFirmwareTest, boots_in_the_time_given) {
  bed.run(400 * kUs);
  EXPECT_NE(bed.bar_read(0, VF_BAR_INITIALIZING), 0U);
  bed.run(200 * kUs);
  EXPECT_EQ(bed.bar_read(0, VF_BAR_INITIALIZING), 0U);
}

TEST_F(NicFirmwareTest, executes_commands_of_the_queue) {
  boot();
  ASSERT_TRUE(command(0, VF_OP_ENABLE_HCA));
  EXPECT_EQ(status(0), 0);
  ASSERT_TRUE(command(3, 0xfff));
  EXPECT_EQ(status(3), VF_STATUS_BAD_OP);
  EXPECT_EQ(bed.context(0).enabled, 1);
}

TEST_F(NicFirmwareTest, function_reset_ends_ready_again) {
  boot();
  ASSERT_TRUE(command(0, VF_OP_ENABLE_HCA));
  bed.nic.impl().control.function(0).config().write(ConfigSpace::kPcieCap + 8, 0x8000, 2);
  EXPECT_NE(bed.bar_read(0, VF_BAR_INITIALIZING), 0U);
  bed.run(600 * kUs);
  EXPECT_EQ(bed.bar_read(0, VF_BAR_INITIALIZING), 0U);
  EXPECT_EQ(bed.reg(0, FW_FN_STATUS) & FW_STATUS_IN_RESET, 0U);
  EXPECT_EQ(bed.context(0).enabled, 0);
  bed.set_command(0, NicTestBed::kMemory | NicTestBed::kMaster);  // the reset took it away
  boot();
  EXPECT_TRUE(command(1, VF_OP_ENABLE_HCA));
}

}  // namespace
}  // namespace vfsim::model
