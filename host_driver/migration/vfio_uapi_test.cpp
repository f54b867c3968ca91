// The user API at the level of its structures, against a device object without hardware.
#include "host_driver/migration/vfio_uapi.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "firmware/interface/layout.h"

namespace vfsim::driver {
namespace {

using Abi = VfioAbi;

class OneByteStream : public MigStream {
 public:
  Result<std::vector<std::uint8_t>> read(std::size_t, bool) override {
    return std::vector<std::uint8_t>{42};
  }
  Result<std::size_t> write(const std::uint8_t*, std::size_t) override { return fail(EBADF, ""); }
  Result<std::size_t> seek(std::uint64_t) override { return fail(ESPIPE, ""); }
  std::uint32_t poll() override { return 0x41; }
  Result<PrecopyInfo> precopy_info() override { return PrecopyInfo{true, 11, 22}; }
};

class FakeVfioDevice : public VfioDevice {
 public:
  std::uint64_t migration_flags() const override { return flags; }
  Result<MigState> state() override { return now; }
  Result<std::shared_ptr<MigStream>> set_state(MigState target) override {
    if (target == MigState::error) {
      return fail(EINVAL, "");
    }
    now = target;
    return target == MigState::stop_copy ? std::make_shared<OneByteStream>()
                                         : std::shared_ptr<MigStream>();
  }
  Result<void> reset() override { return BOOST_OUTCOME_V2_NAMESPACE::success(); }
  Result<std::uint64_t> data_size() override { return std::uint64_t{0x1234}; }
  void opt_in_precopy_reinit() override { opted_in = true; }
  bool logging_supported() const override { return logging; }
  Result<std::uint64_t> logging_start(std::uint64_t page_size,
                                      const std::vector<IovaRange>& list) override {
    ranges = list;
    return page_size < tracker_page ? tracker_page : page_size;
  }
  Result<void> logging_stop() override { return BOOST_OUTCOME_V2_NAMESPACE::success(); }
  Result<std::vector<std::uint64_t>> logging_report(std::uint64_t, std::uint64_t) override {
    return dirty;
  }
  Result<std::vector<std::uint8_t>> save_config() override { return std::vector<std::uint8_t>(); }
  Result<void> restore_config(const std::vector<std::uint8_t>&) override {
    return BOOST_OUTCOME_V2_NAMESPACE::success();
  }

  std::uint64_t flags = 7;
  MigState now = MigState::running;
  bool opted_in = false, logging = true;
  std::uint64_t tracker_page = 4096;
  std::vector<IovaRange> ranges;
  std::vector<std::uint64_t> dirty;
};

class Uapi : public testing::Test {
 protected:
  template <class T>
  int call(std::uint32_t flags, T& data, std::uint32_t argsz = 8 + sizeof(T)) {
    std::vector<std::uint8_t> arg(8 + sizeof(T));
    const Abi::Header header{argsz, flags};
    std::memcpy(arg.data(), &header, sizeof header);
    std::memcpy(arg.data() + 8, &data, sizeof data);
    const int result = uapi.device_feature(arg.data(), arg.size());
    std::memcpy(&data, arg.data() + 8, sizeof data);
    return result;
  }
  int call(std::uint32_t flags) {
    std::uint64_t none = 0;
    return call(flags, none, 8);
  }
  int start(std::uint64_t page_size, const std::vector<Abi::LoggingRange>& ranges) {
    control = {page_size, static_cast<std::uint32_t>(ranges.size()), 0,
               reinterpret_cast<std::uintptr_t>(ranges.data())};
    return call(Abi::kLoggingStart | Abi::kSet, control);
  }

  FakeVfioDevice device;
  FdTable fds;
  VfioUapi uapi{device, fds};
  Abi::LoggingControl control{};
};

struct FlagCase {
  std::uint32_t flags;
  std::uint32_t argsz;
  int expected;
};

TEST_F(Uapi, FlagAndSizeRules) {
  const FlagCase cases[] = {
      {Abi::kMigration | Abi::kGet, 16, 0},
      {Abi::kMigration | Abi::kGet, 15, -EINVAL},
      {Abi::kMigration | Abi::kGet, 7, -EINVAL},
      {Abi::kMigration, 16, -EINVAL},
      {Abi::kMigration | Abi::kSet, 16, -EINVAL},
      {Abi::kMigration | Abi::kGet | Abi::kSet, 16, -EINVAL},
      {Abi::kMigration | Abi::kGet | 1U << 19, 16, -EINVAL},
      {Abi::kMigration | Abi::kProbe, 8, 0},
      {Abi::kMigration | Abi::kProbe | Abi::kGet, 8, 0},
      {Abi::kMigration | Abi::kProbe | Abi::kSet, 8, -EINVAL},
      {Abi::kMigration | Abi::kProbe | Abi::kGet | Abi::kSet, 8, -EINVAL},
      {Abi::kDeviceState | Abi::kProbe | Abi::kGet | Abi::kSet, 8, 0},
      {Abi::kDeviceState | Abi::kGet, 15, -EINVAL},
      {Abi::kLoggingStart | Abi::kGet, 32, -EINVAL},
      {Abi::kLoggingStop | Abi::kSet, 8, 0},
      {Abi::kLoggingReport | Abi::kSet, 40, -EINVAL},
      {Abi::kDataSize | Abi::kGet, 16, 0},
      {Abi::kPrecopyInfoV2 | Abi::kSet, 8, 0},
      {Abi::kPrecopyInfoV2 | Abi::kGet, 8, -EINVAL},
      {0 | Abi::kSet, 24, -ENOTTY},
      {10 | Abi::kSet, 12, -ENOTTY},
      {99 | Abi::kProbe, 8, -ENOTTY},
  };
  for (const FlagCase& c : cases) {
    std::array<std::uint8_t, 32> data{};
    EXPECT_EQ(call(c.flags, data, c.argsz), c.expected)
        << std::hex << c.flags << " argsz " << c.argsz;
  }
  EXPECT_EQ(uapi.device_feature(nullptr, 16), -EFAULT);
  const Abi::Header longer{64, Abi::kMigration | Abi::kGet};
  std::array<std::uint8_t, 8> small{};
  std::memcpy(small.data(), &longer, 8);
  EXPECT_EQ(uapi.device_feature(small.data(), small.size()), -EFAULT);
}

TEST_F(Uapi, WithoutSupport) {
  device.flags = 3;
  EXPECT_EQ(call(Abi::kPrecopyInfoV2 | Abi::kSet), -EINVAL);
  EXPECT_FALSE(device.opted_in);
  device.flags = 0;
  for (const std::uint32_t feature : {Abi::kMigration, Abi::kDeviceState, Abi::kDataSize}) {
    EXPECT_EQ(call(feature | Abi::kProbe), -ENOTTY);
  }
  device.logging = false;
  for (const std::uint32_t feature : {Abi::kLoggingStart, Abi::kLoggingStop, Abi::kLoggingReport}) {
    EXPECT_EQ(call(feature | Abi::kProbe), -ENOTTY);
  }
}

TEST_F(Uapi, DeviceStateAndDescriptor) {
  Abi::DeviceState state{3, 0};
  ASSERT_EQ(call(Abi::kDeviceState | Abi::kSet, state), 0);
  const int fd = state.data_fd;
  EXPECT_GE(fd, 3);
  std::uint8_t byte = 0;
  EXPECT_EQ(uapi.read(fd, &byte, 1, false), 1);
  EXPECT_EQ(byte, 42);
  EXPECT_EQ(uapi.write(fd, &byte, 1), -EBADF);
  EXPECT_EQ(uapi.pread(fd, &byte, 1, 5), -ESPIPE);
  EXPECT_EQ(uapi.poll(fd), 0x41U);
  ASSERT_EQ(call(Abi::kDeviceState | Abi::kGet, state), 0);
  EXPECT_EQ(state.state, 3U);
  EXPECT_EQ(state.data_fd, -1);
  for (const std::uint32_t bad : {0U, 8U}) {
    state = {bad, 77};
    EXPECT_EQ(call(Abi::kDeviceState | Abi::kSet, state), -EINVAL);
    EXPECT_EQ(state.data_fd, -1);
  }
  EXPECT_EQ(uapi.close(fd), 0);
  EXPECT_EQ(uapi.close(fd), -EBADF);
  EXPECT_EQ(uapi.read(fd, &byte, 1, false), -EBADF);
  EXPECT_EQ(uapi.poll(fd), 0x20U);
}

TEST_F(Uapi, PrecopyInformation) {
  const int fd = fds.open(std::make_shared<OneByteStream>());
  Abi::PrecopyInfo info{24, 0, 0, 0};
  EXPECT_EQ(uapi.mig_ioctl(fd, Abi::kIoctlDeviceFeature, &info, sizeof info), -ENOTTY);
  info.argsz = 23;
  EXPECT_EQ(uapi.mig_ioctl(fd, Abi::kIoctlPrecopyInfo, &info, sizeof info), -EINVAL);
  info.argsz = 24;
  ASSERT_EQ(uapi.mig_ioctl(fd, Abi::kIoctlPrecopyInfo, &info, sizeof info), 0);
  EXPECT_EQ(info.initial_bytes, 11U);
  EXPECT_EQ(info.dirty_bytes, 22U);
  EXPECT_EQ(info.flags, 0U);  // reserved until the caller opts in
  ASSERT_EQ(call(Abi::kPrecopyInfoV2 | Abi::kSet), 0);
  EXPECT_TRUE(device.opted_in);
  ASSERT_EQ(uapi.mig_ioctl(fd, Abi::kIoctlPrecopyInfo, &info, sizeof info), 0);
  EXPECT_EQ(info.flags, 1U);
  EXPECT_EQ(uapi.mig_ioctl(99, Abi::kIoctlPrecopyInfo, &info, sizeof info), -EBADF);
}

TEST_F(Uapi, LoggingRanges) {
  EXPECT_EQ(start(4096, {}), -EINVAL);
  EXPECT_EQ(start(4096, std::vector<Abi::LoggingRange>(257, {0, 4096})), -E2BIG);
  EXPECT_EQ(start(4096, {{0x800, 4096}}), -EINVAL);
  EXPECT_EQ(start(4096, {{0x1000, 0x800}}), -EINVAL);
  EXPECT_EQ(start(4096, {{0xfffffffffffff000, 0x2000}}), -EOVERFLOW);
  EXPECT_EQ(start(4096, {{0x1000, 0x2000}, {0x2000, 0x1000}}), -EINVAL);
  EXPECT_TRUE(device.ranges.empty());
  device.tracker_page = 8192;
  EXPECT_EQ(start(4096, {{0x4000, 0x2000}, {0, 0x4000}}), 0);
  EXPECT_EQ(control.page_size, 8192U);
  ASSERT_EQ(device.ranges.size(), 2U);
  EXPECT_EQ(device.ranges[0].iova, 0x4000U);
}

TEST_F(Uapi, LoggingReportSetsBits) {
  device.tracker_page = 8192;
  ASSERT_EQ(start(4096, {{0, 0x100000}}), 0);
  device.dirty = {0x1e000, 0x50000};
  std::array<std::uint64_t, 2> bitmap = {1, 0};
  Abi::LoggingReport report{0x10000, 0x41000, 4096,
                            reinterpret_cast<std::uintptr_t>(bitmap.data())};
  ASSERT_EQ(call(Abi::kLoggingReport | Abi::kGet, report), 0);
  EXPECT_EQ(bitmap[0],
            1U | 1U << 14 | 1U << 15);  // 0x1e000 is 14 pages behind 0x10000, and counts twice
  EXPECT_EQ(bitmap[1], 1U);             // 0x50000: only its first half lies in the range
  for (const std::uint64_t page : {std::uint64_t{2048}, std::uint64_t{0x3000}}) {
    report.page_size = page;
    EXPECT_EQ(call(Abi::kLoggingReport | Abi::kGet, report), -EINVAL);
  }
  report = {0xffffffffffff0000, 0x20000, 4096, report.bitmap};
  EXPECT_EQ(call(Abi::kLoggingReport | Abi::kGet, report), -EOVERFLOW);
}

TEST_F(Uapi, DataSize) {
  std::uint64_t size = 0;
  ASSERT_EQ(call(Abi::kDataSize | Abi::kGet, size), 0);
  EXPECT_EQ(size, 0x1234U);
}

}  // namespace
}  // namespace vfsim::driver
