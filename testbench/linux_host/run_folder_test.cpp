#include "testbench/linux_host/run_folder.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public testing::Test {
 protected:
  RunFolderTest() {
    std::string name = testing::TempDir() + "vfsim-folder-XXXXXX";
    temporary_ = mkdtemp(name.data());
    setenv("TMPDIR", temporary_.c_str(), 1);
  }
  ~RunFolderTest() override { fs::remove_all(temporary_); }
  [[nodiscard]] long entries() const {
    return std::distance(fs::directory_iterator(temporary_), fs::directory_iterator());
  }
  std::string temporary_, wrong_;
};

TEST_F(RunFolderTest, it_goes_with_its_owner) {
  {
    RunFolder folder;
    ASSERT_TRUE(folder.make(wrong_)) << wrong_;
    std::ofstream(folder.path() + "/file") << "content";
    EXPECT_EQ(entries(), 1);
  }
  EXPECT_EQ(entries(), 0);
}

TEST_F(RunFolderTest, the_next_run_removes_what_a_killed_one_left_and_nothing_else) {
  fs::create_directory(temporary_ + "/of-somebody-else");
  RunFolder alive;
  ASSERT_TRUE(alive.make(wrong_));
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    RunFolder folder;
    const bool made = folder.make(wrong_);
    std::ofstream(folder.path() + "/file") << "content";
    (void)!write(ready[1], &made, sizeof(made));
    pause();
  }
  bool made = false;
  ASSERT_EQ(read(ready[0], &made, sizeof(made)), ssize_t{sizeof(made)});
  ASSERT_TRUE(made);
  EXPECT_EQ(entries(), 3);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(entries(), 3) << "nobody could remove it";
  RunFolder next;
  ASSERT_TRUE(next.make(wrong_));
  EXPECT_EQ(entries(), 3) << "one is gone, one is new";
  EXPECT_TRUE(fs::exists(alive.path()));
  EXPECT_TRUE(fs::exists(temporary_ + "/of-somebody-else"));
}

TEST_F(RunFolderTest, without_a_place_for_it_there_is_a_line) {
  setenv("TMPDIR", (temporary_ + "/nowhere").c_str(), 1);
  RunFolder folder;
  EXPECT_FALSE(folder.make(wrong_));
  EXPECT_EQ(wrong_, temporary_ + "/nowhere: no folder for temporary files (TMPDIR)");
}

}  // namespace
}  // namespace vfsim::bench
