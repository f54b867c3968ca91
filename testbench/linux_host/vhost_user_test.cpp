#include "testbench/linux_host/vhost_user.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "testbench/linux_host/shared_memory.hpp"
#include "testbench/linux_host/time_travel.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kReply = 5, kAsk = 1, kAskReply = 9;  // flags of messages, version 1

struct Message {
  std::uint32_t request;
  std::uint32_t flags;
  std::vector<std::uint8_t> payload;
};

std::vector<std::uint8_t> words(const std::vector<std::uint64_t>& values) {
  std::vector<std::uint8_t> bytes(values.size() * 8);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}
std::uint64_t pair(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t{high} << 32 | low;
}

/// A folder for sockets that goes with the test.
struct Folder {
  Folder() : path((std::filesystem::temp_directory_path() / "vfsim-test-XXXXXX").string()) {
    EXPECT_NE(mkdtemp(path.data()), nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

Descriptor connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return socket;
}

struct Device final : VirtioDevice {
  explicit Device(GuestRam& guest_ram) : ram(guest_ram) {}
  bool memory(int file, std::uint64_t offset, std::uint64_t start, std::uint64_t bytes) override {
    if (!map_file(host, file, offset, start, bytes)) {
      return false;
    }
    ram = {&host, 0, start, bytes};
    return true;
  }
  bool kicked(std::uint32_t queue) override {
    kicks.push_back(queue);
    return !hold;
  }
  GuestRam& ram;
  model::HostMemory host{1 << 20};
  std::vector<std::uint32_t> kicks;
  bool hold = false;
};

/// Plays the front end of User Mode Linux.
class VhostUserTest : public testing::Test {
 protected:
  VhostUserTest() {
    EXPECT_TRUE(back_.listen(folder_.path + "/device"));
    front_ = connect_to(folder_.path + "/device");
    EXPECT_TRUE(back_.serve());
  }

  void send(const Message& m, int file = -1) {
    std::vector<std::uint8_t> bytes(12 + m.payload.size());
    const std::array<std::uint32_t, 3> header{m.request, m.flags,
                                              static_cast<std::uint32_t>(m.payload.size())};
    std::memcpy(bytes.data(), header.data(), 12);
    std::copy(m.payload.begin(), m.payload.end(), bytes.begin() + 12);
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (file >= 0) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(head), &file, sizeof(int));
    }
    ASSERT_EQ(sendmsg(front_.get(), &message, 0), static_cast<ssize_t>(bytes.size()));
  }
  /// The number that is answered; nothing: there is no answer.
  std::optional<std::uint64_t> answer(std::uint32_t request) {
    std::array<std::uint32_t, 5> reply{};
    if (recv(front_.get(), reply.data(), sizeof(reply), MSG_DONTWAIT) != sizeof(reply)) {
      return std::nullopt;
    }
    EXPECT_EQ(reply[0], request);
    EXPECT_EQ(reply[1], kReply);
    EXPECT_EQ(reply[2], 8U);
    return pair(reply[3], reply[4]);
  }
  std::optional<std::uint64_t> ask(const Message& m, int file = -1) {
    send(m, file);
    EXPECT_TRUE(back_.serve()) << m.request;
    return answer(m.request);
  }
  std::optional<std::uint64_t> share_memory(std::uint64_t start, std::uint64_t bytes) {
    const Descriptor file(memfd_create("guest", MFD_CLOEXEC));
    EXPECT_EQ(ftruncate(file.get(), 1 << 16), 0);
    return ask({5, kAskReply, words({1, start, bytes, start, start, 0, 0, 0, 0})}, file.get());
  }

  Folder folder_;
  GuestRam ram_;
  Device device_{ram_};
  VhostUser back_{ram_, device_};
  Descriptor front_;
};

TEST_F(VhostUserTest, offers_what_user_mode_linux_needs) {
  EXPECT_EQ(ask({1, kAsk, {}}), 1ULL << 32 | 1ULL << 30);
  EXPECT_EQ(ask({15, kAsk, {}}), 1ULL << 3 | 1ULL << 5 | 1ULL << 14);
  EXPECT_EQ(ask({2, kAskReply, words({0})}), 0U);
  EXPECT_EQ(ask({3, kAsk, {}}), std::nullopt);
}

TEST_F(VhostUserTest, memory_rings_and_kicks) {
  EXPECT_EQ(share_memory(0x1000, 0xf000), 0U);
  EXPECT_EQ(ram_.start, 0x1000U);
  EXPECT_EQ(ram_.bytes, 0xf000U);
  EXPECT_EQ(ask({8, kAskReply, words({pair(0, 256)})}), 0U);
  EXPECT_EQ(ask({8, kAskReply, words({pair(0, 100)})}), 1U);
  EXPECT_EQ(ask({8, kAskReply, words({pair(2, 256)})}), 1U);
  EXPECT_EQ(ask({9, kAskReply, words({0, 0x2000, 0x4000, 0x3000, ~0ULL})}), 0U);
  EXPECT_EQ(ask({18, kAskReply, words({pair(0, 1)})}), 0U);
  const std::array<std::uint64_t, 2> descriptor{0x5000, 16};
  device_.host.write(0x2000, descriptor.data(), 16);
  const std::uint16_t one = 1;
  device_.host.write(0x3002, &one, 2);
  EXPECT_TRUE(back_.queue(0).take());
  EXPECT_EQ(ask({35, kAskReply, words({0})}), 0U);
  EXPECT_EQ(device_.kicks, std::vector<std::uint32_t>{0});
  device_.hold = true;
  EXPECT_EQ(ask({35, kAskReply, words({1})}), std::nullopt);
  back_.answer_kick();
  EXPECT_EQ(answer(35), 0U);
  back_.answer_kick();
  EXPECT_EQ(answer(35), std::nullopt);
}

TEST_F(VhostUserTest, what_a_guest_must_not_share_is_refused) {
  EXPECT_EQ(share_memory(0x1000, 1 << 20), 1U);
  EXPECT_EQ(share_memory(0x1001, 0x1000), 1U);
  EXPECT_EQ(ask({5, kAskReply, words({1, 0, 0x1000, 0, 0})}), 1U);  // without a file
  EXPECT_EQ(ram_.bytes, 0U);
}

TEST_F(VhostUserTest, calls_go_to_the_descriptor_that_was_passed) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const Descriptor guest(ends[0]);
  {
    const Descriptor other(ends[1]);
    EXPECT_FALSE(back_.call(1));
    EXPECT_EQ(ask({21, kAskReply, {}}, other.get()), 0U);
  }
  ASSERT_TRUE(back_.call(1));
  std::array<std::uint32_t, 5> call{};
  ASSERT_EQ(read(guest.get(), call.data(), sizeof(call)), static_cast<ssize_t>(sizeof(call)));
  EXPECT_EQ(call, (std::array<std::uint32_t, 5>{4, kAskReply, 8, 1, 0}));
  const std::array<std::uint32_t, 5> taken{4, kReply, 8, 0, 0};
  ASSERT_EQ(write(guest.get(), taken.data(), sizeof(taken)), static_cast<ssize_t>(sizeof(taken)));
  EXPECT_TRUE(back_.call_answered());
}

TEST_F(VhostUserTest, nonsense_ends_the_connection_with_a_word) {
  const std::array<std::uint32_t, 3> header{5, kAsk, 0x7fffffff};
  ASSERT_EQ(write(front_.get(), header.data(), sizeof(header)), static_cast<ssize_t>(sizeof(header)));
  EXPECT_FALSE(back_.serve());
  EXPECT_NE(back_.error().find("request 5"), std::string::npos);
  EXPECT_EQ(back_.descriptor(), -1);
}

TEST_F(VhostUserTest, a_peer_that_goes_is_no_error) {
  front_.close();
  EXPECT_TRUE(back_.serve());
  EXPECT_EQ(back_.descriptor(), -1);
}

struct Packet {
  std::uint32_t op, sequence;
  std::uint64_t time;
};

TEST(TimeTravelTest, a_guest_that_knows_the_page_asks_there) {
  struct Client {
    std::uint32_t capabilities, flags;
    std::uint64_t request, name;
  };
  Folder folder;
  TimeTravel clock;
  ASSERT_TRUE(clock.listen(folder.path + "/clock"));
  const Descriptor guest = connect_to(folder.path + "/clock");
  ASSERT_TRUE(clock.serve(0));
  const Packet start{1, 5, 1};
  ASSERT_EQ(write(guest.get(), &start, sizeof(start)), static_cast<ssize_t>(sizeof(start)));
  ASSERT_TRUE(clock.serve(0));
  ASSERT_TRUE(clock.start());
  Packet answer{99, 0, 0};
  std::vector<Descriptor> passed;
  ASSERT_TRUE(read_with_descriptors(guest, &answer, sizeof(answer), passed));
  EXPECT_EQ(answer.op, 0U);
  EXPECT_EQ(answer.sequence, 5U);
  EXPECT_EQ(answer.time, 1U);  // its number in the page
  ASSERT_EQ(passed.size(), 2U);
  void* at = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, passed[0].get(), 0);
  ASSERT_NE(at, MAP_FAILED);
  auto* page = static_cast<std::uint8_t*>(at);
  std::array<std::uint32_t, 2> head{};
  std::memcpy(head.data(), page, sizeof(head));
  EXPECT_EQ(head[0], 2U);            // version
  EXPECT_EQ(head[1], 4096U + 256U);  // bytes
  const Client client{1, 1, 500, 0};
  std::memcpy(page + 4096 + 128, &client, sizeof(client));
  EXPECT_EQ(clock.request(), 500U);
  const Packet wait{3, 6, 0};
  ASSERT_EQ(write(guest.get(), &wait, sizeof(wait)), static_cast<ssize_t>(sizeof(wait)));
  ASSERT_TRUE(clock.serve(0));
  EXPECT_EQ(clock.state(), GuestClock::waits);
  ASSERT_TRUE(clock.run(500));
  ASSERT_TRUE(read_all(guest, &answer, sizeof(answer)));
  EXPECT_EQ(answer.op, 6U) << "a wait is not acknowledged";
  std::uint64_t now = 0;
  std::memcpy(&now, page + 16, sizeof(now));
  EXPECT_EQ(now, 500U);
  munmap(at, 8192);
}

TEST(TimeTravelTest, a_guest_asks_waits_and_runs) {
  Folder folder;
  TimeTravel clock;
  ASSERT_TRUE(clock.listen(folder.path + "/clock"));
  const Descriptor guest = connect_to(folder.path + "/clock");
  ASSERT_TRUE(clock.serve(0));
  EXPECT_EQ(clock.state(), GuestClock::absent);
  std::uint32_t sequence = 0;
  const auto say = [&](std::uint32_t op, std::uint64_t time) {
    const Packet packet{op, ++sequence, time};
    ASSERT_EQ(write(guest.get(), &packet, sizeof(packet)), static_cast<ssize_t>(sizeof(packet)));
    ASSERT_TRUE(clock.serve(77));
  };
  const auto hear = [&] {
    Packet packet{99, 0, 0};
    (void)!recv(guest.get(), &packet, sizeof(packet), MSG_DONTWAIT);
    return packet;
  };
  say(1, 1);
  EXPECT_EQ(clock.state(), GuestClock::started);
  EXPECT_EQ(hear().op, 99U);  // its start is acknowledged when all are there
  ASSERT_TRUE(clock.start());
  EXPECT_EQ(hear().sequence, 1U);
  say(4, 0);
  EXPECT_EQ(hear().time, 77U);
  say(2, 1000);
  EXPECT_EQ(hear().op, 0U);
  say(2, 900);  // replaces
  EXPECT_EQ(hear().sequence, sequence);
  say(3, ~0ULL);
  EXPECT_EQ(hear().op, 0U);
  EXPECT_EQ(clock.state(), GuestClock::waits);
  EXPECT_EQ(clock.request(), 900U);
  ASSERT_TRUE(clock.run(900));
  const Packet run = hear();
  EXPECT_EQ(run.op, 6U);
  EXPECT_EQ(run.time, 900U);
  EXPECT_EQ(clock.state(), GuestClock::runs);
  EXPECT_EQ(clock.request(), TimeTravel::kNoRequest);
  const Packet nonsense{77, 0, 0};
  ASSERT_EQ(write(guest.get(), &nonsense, sizeof(nonsense)), static_cast<ssize_t>(sizeof(nonsense)));
  EXPECT_FALSE(clock.serve(0));
  EXPECT_EQ(clock.state(), GuestClock::absent);
}

TEST(TimeTravelTest, what_a_kernel_must_not_say_ends_the_connection) {
  constexpr std::uint32_t kRun = 6, kFreeUntil = 7;  // for a calendar to say
  for (const std::uint32_t op : {kRun, kFreeUntil, 10U, ~0U}) {
    Folder folder;
    TimeTravel clock;
    ASSERT_TRUE(clock.listen(folder.path + "/clock"));
    const Descriptor guest = connect_to(folder.path + "/clock");
    ASSERT_TRUE(clock.serve(0));
    const Packet packet{op, 1, 5};
    ASSERT_EQ(write(guest.get(), &packet, sizeof(packet)), static_cast<ssize_t>(sizeof(packet)));
    EXPECT_FALSE(clock.serve(0)) << op;
    EXPECT_EQ(clock.state(), GuestClock::absent) << op;
    EXPECT_FALSE(clock.run(0)) << "there is nobody to let run";
  }
}

TEST(TimeTravelTest, half_a_message_is_the_end_of_a_kernel) {
  Folder folder;
  TimeTravel clock;
  ASSERT_TRUE(clock.listen(folder.path + "/clock"));
  Descriptor guest = connect_to(folder.path + "/clock");
  ASSERT_TRUE(clock.serve(0));
  const Packet packet{1, 1, 1};
  ASSERT_EQ(write(guest.get(), &packet, 7), 7);
  guest.close();
  EXPECT_FALSE(clock.serve(0));
  EXPECT_EQ(clock.state(), GuestClock::absent);
  EXPECT_EQ(clock.request(), TimeTravel::kNoRequest);
}

TEST(SharedMemoryTest, a_range_of_a_host_is_memory_of_another_process) {
  const Descriptor file(memfd_create("guest", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), 0x4000), 0);
  ASSERT_EQ(pwrite(file.get(), "guest", 5, 0x1000), 5);
  model::HostMemory memory(1 << 20);
  EXPECT_FALSE(map_file(memory, file.get(), 0, (1 << 20) - 0x1000, 0x2000));
  EXPECT_FALSE(map_file(memory, file.get(), 0x10, 0x8000, 0x1000));
  EXPECT_FALSE(map_file(memory, -1, 0, 0x8000, 0x1000));
  EXPECT_FALSE(map_file(memory, file.get(), 0, 0x8000, 0));
  ASSERT_TRUE(map_file(memory, file.get(), 0x1000, 0x8000, 0x3000));
  std::array<char, 5> seen{};
  EXPECT_TRUE(memory.read(0x8000, seen.data(), seen.size()));
  EXPECT_EQ(std::string(seen.data(), seen.size()), "guest");
  EXPECT_FALSE(memory.touched(0x8000));
  EXPECT_TRUE(memory.write(0xaffb, "model", 5));
  EXPECT_TRUE(memory.touched(0xa000));
  ASSERT_EQ(pread(file.get(), seen.data(), seen.size(), 0x3ffb), 5);
  EXPECT_EQ(std::string(seen.data(), seen.size()), "model");
  EXPECT_FALSE(map_own(memory, (1 << 20) - 0x1000, 0x2000));
  ASSERT_TRUE(map_own(memory, 0x8000, 0x3000));
  EXPECT_TRUE(memory.read(0x8000, seen.data(), seen.size()));
  EXPECT_EQ(seen[0], 0) << "its own";
  EXPECT_TRUE(memory.write(0x8000, "model", 5));
  ASSERT_EQ(pread(file.get(), seen.data(), seen.size(), 0x1000), 5);
  EXPECT_EQ(std::string(seen.data(), seen.size()), "guest") << "the file is another";
}

}  // namespace
}  // namespace vfsim::bench
