#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

constexpr model::FnRef kPf{0, 0};
constexpr model::FnRef kVf{0, 1};

class RuleD1 : public testing::Test {
 protected:
  RuleD1() {
    rig_.learn_vhca(0, 1);
    CheckerRig::Bytes in =
        CheckerRig::header(VF_OP_CREATE_GENERAL_OBJECT, VF_OBJ_TYPE_PAGE_TRACK, 16 + 48 + 2 * 16);
    VF_SET(create_page_track_obj_in, in.data(), obj_context_vhca_id, VF_VHCA_ID_BASE + 1);
    VF_SET(create_page_track_obj_in, in.data(), obj_context_log_page_size, 12);
    VF_SET(create_page_track_obj_in, in.data(), obj_context_num_ranges, 2);
    const std::size_t list =
        VF_OFF(create_page_track_obj_in, obj_context_track_range_0_start_address) / 8;
    put_range(in.data() + list, 0x100000, 0x100000);
    put_range(in.data() + list + 16, 0x400000, 0x10000);
    CheckerRig::Bytes out(16);
    VF_SET(general_obj_out_cmd_hdr, out.data(), obj_id, 9);
    rig_.command(kPf, in, out);
  }
  static void put_range(std::uint8_t* at, std::uint64_t start, std::uint64_t length) {
    VF_SET(page_track_range, at, start_address, start);
    VF_SET(page_track_range, at, length, length);
  }
  std::uint8_t submit_report(std::uint64_t start, std::uint64_t length) {
    CheckerRig::Bytes in =
        CheckerRig::header(VF_OP_MODIFY_GENERAL_OBJECT, VF_OBJ_TYPE_PAGE_TRACK, 64);
    VF_SET(general_obj_in_cmd_hdr, in.data(), obj_id, 9);
    VF_SET(modify_page_track_obj_in, in.data(), obj_context_state, VF_PAGE_TRACK_REPORTING);
    VF_SET(modify_page_track_obj_in, in.data(), obj_context_range_start_address, start);
    VF_SET(modify_page_track_obj_in, in.data(), obj_context_length, length);
    return rig_.submit(kPf, in);
  }
  void report(const std::vector<std::uint64_t>& pages) {
    rig_.bus().emit<model::Probe::driver>(&model::Observer::dirty_report, rig_.now(), kVf,
                                          pages.data(), pages.size());
  }
  void write(std::uint64_t addr) { rig_.dma_write(kVf, addr, CheckerRig::Bytes(64)); }
  CheckerRig rig_;
};

TEST_F(RuleD1, CompleteReportsAndOutsideRanges) {
  write(0x100040);
  write(0x403ff0 - 0x30);
  write(0x50000);  // outside
  submit_report(0, 1ULL << 32);
  report({0x100000, 0x403000});
  EXPECT_EQ(rig_.evaluations("D1"), 1U);
  EXPECT_EQ(rig_.violations("D1"), 0U);
  EXPECT_EQ(rig_.rule("D1").remarks(), 0U);
}

TEST_F(RuleD1, MissedPage) {
  write(0x100040);
  write(0x105000);
  submit_report(0, 1ULL << 32);
  report({0x105000});
  ASSERT_EQ(rig_.violations("D1"), 1U);
  EXPECT_EQ(rig_.rules().violations().stored().back().seen, "page 0x100000 is missing");
}

TEST_F(RuleD1, AWriteDuringTheReportIsDueOnceInThisOrTheNext) {
  write(0x101000);
  submit_report(0, 1ULL << 32);
  write(0x102000);  // in this report
  write(0x103000);  // in the next
  report({0x101000, 0x102000});
  submit_report(0, 1ULL << 32);
  report({0x103000});
  EXPECT_EQ(rig_.violations("D1"), 0U);
  EXPECT_EQ(rig_.rule("D1").remarks(), 0U);
  write(0x104000);
  submit_report(0, 1ULL << 32);
  write(0x105000);
  report({0x104000});
  submit_report(0, 1ULL << 32);
  report({});
  EXPECT_EQ(rig_.violations("D1"), 1U);
}

TEST_F(RuleD1, ReportOfAPartLeavesTheRestDue) {
  write(0x101000);
  write(0x401000);
  submit_report(0x100000, 0x100000);
  report({0x101000});
  EXPECT_EQ(rig_.violations("D1"), 0U);
  submit_report(0x400000, 0x10000);
  report({});
  EXPECT_EQ(rig_.violations("D1"), 1U);
}

TEST_F(RuleD1, OverReportIsARemark) {
  submit_report(0, 1ULL << 32);
  report({0x108000});
  EXPECT_EQ(rig_.violations("D1"), 0U);
  EXPECT_EQ(rig_.rule("D1").remarks(), 1U);
}

}  // namespace
}  // namespace vfsim::bench
