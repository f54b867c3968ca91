#include "testbench/linux_host/kernel_process.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

KernelCommand shell(const std::string& script) {
  return {"/bin/sh", {"-c", script}, fs::temp_directory_path().string(), "", false};
}

bool eventually(const std::function<bool()>& holds) {
  for (int left = 500; left > 0 && !holds(); --left) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return holds();
}

/// All that it writes until it ends, or has written `wanted`.
std::string output_of(KernelProcess& process, const std::string& wanted = "\n") {
  std::string text;
  eventually([&] { return !process.drain(text) || text.find(wanted) != std::string::npos; });
  return text;
}

bool runs(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return (file >> number >> name >> state) && state != "Z";
}

TEST(KernelProcessTest, it_says_what_it_writes_and_reads_nothing) {
  KernelProcess process;
  ASSERT_TRUE(process.start(shell("read line || echo nothing; echo error >&2")));
  EXPECT_EQ(output_of(process, "error\n"), "nothing\nerror\n");
}

TEST(KernelProcessTest, what_is_typed_is_its_input) {
  KernelProcess process;
  KernelCommand command = shell("read line; echo \"got $line\"");
  command.input = true;
  ASSERT_TRUE(process.start(command));
  process.type("words\n");
  EXPECT_EQ(output_of(process), "got words\n");
}

TEST(KernelProcessTest, it_is_the_same_in_every_run) {
  KernelProcess process;
  KernelCommand command = shell("cat /proc/self/personality; env | sort");
  command.folder = "/";
  ASSERT_TRUE(process.start(command));
  EXPECT_EQ(output_of(process, "TERM=dumb\n"), "00040000\nHOME=.\nPATH=/usr/bin:/bin\nPWD=/\nTERM=dumb\n")
      << "no address randomisation, and nothing of the caller's environment";
}

TEST(KernelProcessTest, what_cannot_be_started_is_told) {
  KernelProcess process;
  EXPECT_FALSE(process.start({"/nowhere/linux", {}, "/", "", false}));
  EXPECT_EQ(process.error(), "/nowhere/linux: No such file or directory");
  KernelProcess elsewhere;
  EXPECT_FALSE(elsewhere.start({"/bin/true", {}, "/nowhere", "", false}));
  EXPECT_EQ(elsewhere.error(), "/bin/true: No such file or directory");
}

TEST(KernelProcessTest, it_ends_with_all_it_has_started) {
  std::string text;
  {
    KernelProcess process;
    ASSERT_TRUE(process.start(shell("sleep 1000 & echo $!; wait")));
    text = output_of(process);
    ASSERT_TRUE(runs(std::stoi(text)));
  }
  EXPECT_TRUE(eventually([&] { return !runs(std::stoi(text)); }));
}

TEST(KernelProcessTest, it_ends_with_a_simulator_that_is_killed) {
  std::array<int, 2> told{};
  ASSERT_EQ(pipe(told.data()), 0);
  const pid_t simulator = fork();
  if (simulator == 0) {
    KernelProcess process;
    const bool started = process.start(shell("echo $$; exec sleep 1000"));
    const int pid = started ? std::stoi(output_of(process)) : -1;
    (void)!write(told[1], &pid, sizeof(pid));
    pause();
  }
  int pid = -1;
  ASSERT_EQ(read(told[0], &pid, sizeof(pid)), ssize_t{sizeof(pid)});
  ASSERT_TRUE(runs(pid));
  kill(simulator, SIGKILL);
  waitpid(simulator, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return !runs(pid); }));
}

}  // namespace
}  // namespace vfsim::bench
