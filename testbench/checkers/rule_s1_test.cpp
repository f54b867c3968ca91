#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kPf{0, 0};
constexpr model::FnRef kVf{0, 1};
constexpr std::uint32_t kKey = 0x100;
constexpr std::uint64_t kPage0 = 0x40000;
constexpr std::uint64_t kPage1 = 0x20000;  // not behind page 0: keys are lists
constexpr std::uint64_t kPage2 = 0x30000;

class RuleS1 : public testing::Test {
 protected:
  RuleS1() {
    rig_.learn_vhca(0, 1);
    rig_.create_mtt_key(kPf, kKey, {kPage0, kPage1, kPage2});
  }
  void query(std::uint32_t required, std::uint64_t chunks_in_all = 0) {
    CheckerRig::Bytes in = CheckerRig::header(VF_OP_QUERY_VHCA_MIGRATION_STATE, 0,
                                              VF_BYTES(query_vhca_migration_state_in));
    VF_SET(query_vhca_migration_state_in, in.data(), vhca_id, VF_VHCA_ID_BASE + 1);
    CheckerRig::Bytes out(VF_BYTES(query_vhca_migration_state_out));
    VF_SET(query_vhca_migration_state_out, out.data(), required_umem_size, required);
    if (chunks_in_all != 0) {
      VF_SET(query_vhca_migration_state_in, in.data(), chunk, 1);
      VF_SET(query_vhca_migration_state_out, out.data(), remaining_total_size, chunks_in_all);
    }
    rig_.command(kPf, in, out);
  }
  void image_bytes(std::uint64_t addr, std::size_t count) {
    rig_.dma_write(kPf, addr, CheckerRig::Bytes(count, 0x5a));
  }
  CheckerRig rig_;
};

TEST_F(RuleS1, InsideKeyAndSize) {
  query(5000);
  const std::uint8_t slot = rig_.submit_save(kVf, kKey, 8192);
  image_bytes(kPage0, 4096);
  image_bytes(kPage1, 904);
  rig_.complete_save(kVf, slot, 5000);
  EXPECT_EQ(rig_.violations("S1"), 0U);
  EXPECT_GE(rig_.evaluations("S1"), 2U);
}

TEST_F(RuleS1, PastTheCommandsSize) {
  const std::uint8_t slot = rig_.submit_save(kVf, kKey, 4100);
  image_bytes(kPage1, 64);
  rig_.complete_save(kVf, slot, 4160);
  EXPECT_EQ(rig_.violations("S1"), 1U);
}

TEST_F(RuleS1, PastTheAnnouncedSize) {
  query(4000);
  const std::uint8_t slot = rig_.submit_save(kVf, kKey, 8192);
  image_bytes(kPage1, 64);  // byte 4096 on: the announcement rounds up to 4096
  rig_.complete_save(kVf, slot, 4160);
  EXPECT_EQ(rig_.violations("S1"), 1U);
}

TEST_F(RuleS1, ChunkMayFillALargerBufferButNotPassTheWhole) {
  query(4000, 6000);
  const std::uint8_t slot = rig_.submit_save(kVf, kKey, 16384);
  image_bytes(kPage0, 4096);
  image_bytes(kPage1, 1904);
  EXPECT_EQ(rig_.violations("S1"), 0U);
  image_bytes(kPage2, 64);  // byte 8192 on
  EXPECT_EQ(rig_.violations("S1"), 1U);
  rig_.complete_save(kVf, slot, 6000);
}

TEST_F(RuleS1, OutsideTheKey) {
  const std::uint8_t slot = rig_.submit_save(kVf, kKey, 8192);
  image_bytes(kPage1 + 4096, 64);
  rig_.complete_save(kVf, slot, 8192);
  EXPECT_EQ(rig_.violations("S1"), 1U);
}

TEST_F(RuleS1, OutsideTheKeyAndRefusedByTheHost) {
  const std::uint8_t slot = rig_.submit_save(kVf, kKey, 8192);
  const model::Tlp write = rig_.tlp(model::TlpKind::mem_write, kPf, 0x7000000, 64);
  rig_.sent(0, write);
  rig_.landed(0, write, nullptr, false);
  rig_.complete_save(kVf, slot, 8192);
  EXPECT_EQ(rig_.violations("S1"), 1U);
}

TEST_F(RuleS1, AfterTheCommandEnded) {
  const std::uint8_t slot = rig_.submit_save(kVf, kKey, 8192);
  rig_.complete_save(kVf, slot, 64);
  image_bytes(kPage0, 64);
  EXPECT_EQ(rig_.violations("S1"), 1U);
}

TEST_F(RuleS1, RingsAndReceiveBuffersBelongToThePf) {
  rig_.create_eq(kPf, 1, 0, 6, 0x50000);
  rig_.create_cq(kPf, 0x400, 6, 0x60000);
  rig_.create_mtt_key(kPf, 0x101, {0x70000});
  CheckerRig::Bytes in = CheckerRig::header(VF_OP_CREATE_QP, 0, VF_BYTES(create_qp_in) + 8);
  std::uint8_t* qpc = VF_PTR(create_qp_in, in.data(), qpc);
  VF_SET(qpc, qpc, log_rq_size, 4);
  vf_be64_store(in.data() + VF_BYTES(create_qp_in), 0x80000);
  CheckerRig::Bytes out(16);
  VF_SET(create_qp_out, out.data(), qpn, 0x100);
  rig_.command(kPf, in, out);
  std::uint8_t segment[VF_BYTES(wqe_data)] = {};
  VF_SET(wqe_data, segment, lkey, 0x101 << 8);
  rig_.memory(0).write(0x80000, segment, sizeof segment);
  rig_.submit_save(kVf, kKey, 8192);
  image_bytes(0x50000, 64);
  image_bytes(0x60000, 64);
  image_bytes(0x70000, 64);
  EXPECT_EQ(rig_.violations("S1"), 0U);
  image_bytes(0x80000, 64);  // the receive ring itself is read only
  EXPECT_EQ(rig_.violations("S1"), 1U);
}

/// The stock Ethernet driver has such a key from its probe on, and buffers once its interface is up.
TEST_F(RuleS1, AKeyOfAllMemoryReachesPostedBuffersOnly) {
  CheckerRig::Bytes key = CheckerRig::header(VF_OP_CREATE_MKEY, 0, VF_BYTES(create_mkey_in));
  std::uint8_t* mkc = VF_PTR(create_mkey_in, key.data(), memory_key_mkey_entry);
  VF_SET(mkc, mkc, access_mode_1_0, VF_MKC_MODE_PA);
  VF_SET(mkc, mkc, lw, 1);
  VF_SET(mkc, mkc, length64, 1);
  CheckerRig::Bytes out(16);
  VF_SET(create_mkey_out, out.data(), mkey_index, 0x102);
  rig_.command(kPf, key, out);
  CheckerRig::Bytes rq = CheckerRig::header(VF_OP_CREATE_RQ, 0, VF_BYTES(create_rq_in) + 8);
  std::uint8_t* wq = VF_PTR(rqc, VF_PTR(create_rq_in, rq.data(), ctx), wq);
  VF_SET(wq, wq, log_wq_sz, 2);
  VF_SET(wq, wq, log_wq_stride, 5);
  vf_be64_store(rq.data() + VF_BYTES(create_rq_in), 0xa0000);
  VF_SET(wq, wq, dbr_addr, 0x90000);
  out.assign(16, 0);
  VF_SET(create_rq_out, out.data(), rqn, 0x300);
  rig_.command(kPf, rq, out);
  const std::uint8_t slot = rig_.submit_save(kVf, kKey, 8192);
  image_bytes(kPage1 + 4096, 64);
  EXPECT_EQ(rig_.violations("S1"), 1U);
  rig_.complete_save(kVf, slot, 8192);
  const std::uint8_t counter[4] = {0, 0, 0, 1};
  rig_.memory(0).write(0x90000, counter, sizeof counter);
  image_bytes(0xb0000, 64);
  EXPECT_EQ(rig_.violations("S1"), 2U) << "no entry names it";
  std::uint8_t segment[VF_BYTES(wqe_data)] = {};
  VF_SET(wqe_data, segment, byte_count, 128);
  VF_SET(wqe_data, segment, lkey, 0x102 << 8);
  VF_SET(wqe_data, segment, addr, 0xb0000);
  rig_.memory(0).write(0xa0000 + 3 * 32 + 16, segment, sizeof segment);  // the second of entry 3
  for (int again = 0; again < 2; ++again) {
    image_bytes(0xb0000, 64);
    image_bytes(0xb0040, 64);
  }
  EXPECT_EQ(rig_.violations("S1"), 2U);
  image_bytes(0xb0041, 64);
  EXPECT_EQ(rig_.violations("S1"), 3U) << "beyond its end";
}

}  // namespace
}  // namespace vfsim::bench
