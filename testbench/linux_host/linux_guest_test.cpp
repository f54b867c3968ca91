// A guest's clock, played against a kernel that is a thread of the test.
#include "testbench/linux_host/linux_guest.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "firmware/interface/layout.h"
#include "testbench/linux_host/driver_rings.hpp"

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

// include/uapi/linux/um_timetravel.h
enum : std::uint32_t { kAck = 0, kStart = 1, kRequest = 2, kWait = 3, kGet = 4, kRun = 6 };
struct Message {
  std::uint32_t op;
  std::uint32_t sequence;
  std::uint64_t time;
};

/// The kernel's end of the calendar, without the shared page.
class Kernel {
 public:
  explicit Kernel(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Kernel() { ::close(socket_); }
  void send(std::uint32_t op, std::uint64_t time = 0) {
    const Message message{op, ++sequence_, time};
    EXPECT_EQ(::write(socket_, &message, sizeof(message)), ssize_t{sizeof(message)});
  }
  Message receive() {
    Message message{};
    EXPECT_EQ(::recv(socket_, &message, sizeof(message), MSG_WAITALL), ssize_t{sizeof(message)});
    return message;
  }
  /// Sends a request and takes its acknowledgement. @return its time
  std::uint64_t ask(std::uint32_t op, std::uint64_t time = 0) {
    send(op, time);
    const Message answer = receive();
    EXPECT_EQ(answer.op, kAck);
    EXPECT_EQ(answer.sequence, sequence_);
    return answer.time;
  }
  /// Sleeps until `time`. @return when it was woken
  std::uint64_t sleep_until(std::uint64_t time) {
    ask(kRequest, time);
    ask(kWait);
    const Message run = receive();
    EXPECT_EQ(run.op, kRun);
    const Message ack{kAck, run.sequence, 0};
    EXPECT_EQ(::write(socket_, &ack, sizeof(ack)), ssize_t{sizeof(ack)});
    return run.time;
  }

 private:
  int socket_;
  std::uint32_t sequence_ = 0;
};

class LinuxGuestTest : public testing::Test, protected GuestListener {
 protected:
  LinuxGuestTest() {
    std::string name = (fs::temp_directory_path() / "vfsim-guest-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    program("exec sleep 100");
  }
  ~LinuxGuestTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  /// What is started in the kernel's place.
  void program(const std::string& script) {
    std::ofstream(folder_ + "/kernel") << "#!/bin/sh\n" << script << "\n";
    fs::permissions(folder_ + "/kernel", fs::perms::owner_all);
  }
  [[nodiscard]] bool launch() {
    KernelCommand command;
    command.program = "./kernel";
    command.folder = folder_;
    return guest_.launch(folder_, command);
  }
  /// Starts the guest at 1000 ns with a kernel that does `body` and then goes.
  void run_kernel(std::function<void(Kernel&)> body) {
    ASSERT_TRUE(launch());
    kernel_ = std::thread([this, body = std::move(body)] {
      Kernel kernel(folder_ + "/A.clock");
      kernel.ask(kStart);
      body(kernel);
    });
    ASSERT_TRUE(guest_.await_start());
    guest_.start(1000);
  }
  void TearDown() override {
    if (kernel_.joinable()) {
      kernel_.join();
    }
  }

  bool guest_memory(int, std::uint64_t, std::uint64_t, std::uint64_t) override { return false; }
  void guest_line(const std::string& line) override { lines_.push_back(line); }
  bool guest_will_wait(const PciSlot&) const override { return waits_; }
  void guest_wakes() override {}

  std::string folder_;
  volatile std::sig_atomic_t stop_ = 0;
  model::Calendar calendar_{"calendar"};
  GuestRam ram_{};
  std::vector<std::string> lines_;
  bool waits_ = false;
  LinuxGuest guest_{calendar_, "A", ram_, *this, stop_};
  std::thread kernel_;
};

TEST_F(LinuxGuestTest, its_clock_begins_at_its_start) {
  std::uint64_t woken = 0, now = 0;
  run_kernel([&](Kernel& kernel) {
    woken = kernel.sleep_until(500);
    now = kernel.ask(kGet);
  });
  EXPECT_EQ(guest_.due(), 1500U);
  EXPECT_FALSE(guest_.ready(1499));
  ASSERT_TRUE(guest_.ready(1500));
  guest_.step(1500);
  kernel_.join();
  EXPECT_EQ(woken, 500U);
  EXPECT_EQ(now, 500U);
  EXPECT_FALSE(guest_.alive());
  EXPECT_EQ(guest_.error(), "") << "it went by itself";
}

TEST_F(LinuxGuestTest, no_time_passes_while_it_is_frozen) {
  std::uint64_t woken = 0, later = 0;
  run_kernel([&](Kernel& kernel) {
    woken = kernel.sleep_until(500);
    later = kernel.sleep_until(800);
  });
  guest_.freeze(1200);
  EXPECT_EQ(guest_.due(), kNeverNs);
  EXPECT_FALSE(guest_.ready(1'000'000));
  guest_.thaw(5200);
  EXPECT_EQ(guest_.due(), 5500U) << "300 ns were left";
  ASSERT_TRUE(guest_.ready(5500));
  guest_.step(5500);
  EXPECT_EQ(guest_.due(), 5800U);
  guest_.step(5800);
  kernel_.join();
  EXPECT_EQ(woken, 500U);
  EXPECT_EQ(later, 800U);
}

TEST_F(LinuxGuestTest, a_second_freeze_changes_nothing) {
  run_kernel([](Kernel& kernel) { kernel.sleep_until(500); });
  guest_.freeze(1200);
  guest_.freeze(1400);
  guest_.thaw(2200);
  guest_.thaw(9000);
  EXPECT_EQ(guest_.due(), 2500U);
  guest_.step(2500);
}

TEST_F(LinuxGuestTest, a_kernel_that_ends_at_once_is_an_error) {
  program("echo why");
  ASSERT_TRUE(launch());
  EXPECT_FALSE(guest_.await_start());
  EXPECT_EQ(guest_.error(), "the kernel ended before it began");
  EXPECT_EQ(lines_, std::vector<std::string>{"why"});
}

TEST_F(LinuxGuestTest, a_kernel_that_cannot_be_started_is_an_error) {
  fs::remove(folder_ + "/kernel");
  EXPECT_FALSE(launch());
  EXPECT_EQ(guest_.error(), "./kernel: No such file or directory");
}

TEST_F(LinuxGuestTest, it_gives_up_when_it_is_told) {
  ASSERT_TRUE(launch());
  stop_ = 1;
  EXPECT_FALSE(guest_.await_start());
  EXPECT_EQ(guest_.error(), "interrupted");
}

// Its driver was expected to wait for an event, rings for a command without telling, and polls for the answer.
TEST_F(LinuxGuestTest, one_that_polls_against_expectation_is_stopped_until_the_answer) {
  constexpr std::uint64_t kRings = 0x1000, kAccess = 0x8000;
  model::HostMemory memory(1 << 20);
  ram_ = {&memory, 0, 0, 1 << 20};
  PciSlot& slot = guest_.add_slot({nullptr, 0, 0, 0});
  SplitQueue& queue = slot.link().queue(0);
  ASSERT_TRUE(queue.set_size(8));
  queue.set_addresses(kRings, kRings + 0x1000, kRings + 0x2000);
  queue.enable(true);
  DriverRings driver{memory, kRings, kRings + 0x1000, kRings + 0x2000, 8};
  const PcidevHeader doorbell{static_cast<std::uint8_t>(PcidevOp::mmio_write), 0, 0, 4, VF_BAR_CMD_DB};
  memory.write(kAccess, &doorbell, sizeof(doorbell));
  driver.descriptor(0, kAccess, sizeof(doorbell) + 4, 0);
  waits_ = true;
  program("while :; do :; done");
  std::atomic<bool> answered{false};
  std::uint64_t now = 99;
  run_kernel([&](Kernel& kernel) {
    kernel.sleep_until(100);
    driver.offer(0);
    while (!answered) {
    }
    now = kernel.ask(kGet);
  });
  guest_.step(1100);
  ASSERT_EQ(guest_.stopped_by(), &slot);
  EXPECT_FALSE(guest_.ready(5000));
  answered = true;
  guest_.release();
  ASSERT_TRUE(guest_.ready(5000));
  guest_.step(5000);
  kernel_.join();
  EXPECT_EQ(now, 100U) << "to the guest no time has passed";
  EXPECT_EQ(guest_.error(), "");
}

TEST_F(LinuxGuestTest, a_kernel_that_talks_nonsense_is_gone) {
  run_kernel([](Kernel& kernel) { kernel.send(77); });
  EXPECT_FALSE(guest_.alive());
}

}  // namespace
}  // namespace vfsim::bench
