#include "testbench/linux_host/guest/typist.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace vfsim::guest {
namespace {

namespace fs = std::filesystem;

TEST(TypistTest, files_are_taken_in_their_order_and_once) {
  std::string folder = (fs::temp_directory_path() / "vfsim-typist-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto leave = [&](const std::string& name, const std::string& what) {
    std::ofstream(folder + "/" + name) << what;
  };
  Typist typist(folder);
  EXPECT_EQ(typist.next(), "");
  leave("1", "second");
  leave("0.part", "half");
  EXPECT_EQ(typist.next(), "") << "the first is not there";
  leave("0", "first\n\x04");
  EXPECT_EQ(typist.next(), "first\n\x04");
  EXPECT_EQ(typist.next(), "second");
  EXPECT_EQ(typist.next(), "");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vfsim::guest
