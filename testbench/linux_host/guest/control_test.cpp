#include "testbench/linux_host/guest/control.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace vfsim::guest {
namespace {

class Control : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/control-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    door = {"program", name};
  }
  void TearDown() override { std::filesystem::remove_all(door.folder); }
  static void directly(const std::function<void()>& wait) { wait(); }
  Door door;
};

TEST_F(Control, WordsGoThereAnswersComeBack) {
  auto server = ControlServer::listen(door);
  ASSERT_TRUE(server) << server.error().text;
  Words got;
  std::thread thread([&] {
    server.value().serve_one(
        [&](const Words& words) {
          got = words;
          return Answer{kRefused, "two\nlines", {}};
        },
        directly);
  });
  const auto reply = ask(door, {"set", "", "a b"});
  thread.join();
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(got, (Words{"set", "", "a b"}));
  EXPECT_EQ(reply.value().status, kRefused);
  EXPECT_EQ(reply.value().text, "two\nlines");
}

TEST_F(Control, DescriptorsComeAsCopies) {
  auto server = ControlServer::listen(door);
  ASSERT_TRUE(server);
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  std::thread thread([&] {
    server.value().serve_one([&](const Words&) { return Answer{kDone, "", {ends[1]}}; }, directly);
  });
  const auto reply = ask(door, {"share"});
  thread.join();
  ::close(ends[1]);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply.value().files.size(), 1U);
  EXPECT_EQ(::write(reply.value().files[0].fd(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 1);
  ::close(ends[0]);
}

TEST_F(Control, LinesThroughFifosAreAnsweredInOrder) {
  auto server = ControlServer::listen(door);
  ASSERT_TRUE(server) << server.error().text;
  std::ofstream(door.path() + ".in") << "set  STOP\nstate\nhalf";
  std::vector<Words> got;
  const auto execute = [&](const Words& words) {
    got.push_back(words);
    return Answer{static_cast<int>(got.size()) - 1, "two\nlines", {}};
  };
  server.value().serve_one(execute, directly);
  server.value().serve_one(execute, directly);
  std::ifstream out(door.path() + ".out");
  std::string line;
  std::getline(out, line);
  EXPECT_EQ(line, "0 two; lines");
  std::getline(out, line);
  EXPECT_EQ(line, "1 two; lines");
  std::ofstream(door.path() + ".in") << " line\n";
  server.value().serve_one(execute, directly);
  EXPECT_EQ(got, (std::vector<Words>{{"set", "STOP"}, {"state"}, {"half", "line"}}));
}

TEST_F(Control, NobodyThereIsSaid) {
  const auto reply = ask(door, {"state"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ENOENT);
}

TEST_F(Control, ASecondOneIsRefusedADeadOneReplaced) {
  {
    auto first = ControlServer::listen(door);
    ASSERT_TRUE(first);
    std::thread thread(
        [&] { first.value().serve_one([](const Words&) { return Answer{}; }, directly); });
    const auto second = ControlServer::listen(door);
    thread.join();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EADDRINUSE);
  }
  EXPECT_FALSE(std::filesystem::exists(door.path()));
  std::filesystem::create_symlink("/nowhere",
                                  door.path());  // as a killed one leaves its socket
  EXPECT_TRUE(ControlServer::listen(door));
}

TEST_F(Control, TheBackgroundProcessOutlivesItsStart) {
  const Answer answer = start_in_background([&](const std::function<void(const Answer&)>& started) {
    auto server = ControlServer::listen(door);
    started({kDone, "up", {}});
    server.value().serve_one([](const Words&) { return Answer{kDone, "bye", {}}; }, directly);
    return kDone;
  });
  EXPECT_EQ(answer.text, "up");
  const auto reply = ask(door, {"close"});
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply.value().text, "bye");
}

TEST_F(Control, ABackgroundProcessThatDiesIsSaid) {
  const Answer answer = start_in_background([](const auto&) { return 7; });
  EXPECT_EQ(answer.status, kRefused);
  EXPECT_EQ(answer.text, "the background process has ended without a word");
}

}  // namespace
}  // namespace vfsim::guest
