#include "host_driver/vfio/posix_os.hpp"

#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace vfsim::driver {
namespace {

using namespace std::chrono_literals;

TEST(PosixOs, EventIsRememberedAndCleared) {
  PosixOs os;
  const auto event = os.make_event();
  event->notify();
  EXPECT_TRUE(event->wait(0ns));
  EXPECT_FALSE(event->wait(1us));
}

TEST(PosixOs, WaitEndsWhenAnotherThreadNotifies) {
  PosixOs os;
  const auto event = os.make_event();
  os.spawn("other", [&] { event->notify(); });
  EXPECT_TRUE(event->wait(kForever));
}

TEST(PosixOs, SleepTakesItsTime) {
  PosixOs os;
  const Nanoseconds begin = os.now();
  os.sleep(2ms);
  EXPECT_GE(os.now() - begin, 2ms);
}

// A thread keeps the turn until it blocks: nobody sees what it has half done.
TEST(PosixOs, ThreadsTakeTurns) {
  PosixOs os;
  int inside = 0, most = 0, ended = 0;
  const auto done = os.make_event();
  for (int i = 0; i < 4; ++i) {
    os.spawn("worker", [&] {
      for (int n = 0; n < 200; ++n) {
        most = std::max(most, ++inside);
        std::this_thread::yield();
        --inside;
        os.sleep(1us);
      }
      ++ended;
      done->notify();
    });
  }
  while (ended < 4) {
    done->wait(kForever);
  }
  EXPECT_EQ(most, 1);
}

TEST(PosixOs, MutexIsKeptWhileItsOwnerSleeps) {
  PosixOs os;
  const auto mutex = os.make_mutex();
  std::vector<std::string> order;
  mutex->lock();
  EXPECT_FALSE(mutex->try_lock());
  os.spawn("second", [&] {
    mutex->lock();
    order.push_back("second");
    mutex->unlock();
  });
  os.sleep(1ms);
  order.push_back("first");
  mutex->unlock();
  while (order.size() < 2) {
    os.sleep(100us);
  }
  EXPECT_EQ(order, (std::vector<std::string>{"first", "second"}));
}

TEST(PosixOs, NobodyRunsWhileTheTurnIsKept) {
  PosixOs os;
  std::atomic<int> count{0};
  bool stop = false;
  os.spawn("counter", [&] {
    while (!stop) {
      ++count;
      os.sleep(1us);
    }
  });
  while (count < 3) {
    os.sleep(1us);
  }
  const int before = count;
  std::this_thread::sleep_for(5ms);  // a pause of all virtual CPUs
  EXPECT_EQ(count, before);
  {
    const PosixOs::Outside outside(os);
    while (count == before) {
      std::this_thread::yield();
    }
  }
  stop = true;
}

TEST(PosixOs, DestructorWaitsForThreadsAndThoseTheyStart) {
  bool ended = false;
  {
    PosixOs os;
    os.spawn("first", [&] { os.spawn("second", [&] { ended = true; }); });
  }
  EXPECT_TRUE(ended);
}

TEST(PosixOs, LogGoesToTheSink) {
  std::string line;
  PosixOs os([&](LogLevel level, std::string_view text) {
    line = std::to_string(static_cast<int>(level)) + std::string(text);
  });
  os.log(LogLevel::warning, "text");
  EXPECT_EQ(line, "1text");
}

}  // namespace
}  // namespace vfsim::driver
