#include "testbench/linux_host/shell_console.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <unistd.h>

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMs = 1'000'000;

volatile std::sig_atomic_t interrupts = 0;

/// Standard input is a pipe.
class ShellConsoleTest : public testing::Test {
 protected:
  ShellConsoleTest() {
    EXPECT_EQ(pipe(ends_.data()), 0);
    EXPECT_EQ(dup2(ends_[0], STDIN_FILENO), STDIN_FILENO);
    console_.emplace();
  }
  void say(const std::string& words) {
    EXPECT_EQ(write(ends_[1], words.data(), words.size()), static_cast<ssize_t>(words.size()));
  }
  std::array<int, 2> ends_{};
  std::optional<ShellConsole> console_;
};

TEST_F(ShellConsoleTest, simulated_time_goes_as_fast_as_the_clock_on_the_wall) {
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t now = 0;
  while (now < 30 * kMs) {
    now = console_->pace(now, now + 10 * kMs);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(25));
  EXPECT_EQ(now, 30 * kMs);
  EXPECT_EQ(console_->typed(), "");
}

TEST_F(ShellConsoleTest, what_is_typed_comes_before_what_is_due) {
  say("ls\n");
  const std::uint64_t at = console_->pace(5 * kMs, 5 * kMs + 3'600'000 * kMs);
  EXPECT_EQ(console_->typed(), "ls\n");
  EXPECT_EQ(console_->typed(), "") << "once";
  EXPECT_GE(at, 5 * kMs);
  EXPECT_LT(at, 3'600'000 * kMs);
}

TEST_F(ShellConsoleTest, its_end_is_one_ctrl_d) {
  say("last");
  close(ends_[1]);
  (void)console_->pace(0, 1000 * kMs);
  EXPECT_EQ(console_->typed(), "last");
  (void)console_->pace(0, 1000 * kMs);
  EXPECT_EQ(console_->typed(), "\x04");
  EXPECT_EQ(console_->pace(0, kMs), kMs);
  EXPECT_EQ(console_->typed(), "");
}

TEST_F(ShellConsoleTest, ctrl_c_is_a_signal) {
  std::signal(SIGINT, [](int) { interrupts = interrupts + 1; });
  say("a\x03");
  (void)console_->pace(0, 1000 * kMs);
  EXPECT_EQ(interrupts, 1);
}

TEST(TypedFilesTest, each_piece_is_a_file) {
  std::string name = (fs::temp_directory_path() / "vfsim-typed-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const auto content = [&](const std::string& file) {
    std::ifstream in(name + "/typed/" + file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  {
    TypedFiles files(name + "/typed");
    EXPECT_TRUE(files.type("ls\n"));
    EXPECT_TRUE(files.type(std::string("\x04\0", 2)));
    EXPECT_EQ(content("0"), "ls\n");
    EXPECT_EQ(content("1"), std::string("\x04\0", 2));
    EXPECT_EQ(std::distance(fs::directory_iterator(name + "/typed"), fs::directory_iterator()), 2) << "no part is left";
  }
  TypedFiles nowhere(name + "/no/typed");
  EXPECT_FALSE(nowhere.type("x"));
  fs::remove_all(name);
}

}  // namespace
}  // namespace vfsim::bench
