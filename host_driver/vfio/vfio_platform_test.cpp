// The platform over files in the place of a device: registers in a memory file, interrupts by hand.
#include "host_driver/vfio/vfio_platform.hpp"

#include <fcntl.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <gtest/gtest.h>

namespace vfsim::driver {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kBarAt = 0x10000, kConfigAt = 0x20000;

/// What a test keeps of a device file that it has given away.
struct Wires {
  int fd = -1;
  std::vector<int> event_fds;
  int error = 0;

  [[nodiscard]] Bytes at(std::uint64_t offset, std::size_t bytes) const {
    Bytes data(bytes);
    EXPECT_EQ(::pread(fd, data.data(), bytes, static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes));
    return data;
  }
  void put(std::uint64_t offset, const Bytes& data) const {
    EXPECT_EQ(::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(data.size()));
  }
};

class MemoryFile final : public DeviceFile {
 public:
  MemoryFile(Wires& wires, std::uint32_t vectors)
      : wires_(wires), file_(::memfd_create("device", MFD_CLOEXEC)), vectors_(vectors) {
    EXPECT_EQ(::ftruncate(file_.fd(), 0x30000), 0);
    wires_.fd = file_.fd();
  }
  int device_fd() const override { return file_.fd(); }
  const VfioRegion& bar0() const override { return bar0_; }
  const VfioRegion& config() const override { return config_; }
  std::uint32_t vectors() const override { return vectors_; }
  Result<void> set_interrupts(const std::vector<int>& event_fds) override {
    if (wires_.error != 0) {
      return fail(wires_.error, "no interrupts");
    }
    wires_.event_fds = event_fds;
    return ok();
  }

 private:
  Wires& wires_;
  File file_;
  std::uint32_t vectors_;
  VfioRegion bar0_{kBarAt, 0x2000}, config_{kConfigAt, 0x1000};
};

class Platforms : public testing::Test {
 protected:
  Platforms() : memory_(4 * kPage), pool_(pages()) {
    auto made = VfioPlatform::create(os_, pool_, std::make_unique<MemoryFile>(wires, 8), 3);
    EXPECT_TRUE(made) << made.error().text;
    platform = std::move(made.value());
  }
  std::vector<DmaPage> pages() {
    std::vector<DmaPage> list;
    for (std::size_t i = 0; i < memory_.size() / kPage; ++i) {
      list.push_back({0x100000 + i * kPage, memory_.data() + i * kPage});
    }
    return list;
  }
  /// Lets the interrupt thread run until `done`, one second at most.
  template <class Done>
  bool within_a_second(Done&& done) {
    for (int i = 0; i < 1000 && !done(); ++i) {
      os_.sleep(1ms);
    }
    return done();
  }

  PosixOs os_;
  Bytes memory_;
  DmaPool pool_;
  Wires wires;
  std::unique_ptr<VfioPlatform> platform;
};

TEST_F(Platforms, RegistersAreBigEndianOnTheBus) {
  platform->write32(0x10, 0x01020304);
  platform->write64(0x800, 0x1122334455667788);
  EXPECT_EQ(wires.at(kBarAt + 0x10, 4), (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(wires.at(kBarAt + 0x800, 8), (Bytes{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}));
  wires.put(kBarAt + 0x1fc, {0x80, 0, 0, 7});
  EXPECT_EQ(platform->read32(0x1fc), 0x80000007U);
}

TEST_F(Platforms, ConfigurationSpaceIsLittleEndian) {
  wires.put(kConfigAt, {0xb3, 0x15, 0x1e, 0x10});
  EXPECT_EQ(platform->config_read(0, 4), 0x101e15b3U);
  EXPECT_EQ(platform->config_read(2, 2), 0x101eU);
  platform->config_write(0x40, 0xbeef, 2);
  EXPECT_EQ(wires.at(kConfigAt + 0x40, 3), (Bytes{0xef, 0xbe, 0}));
  EXPECT_EQ(platform->config_read(4, 2) & 6U, 6U);  // memory and bus mastering are on
}

TEST_F(Platforms, OutsideOfTheWindowIsAllOnes) {
  EXPECT_EQ(platform->read32(0x1ffe), 0xffffffffU);
  EXPECT_EQ(platform->config_read(0x1000, 1), 0xffffffffU & 0xffU);
  platform->write32(0x2000, 1);  // goes nowhere
  EXPECT_EQ(wires.at(kBarAt + 0x2000, 4), Bytes(4));
}

TEST_F(Platforms, HandlersRunForTheirVector) {
  ASSERT_EQ(platform->vectors(), 3U);
  ASSERT_EQ(wires.event_fds.size(), 3U);
  std::string order;
  platform->bind_vector(0, [&] { order += "a"; });
  platform->bind_vector(2, [&] { order += "c"; });
  ::eventfd_write(wires.event_fds[2], 2);  // two messages, one call
  ASSERT_TRUE(within_a_second([&] { return order == "c"; }));
  platform->unbind_vector(2);
  ::eventfd_write(wires.event_fds[2], 1);
  ::eventfd_write(wires.event_fds[1], 1);  // bound by nobody
  ::eventfd_write(wires.event_fds[0], 1);
  ASSERT_TRUE(within_a_second([&] { return order == "ca"; }));
  EXPECT_EQ(platform->interrupts(), 5U);
}

TEST_F(Platforms, AHandlerMayBlock) {
  const auto event = os_.make_event();
  bool done = false;
  platform->bind_vector(0, [&] { done = event->wait(kForever); });
  ::eventfd_write(wires.event_fds[0], 1);
  os_.sleep(1ms);
  event->notify();
  EXPECT_TRUE(within_a_second([&] { return done; }));
}

TEST_F(Platforms, MovesToAnotherFunction) {
  int count = 0;
  platform->bind_vector(1, [&] { ++count; });
  const std::uint64_t kept = platform->dma_alloc(kPage).value();
  Wires there;
  ASSERT_TRUE(platform->move_to(std::make_unique<MemoryFile>(there, 8)));
  EXPECT_TRUE(wires.event_fds.empty());                      // of the old function
  ASSERT_TRUE(within_a_second([&] { return count == 1; }));  // one may have come in between
  ::eventfd_write(there.event_fds.at(1), 1);
  ASSERT_TRUE(within_a_second([&] { return count == 2; }));
  platform->write32(0, 0x0a0b0c0d);
  EXPECT_EQ(there.at(kBarAt, 4), (Bytes{10, 11, 12, 13}));
  platform->mem_write(kept, "x", 1);
  EXPECT_EQ(memory_[0], 'x');
}

TEST_F(Platforms, StaysWhereItIsWhenTheOtherFunctionFails) {
  Wires few, broken;
  const auto refused = platform->move_to(std::make_unique<MemoryFile>(few, 2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EINVAL);
  broken.error = EIO;
  EXPECT_EQ(platform->move_to(std::make_unique<MemoryFile>(broken, 8)).error().code, EIO);
  platform->write32(0, 0x01020304);
  EXPECT_EQ(wires.at(kBarAt, 4), (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(wires.event_fds.size(), 3U);
}

TEST(VfioFunction, WhatIsNotThereIsSaid) {
  const auto missing = VfioFunction::open("ffff:ff:1f.7");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENODEV);
  EXPECT_EQ(missing.error().text, "ffff:ff:1f.7: no such function");
}

TEST(VfioFunction, AFileThatIsNoDeviceIsRefused) {
  VfioFunction::Files files;
  files.device = File(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const auto adopted = VfioFunction::adopt(std::move(files));
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code, ENOTTY);
  EXPECT_EQ(adopted.error().text, "VFIO device: Inappropriate ioctl for device (ENOTTY)");
}

}  // namespace
}  // namespace vfsim::driver
