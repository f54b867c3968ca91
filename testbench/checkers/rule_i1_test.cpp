#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kVf{0, 1};
constexpr std::uint64_t kKeyPage = 0x30000;
constexpr std::uint64_t kCq = 0x40000;
constexpr std::uint64_t kSq = 0x50000;
constexpr std::uint32_t kKey = 0x105;

class RuleI1 : public testing::Test {
 protected:
  RuleI1() {
    rig_.create_mtt_key(kVf, kKey, {kKeyPage});
    rig_.create_cq(kVf, 0x400, 6, kCq);
    rig_.create_sq(kVf, 0x800, 6, kSq);
  }
  /// A send of `bytes` at `addr` of a key, then its completion.
  void send(std::uint32_t lkey, std::uint64_t addr, std::uint32_t bytes,
            std::uint8_t opcode = VF_CQE_REQ) {
    CheckerRig::Bytes wqe(64);
    VF_SET(wqe_ctrl, wqe.data(), opcode, VF_WQE_SEND);
    VF_SET(wqe_ctrl, wqe.data(), ds, 4);
    VF_SET(wqe_eth, wqe.data() + 16, inline_hdr_size, 18);  // one more unit of header
    std::uint8_t* data = wqe.data() + 48;
    VF_SET(wqe_data, data, lkey, lkey);
    VF_SET(wqe_data, data, addr, addr);
    VF_SET(wqe_data, data, byte_count, bytes);
    rig_.memory(0).write(kSq, wqe.data(), wqe.size());
    CheckerRig::Bytes cqe(64);
    VF_SET(cqe, cqe.data(), opcode, opcode);
    VF_SET(cqe, cqe.data(), qpn, 0x800);
    VF_SET(cqe, cqe.data(), wqe_counter, 64);  // second round of the ring
    rig_.dma_write(kVf, kCq, cqe);
  }
  CheckerRig rig_;
};

TEST_F(RuleI1, OwnMemory) {
  rig_.rules().grant(kVf, 0, CheckerRig::kMemory);
  rig_.dma_write(kVf, kKeyPage + 0x100, CheckerRig::Bytes(256));
  send(kKey << 8, 0, 1000);
  EXPECT_EQ(rig_.violations("I1"), 0U);
  EXPECT_GT(rig_.evaluations("I1"), 2U);
}

TEST_F(RuleI1, OutsideTheGrantedMemory) {
  rig_.rules().grant(kVf, 0, 0x35000);
  rig_.rules().grant(kVf, 32ULL << 20, 32ULL << 20);
  const model::Tlp read = rig_.tlp(model::TlpKind::mem_read, kVf, 0x34fff, 2);
  rig_.landed(0, read);
  EXPECT_EQ(rig_.violations("I1"), 1U);
  rig_.landed(0, read, nullptr, false);  // refused: as it should be
  EXPECT_EQ(rig_.violations("I1"), 1U);
}

TEST_F(RuleI1, WriteThatNoOwnObjectDescribes) {
  rig_.dma_write(kVf, kKeyPage + 0x1000, CheckerRig::Bytes(256));
  EXPECT_EQ(rig_.violations("I1"), 1U);
}

TEST_F(RuleI1, WritesOnTheLinkWhenTheFunctionIsReset) {
  const CheckerRig::Bytes bytes(256);
  const model::Tlp write = rig_.tlp(model::TlpKind::mem_write, kVf, kKeyPage, 256);
  rig_.sent(0, write, bytes.data());
  rig_.bus().emit<model::Probe::function_reset>(&model::Observer::function_reset, rig_.now(), kVf);
  rig_.landed(0, write, bytes.data());
  EXPECT_EQ(rig_.violations("I1"), 0U) << "it was sent when the key was there";
  rig_.sent(0, write, bytes.data());
  rig_.landed(0, write, bytes.data());
  EXPECT_EQ(rig_.violations("I1"), 1U);
}

TEST_F(RuleI1, WorkRequestsWithWrongKeys) {
  send((kKey + 1) << 8, 0, 100);
  EXPECT_EQ(rig_.violations("I1"), 1U);
  send(kKey << 8, 4000, 100);
  EXPECT_EQ(rig_.violations("I1"), 2U);
  send((kKey + 1) << 8, 0, 100, VF_CQE_REQ_ERR);  // refused: as it should be
  EXPECT_EQ(rig_.violations("I1"), 2U);
}

}  // namespace
}  // namespace vfsim::bench
