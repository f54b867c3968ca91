#include "testbench/cli/rtl_coverage.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

class RtlCoverage : public testing::Test {
 protected:
  RtlCoverage() {
    fs::remove_all(root_);
    for (const char* folder : {"/a", "/b", "/none", "/out"}) {
      fs::create_directories(root_ + folder);
    }
  }
  ~RtlCoverage() override { fs::remove_all(root_); }

  static void write(const std::string& path, int acks, int resets) {
    std::ofstream file(path, std::ios::binary);
    file << "# SystemC::Coverage-3\n";
    for (const auto& [name, count] : {std::pair{"c_ack", acks}, std::pair{"c_flr", resets}}) {
      file << fmt::format(
          "C '\1f\2gate.sv\1l\2{}\1n\0021\1page\2v_user/gate\1o\2cover\1h\2A.gate.{}' {}\n",
          name[2] == 'a' ? 1 : 2, name, count);
    }
  }

  const std::string root_ = testing::TempDir() + "rtl_coverage_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name();
  std::string error_;
};

TEST_F(RtlCoverage, RunsAreSummed) {
  for (std::size_t run = 0; run < 3; ++run) {
    write(rtl_coverage_part(root_ + "/a", run), 2, 0);
  }
  ASSERT_TRUE(sum_rtl_coverage(root_ + "/a", error_)) << error_;
  const std::string table = rtl_coverage_table(root_ + "/a" + kRtlCoverage);
  EXPECT_NE(table.find("c_ack                                     6\n"), std::string::npos)
      << table;
  EXPECT_NE(table.find("c_flr                                 never\n"), std::string::npos)
      << table;
  EXPECT_FALSE(fs::exists(rtl_coverage_part(root_ + "/a", 0)));
}

TEST_F(RtlCoverage, ShardsAreMerged) {
  write(root_ + "/a" + kRtlCoverage, 5, 0);
  write(root_ + "/b" + kRtlCoverage, 1, 7);
  const std::vector<std::string> shards{root_ + "/a", root_ + "/none", root_ + "/b"};
  ASSERT_TRUE(merge_rtl_coverage(shards, root_ + "/out", error_)) << error_;
  const std::string table = rtl_coverage_table(root_ + "/out" + kRtlCoverage);
  EXPECT_NE(table.find("c_ack                                     6\n"), std::string::npos)
      << table;
  EXPECT_NE(table.find("c_flr                                     7\n"), std::string::npos)
      << table;
}

TEST_F(RtlCoverage, NothingToMergeIsNoError) {
  ASSERT_TRUE(merge_rtl_coverage({root_ + "/none"}, root_ + "/out", error_)) << error_;
  EXPECT_FALSE(fs::exists(root_ + "/out" + kRtlCoverage));
}

TEST_F(RtlCoverage, WhatTheToolCannotWriteIsToldInOneLine) {
  write(root_ + "/a" + kRtlCoverage, 5, 0);
  EXPECT_FALSE(merge_rtl_coverage({root_ + "/a"}, root_ + "/nowhere", error_));
  EXPECT_NE(error_.find("/nowhere: verilator_coverage cannot merge"), std::string::npos) << error_;
  EXPECT_EQ(error_.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace vfsim::bench
