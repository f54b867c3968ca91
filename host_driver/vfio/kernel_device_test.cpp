// The user's side of the migration protocol against the device side of the same structures
// (VfioUapi), and that against a device object.
#include "host_driver/vfio/kernel_device.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <utility>

#include <gtest/gtest.h>

#include "host_driver/migration/vfio_uapi.hpp"

namespace vfsim::driver {
namespace {

using Words = std::vector<std::uint64_t>;

class Stream final : public MigStream {
 public:
  Result<std::vector<std::uint8_t>> read(std::size_t bytes, bool) override {
    if (error != 0) {
      return fail(error, "");
    }
    const auto part = static_cast<std::ptrdiff_t>(std::min(bytes, data.size()));
    const std::vector<std::uint8_t> out(data.begin(), data.begin() + part);
    data.erase(data.begin(), data.begin() + part);
    return out;
  }
  Result<std::size_t> write(const std::uint8_t* from, std::size_t bytes) override {
    data.insert(data.end(), from, from + bytes);
    return bytes;
  }
  Result<std::size_t> seek(std::uint64_t) override { return fail(ESPIPE, ""); }
  std::uint32_t poll() override { return POLLIN; }
  Result<PrecopyInfo> precopy_info() override { return PrecopyInfo{true, 11, 22}; }

  std::vector<std::uint8_t> data;
  int error = 0;
};

class Device final : public VfioDevice {
 public:
  std::uint64_t migration_flags() const override { return flags; }
  Result<MigState> state() override { return now; }
  Result<std::shared_ptr<MigStream>> set_state(MigState target) override {
    if (refuse != 0) {
      return fail(refuse, "");
    }
    now = target;
    return target == MigState::stop_copy || target == MigState::resuming
               ? std::shared_ptr<MigStream>(stream)
               : std::shared_ptr<MigStream>();
  }
  Result<void> reset() override { return ok(); }
  Result<std::uint64_t> data_size() override { return std::uint64_t{0x1234}; }
  void opt_in_precopy_reinit() override {}
  bool logging_supported() const override { return logging; }
  Result<std::uint64_t> logging_start(std::uint64_t page_size,
                                      const std::vector<IovaRange>& list) override {
    ranges = list;
    return std::max<std::uint64_t>(page_size, tracked_page);
  }
  Result<void> logging_stop() override { return ok(); }
  Result<std::vector<std::uint64_t>> logging_report(std::uint64_t, std::uint64_t) override {
    return dirty;
  }
  Result<std::vector<std::uint8_t>> save_config() override { return std::vector<std::uint8_t>(); }
  Result<void> restore_config(const std::vector<std::uint8_t>&) override { return ok(); }

  std::uint64_t flags = 7;
  MigState now = MigState::running;
  int refuse = 0;
  bool logging = true;
  std::uint64_t tracked_page = 4096;
  std::vector<IovaRange> ranges;
  Words dirty;
  std::shared_ptr<Stream> stream = std::make_shared<Stream>();
};

/// The kernel's role: system calls into VfioUapi.
class Kernel final : public VfioCalls {
 public:
  static constexpr int kDeviceFd = 100;
  explicit Kernel(VfioDevice& device) : uapi_(device, fds_) {}
  int ioctl(int fd, unsigned long request, void* arg) override {
    const auto argsz = static_cast<const std::uint32_t*>(arg);
    return fd == kDeviceFd ? result(uapi_.device_feature(arg, *argsz))
                           : result(uapi_.mig_ioctl(fd, request, arg, *argsz));
  }
  long read(int fd, void* to, std::size_t bytes) override {
    return result(uapi_.read(fd, to, bytes, false));
  }
  long write(int fd, const void* from, std::size_t bytes) override {
    return result(uapi_.write(fd, from, bytes));
  }
  std::uint32_t poll(int fd) override { return uapi_.poll(fd); }
  void close(int fd) override { closed += uapi_.close(fd) == 0 ? 1 : 0; }
  int closed = 0;

 private:
  template <class Number>
  Number result(Number value) {
    if (value >= 0) {
      return value;
    }
    errno = static_cast<int>(-value);
    return -1;
  }
  FdTable fds_;
  VfioUapi uapi_;
};

class KernelDeviceTest : public testing::Test {
 protected:
  Device inner;
  Kernel kernel{inner};
  KernelDevice device{Kernel::kDeviceFd, {}, kernel};
};

TEST_F(KernelDeviceTest, FlagsAndState) {
  EXPECT_EQ(device.migration_flags(), 7U);
  EXPECT_EQ(device.state().value(), MigState::running);
  EXPECT_EQ(device.data_size().value(), 0x1234U);
  inner.flags = 0;
  EXPECT_EQ(device.migration_flags(), 0U);
  EXPECT_EQ(device.state().error().code, ENOTTY);
}

TEST_F(KernelDeviceTest, StreamsAreReadWrittenAndClosed) {
  inner.stream->data = {1, 2, 3};
  {
    auto stream = device.set_state(MigState::stop_copy);
    ASSERT_TRUE(stream && stream.value());
    EXPECT_EQ(stream.value()->read(2, false).value(), (std::vector<std::uint8_t>{1, 2}));
    EXPECT_EQ(stream.value()->read(9, true).value(), (std::vector<std::uint8_t>{3}));
    EXPECT_TRUE(stream.value()->read(9, false).value().empty());
    const auto info = stream.value()->precopy_info();
    ASSERT_TRUE(info) << info.error().text;
    EXPECT_EQ(info.value().initial_bytes, 11U);
    EXPECT_EQ(info.value().dirty_bytes, 22U);
    EXPECT_EQ(stream.value()->seek(0).error().code, ESPIPE);
    inner.stream->error = ENODEV;
    EXPECT_EQ(stream.value()->read(1, false).error().code, ENODEV);
  }
  EXPECT_EQ(kernel.closed, 1);
  auto load = device.set_state(MigState::resuming);
  ASSERT_TRUE(load && load.value());
  const std::uint8_t bytes[] = {7, 8};
  EXPECT_EQ(load.value()->write(bytes, 2).value(), 2U);
  EXPECT_EQ(inner.stream->data, (std::vector<std::uint8_t>{7, 8}));
}

TEST_F(KernelDeviceTest, RefusalCarriesTheErrno) {
  inner.refuse = ETIMEDOUT;
  const auto stream = device.set_state(MigState::stop);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, ETIMEDOUT);
  EXPECT_EQ(stream.error().text, "STOP: Connection timed out (ETIMEDOUT)");
  EXPECT_EQ(device.state().value(), MigState::running);
}

TEST_F(KernelDeviceTest, DirtyPagesInTheTrackersUnit) {
  EXPECT_TRUE(device.logging_supported());
  ASSERT_EQ(device.logging_start(4096, {{0x10000, 0x40000}, {0x80000, 0x1000}}).value(), 4096U);
  ASSERT_EQ(inner.ranges.size(), 2U);
  EXPECT_EQ(inner.ranges[1].iova, 0x80000U);
  inner.dirty = {0x10000, 0x13000, 0x4f000};
  EXPECT_EQ(device.logging_report(0x10000, 0x40000).value(), (Words{0x10000, 0x13000, 0x4f000}));
  EXPECT_TRUE(device.logging_stop());

  inner.tracked_page = 0x4000;
  ASSERT_EQ(device.logging_start(4096, {{0x10000, 0x40000}}).value(), 0x4000U);
  inner.dirty = {0x14000};
  EXPECT_EQ(device.logging_report(0x10000, 0x40000).value(), (Words{0x14000}));
  inner.logging = false;
  EXPECT_FALSE(device.logging_supported());
  EXPECT_EQ(device.logging_start(4096, {{0, 4096}}).error().code, ENOTTY);
}

}  // namespace
}  // namespace vfsim::driver
