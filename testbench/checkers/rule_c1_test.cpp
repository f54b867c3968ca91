#include <gtest/gtest.h>

#include "firmware/interface/signature.h"
#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kVf{0, 1};

class RuleC1 : public testing::Test {
 protected:
  /// Second half of the slot's entry, as the device would write it.
  CheckerRig::Bytes output_half(std::uint8_t slot, std::uint8_t token_change) {
    std::uint8_t entry[64];
    const std::uint64_t at = rig_.rules().commands().queue(kVf).address + slot * 64;
    rig_.memory(0).read(at, entry, sizeof entry);
    entry[0x3c] = static_cast<std::uint8_t>(entry[0x3c] + token_change);
    VF_SET(cmd_queue_entry, entry, ownership, 0);
    vf_entry_sign(entry);
    return {entry + 0x20, entry + 64};
  }
  std::uint64_t slot_address(std::uint8_t slot) {
    return rig_.rules().commands().queue(kVf).address + slot * 64;
  }
  CheckerRig rig_;
};

TEST_F(RuleC1, InlineAndMailboxCommands) {
  rig_.learn_vhca(0, 1);  // 4112 bytes of output over nine blocks
  rig_.command(kVf, CheckerRig::header(VF_OP_SET_HCA_CAP, 0, VF_BYTES(set_hca_cap_in)));
  EXPECT_EQ(rig_.violations("C1"), 0U);
  EXPECT_EQ(rig_.evaluations("C1"), 2U);
}

TEST_F(RuleC1, CompletedTwice) {
  const std::uint8_t slot = rig_.submit(kVf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16));
  const CheckerRig::Bytes half = output_half(slot, 0);
  rig_.dma_write(kVf, slot_address(slot) + 0x20, half);
  EXPECT_EQ(rig_.violations("C1"), 0U);
  rig_.dma_write(kVf, slot_address(slot) + 0x20, half);
  EXPECT_EQ(rig_.violations("C1"), 1U);
}

TEST_F(RuleC1, WrongTokenAndSignature) {
  std::uint8_t slot = rig_.submit(kVf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16));
  rig_.dma_write(kVf, slot_address(slot) + 0x20, output_half(slot, 1));
  EXPECT_EQ(rig_.violations("C1"), 1U);
  slot = rig_.submit(kVf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16));
  CheckerRig::Bytes half = output_half(slot, 0);
  half[0x1d] = static_cast<std::uint8_t>(half[0x1d] ^ 1);
  rig_.dma_write(kVf, slot_address(slot) + 0x20, half);
  EXPECT_EQ(rig_.violations("C1"), 2U);
}

TEST_F(RuleC1, WritesOutsideTheOutput) {
  const std::uint8_t slot = rig_.submit(kVf, CheckerRig::header(VF_OP_SAVE_VHCA_STATE, 0, 32));
  rig_.dma_write(kVf, slot_address(slot) + 0x10, CheckerRig::Bytes(8));
  rig_.dma_write(kVf, rig_.rules().commands().queue(kVf).slots[slot].in_blocks[0],
                 CheckerRig::Bytes(8));
  rig_.dma_write(kVf, slot_address(static_cast<std::uint8_t>(slot + 1)) + 0x20,
                 CheckerRig::Bytes(8));
  EXPECT_EQ(rig_.violations("C1"), 3U);
}

TEST_F(RuleC1, ForgottenCommand) {
  rig_.submit(kVf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16));
  rig_.rules().finish(rig_.now() + 10 * model::kMs);
  EXPECT_EQ(rig_.violations("C1"), 0U);  // may still be running
  rig_.rules().finish(rig_.now() + 2000 * model::kMs);
  EXPECT_EQ(rig_.violations("C1"), 1U);
}

TEST_F(RuleC1, ACommandThatTheHostDidNotDeliver) {
  const auto read = [&](std::uint64_t at) {
    return rig_.tlp(model::TlpKind::mem_read, kVf, at, 64);
  };
  rig_.sent(0, read(slot_address(0)));  // lost, too, but before the command
  rig_.advance(model::kUs);
  const std::uint8_t slot = rig_.submit(kVf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16));
  model::Tlp fetch = read(slot_address(slot));
  fetch.tag = 1;
  rig_.sent(0, fetch);
  rig_.rules().finish(rig_.now() + 2000 * model::kMs);
  EXPECT_EQ(rig_.violations("C1"), 0U);
  fetch.kind = model::TlpKind::completion;
  fetch.last = true;
  rig_.received(0, fetch);
  rig_.rules().finish(rig_.now() + 2000 * model::kMs);
  EXPECT_EQ(rig_.violations("C1"), 1U) << "it had the entry";
}

}  // namespace
}  // namespace vfsim::bench
