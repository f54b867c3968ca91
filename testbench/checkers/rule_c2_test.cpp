#include <gtest/gtest.h>

#include "firmware/interface/signature.h"
#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using Bytes = CheckerRig::Bytes;

constexpr model::FnRef kPf{0, 0};
constexpr model::FnRef kVf{0, 1};
constexpr std::uint32_t kVhca = VF_VHCA_ID_BASE + 1;
constexpr std::uint32_t kSyndrome = 0x1234;

Bytes refusal(std::uint32_t status, std::uint32_t syndrome = kSyndrome) {
  Bytes out(16);
  VF_SET(cmd_out, out.data(), status, status);
  VF_SET(cmd_out, out.data(), syndrome, syndrome);
  return out;
}

Bytes query_state(std::uint32_t vhca_id) {
  Bytes in = CheckerRig::header(VF_OP_QUERY_VHCA_MIGRATION_STATE, 0,
                                VF_BYTES(query_vhca_migration_state_in));
  VF_SET(query_vhca_migration_state_in, in.data(), vhca_id, vhca_id);
  return in;
}

Bytes load(std::uint32_t mkey, std::uint32_t size) {
  Bytes in = CheckerRig::header(VF_OP_LOAD_VHCA_STATE, 0, VF_BYTES(load_vhca_state_in));
  VF_SET(load_vhca_state_in, in.data(), vhca_id, kVhca);
  VF_SET(load_vhca_state_in, in.data(), mkey, mkey);
  VF_SET(load_vhca_state_in, in.data(), size, size);
  return in;
}

class RuleC2 : public testing::Test {
 protected:
  /// Violations after a command that is answered so.
  std::uint64_t after(model::FnRef who, const Bytes& in, const Bytes& out,
                      std::uint32_t out_bytes = 16) {
    rig_.complete(who, rig_.submit(who, in, out_bytes), out);
    return rig_.violations("C2");
  }
  std::uint64_t after_spoilt(const std::function<void(std::uint8_t*)>& spoil,
                             std::uint32_t delivery) {
    const Bytes in = CheckerRig::header(VF_OP_ALLOC_PD, 0, 16);
    rig_.complete(kPf, rig_.submit(kPf, in, 16, spoil), Bytes(16), delivery);
    return rig_.violations("C2");
  }
  CheckerRig rig_;
};

TEST_F(RuleC2, WellFormedMaySucceedOrFailForItsState) {
  EXPECT_EQ(after(kPf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16), Bytes(16)), 0U);
  EXPECT_EQ(after(kPf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16), refusal(VF_STATUS_LIMIT)), 0U);
  EXPECT_EQ(rig_.evaluations("C2"), 2U);
}

TEST_F(RuleC2, WellFormedIsNotCalledMalformed) {
  const Bytes in = CheckerRig::header(VF_OP_ALLOC_PD, 0, 16);
  EXPECT_EQ(after(kPf, in, refusal(VF_STATUS_BAD_OP)), 1U);
  EXPECT_EQ(after(kPf, in, refusal(VF_STATUS_BAD_INPUT_LEN)), 2U);
  rig_.complete(kPf, rig_.submit(kPf, in), Bytes(16), VF_DELIVERY_TOKEN);
  EXPECT_EQ(rig_.violations("C2"), 3U);
}

TEST_F(RuleC2, RefusalNeedsASyndrome) {
  EXPECT_EQ(after(kPf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16), refusal(VF_STATUS_LIMIT, 0)), 1U);
  EXPECT_EQ(rig_.last("C2").expected, "a refused command has a syndrome");
}

TEST_F(RuleC2, UnknownOpcodeAndOpMod) {
  EXPECT_EQ(after(kPf, CheckerRig::header(0xbad, 0, 16), refusal(VF_STATUS_BAD_OP)), 0U);
  EXPECT_EQ(after(kPf, CheckerRig::header(VF_OP_ALLOC_PD, 9, 16), refusal(VF_STATUS_BAD_OP)), 0U);
  EXPECT_EQ(after(kPf, CheckerRig::header(VF_OP_ALLOC_PD, 9, 16), Bytes(16)), 1U);
  EXPECT_EQ(after(kPf, CheckerRig::header(0xbad, 0, 16), refusal(VF_STATUS_BAD_PARAM)), 2U);
}

TEST_F(RuleC2, ShortInputAndOutput) {
  const Bytes in = CheckerRig::header(VF_OP_LOAD_VHCA_STATE, 0, 16);
  EXPECT_EQ(after(kPf, in, refusal(VF_STATUS_BAD_INPUT_LEN)), 0U);
  EXPECT_EQ(after(kPf, query_state(kVhca), refusal(VF_STATUS_BAD_OUTPUT_LEN), 16), 0U);
  EXPECT_EQ(after(kPf, in, refusal(VF_STATUS_BAD_RES_STATE)), 1U);
}

TEST_F(RuleC2, ForeignVhca) {
  EXPECT_EQ(after(kPf, query_state(0x7777), refusal(VF_STATUS_BAD_PARAM), 64), 0U);
  EXPECT_EQ(after(kVf, query_state(kVhca), refusal(VF_STATUS_BAD_PARAM), 64), 0U);
  EXPECT_EQ(after(kVf, query_state(kVhca), Bytes(64), 64), 1U);
  EXPECT_EQ(after(kPf, query_state(VF_VHCA_ID_BASE), Bytes(64), 64), 2U);
}

TEST_F(RuleC2, BadMkey) {
  rig_.create_mtt_key(kPf, 0x100, {0x20000});
  EXPECT_EQ(after(kPf, load(0x100U << 8, 4096), Bytes(16)), 0U);
  EXPECT_EQ(after(kPf, load(0x101U << 8, 4096), refusal(VF_STATUS_BAD_RESOURCE)), 0U);
  EXPECT_EQ(after(kPf, load(0x100U << 8, 4097), Bytes(16)), 1U);
  EXPECT_EQ(after(kPf, load(0x101U << 8, 16), Bytes(16)), 2U);
}

TEST_F(RuleC2, NumberOfNoObject) {
  Bytes in = CheckerRig::header(VF_OP_DESTROY_CQ, 0, VF_BYTES(destroy_cq_in));
  VF_SET(destroy_cq_in, in.data(), cqn, 0x400);
  EXPECT_EQ(after(kVf, in, refusal(VF_STATUS_BAD_RESOURCE)), 0U);
  EXPECT_EQ(after(kVf, in, Bytes(16)), 1U);
}

TEST_F(RuleC2, ObjectThatComesMeanwhileIsNoDefect) {
  Bytes in = CheckerRig::header(VF_OP_DESTROY_CQ, 0, VF_BYTES(destroy_cq_in));
  VF_SET(destroy_cq_in, in.data(), cqn, 0x400);
  const std::uint8_t slot = rig_.submit(kVf, in);
  rig_.create_cq(kVf, 0x400, 6, 0x20000);
  rig_.create_cq(kVf, 0x401, 6, 0x30000);
  rig_.complete(kVf, slot, refusal(VF_STATUS_RES_BUSY));
  EXPECT_EQ(rig_.violations("C2"), 0U);
}

TEST_F(RuleC2, DeliveryStatuses) {
  const auto signed_again = [](auto change) {
    return [change](std::uint8_t* entry) {
      change(entry);
      vf_entry_sign(entry);
    };
  };
  const auto type = signed_again([](std::uint8_t* e) { VF_SET(cmd_queue_entry, e, type, 3); });
  const auto token = signed_again([](std::uint8_t* e) { VF_SET(cmd_queue_entry, e, token, 0); });
  const auto length =
      signed_again([](std::uint8_t* e) { VF_SET(cmd_queue_entry, e, input_length, 200); });
  EXPECT_EQ(after_spoilt(type, VF_DELIVERY_BAD_DESCRIPTOR), 0U);
  EXPECT_EQ(after_spoilt(token, VF_DELIVERY_TOKEN), 0U);
  EXPECT_EQ(after_spoilt(length, VF_DELIVERY_IN_PTR_ALIGN), 0U);
  EXPECT_EQ(after_spoilt([](std::uint8_t* e) { e[9] ^= 1; }, VF_DELIVERY_SIGNATURE), 0U);
  EXPECT_EQ(after_spoilt([](std::uint8_t* e) { e[9] ^= 1; }, VF_DELIVERY_OK), 1U);
  EXPECT_EQ(after_spoilt(type, VF_DELIVERY_OUT_LENGTH), 2U);
}

TEST_F(RuleC2, MailboxChain) {
  const Bytes in = CheckerRig::header(VF_OP_SET_HCA_CAP, 0, 4112);
  const auto spoil = [&](std::size_t at, std::uint8_t value) {
    return [this, at, value](std::uint8_t* entry) {
      const std::uint64_t box = VF_GET(cmd_queue_entry, entry, input_mailbox_pointer_31_9) << 9;
      rig_.memory(0).write(box + 1024 + at, &value, 1);  // the second block
    };
  };
  constexpr std::size_t kNumber = VF_OFF(cmd_if_box, block_number) / 8;
  constexpr std::size_t kToken = VF_OFF(cmd_if_box, token) / 8;
  rig_.complete(kPf, rig_.submit(kPf, in, 16, spoil(kNumber, 1)), Bytes(16),
                VF_DELIVERY_BAD_BLOCK_NUMBER);
  rig_.complete(kPf, rig_.submit(kPf, in, 16, spoil(kToken, 0xee)), Bytes(16), VF_DELIVERY_TOKEN);
  EXPECT_EQ(rig_.violations("C2"), 0U);
  rig_.complete(kPf, rig_.submit(kPf, in, 16, spoil(kToken, 0xee)), Bytes(16));
  EXPECT_EQ(rig_.violations("C2"), 1U);
  EXPECT_EQ(rig_.last("C2").expected, "TOKEN (token of input block 1)");
}

TEST_F(RuleC2, RejectionChangesNothing) {
  rig_.start_queue(kVf);
  rig_.advance(model::kMs);
  const std::uint8_t slot = rig_.submit(kVf, CheckerRig::header(0xbad, 0, 16));
  rig_.digest = 2;
  rig_.complete(kVf, slot, refusal(VF_STATUS_BAD_OP));
  rig_.advance(model::kMs);
  rig_.rules().finish(rig_.now());
  EXPECT_EQ(rig_.violations("C2"), 1U);
}

TEST_F(RuleC2, WorkOfTheFunctionMayChangeIt) {
  rig_.start_queue(kVf);
  rig_.advance(model::kMs);
  const std::uint8_t slot = rig_.submit(kVf, CheckerRig::header(0xbad, 0, 16));
  rig_.digest = 2;
  rig_.dma_write(kVf, 0x5000, Bytes(64));
  rig_.complete(kVf, slot, refusal(VF_STATUS_BAD_OP));
  rig_.rules().finish(rig_.now() + model::kMs);
  EXPECT_EQ(rig_.violations("C2"), 0U);
}

TEST_F(RuleC2, WorkThatShowsItselfBehindTheAnswer) {
  rig_.start_queue(kVf);
  rig_.advance(model::kMs);
  const std::uint8_t slot = rig_.submit(kVf, CheckerRig::header(0xbad, 0, 16));
  rig_.digest = 2;
  rig_.complete(kVf, slot, refusal(VF_STATUS_BAD_OP));
  rig_.dma_write(kVf, 0x5000, Bytes(64));
  rig_.rules().finish(rig_.now() + model::kMs);
  EXPECT_EQ(rig_.violations("C2"), 0U);
}

}  // namespace
}  // namespace vfsim::bench
