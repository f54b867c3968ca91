// What a device that reports says of each call.
#include "testbench/linux_host/guest/reporting_device.hpp"

#include <cerrno>

#include <gtest/gtest.h>

namespace vfsim::guest {
namespace {

using driver::fail;
using driver::MigState;
using driver::ok;
using driver::Result;
using Lines = std::vector<std::string>;

struct Stream final : driver::MigStream {
  Result<std::vector<std::uint8_t>> read(std::size_t bytes, bool) override {
    if (bytes == 0) {
      return fail(ENOMSG, "");
    }
    return std::vector<std::uint8_t>(bytes, 0xab);
  }
  Result<std::size_t> write(const std::uint8_t*, std::size_t bytes) override { return bytes / 2; }
  Result<std::size_t> seek(std::uint64_t) override { return fail(ESPIPE, ""); }
  std::uint32_t poll() override { return 1; }
  Result<driver::PrecopyInfo> precopy_info() override { return driver::PrecopyInfo{true, 16, 32}; }
};

struct Device final : driver::VfioDevice {
  std::uint64_t migration_flags() const override { return 7; }
  Result<MigState> state() override { return MigState::stop; }
  Result<std::shared_ptr<driver::MigStream>> set_state(MigState target) override {
    if (target == MigState::error) {
      return fail(EINVAL, "");
    }
    return target == MigState::stop ? std::shared_ptr<driver::MigStream>()
                                    : std::make_shared<Stream>();
  }
  Result<void> reset() override { return ok(); }
  Result<std::uint64_t> data_size() override { return std::uint64_t{0}; }
  Result<std::uint64_t> logging_start(std::uint64_t page,
                                      const std::vector<driver::IovaRange>&) override {
    return page;
  }
  Result<void> logging_stop() override { return ok(); }
  Result<std::vector<std::uint64_t>> logging_report(std::uint64_t, std::uint64_t) override {
    return std::vector<std::uint64_t>(bench::kUserCallNumbers + 1, 0x1000);
  }
  Result<std::vector<std::uint8_t>> save_config() override { return std::vector<std::uint8_t>(); }
  Result<void> restore_config(const std::vector<std::uint8_t>&) override { return ok(); }
};

class Reporting : public testing::Test {
 protected:
  Lines said() { return std::exchange(lines, {}); }
  Device inner;
  Lines lines;
  ReportingDevice device{inner, "0000:00:01.0", [this](const std::string& line) {
                           EXPECT_TRUE(bench::parse_user_call(line)) << line;
                           lines.push_back(line.substr(line.find(' ') + 1));
                         }};
};

TEST_F(Reporting, StatesAndStreams) {
  EXPECT_EQ(said(), Lines{"opened 7"});
  ASSERT_TRUE(device.set_state(MigState::stop));
  EXPECT_EQ(said(), (Lines{"setting 1", "was_set 1 1 0"}));
  EXPECT_FALSE(device.set_state(MigState::error));
  EXPECT_EQ(said(), (Lines{"setting 0", "was_set 0 1 16"}));
  auto saving = device.set_state(MigState::pre_copy);
  ASSERT_TRUE(saving);
  EXPECT_EQ(said(), (Lines{"setting 6", "was_set 6 1 0", "stream 1 1"}));
  ASSERT_TRUE(saving.value()->read(2, false));
  EXPECT_FALSE(saving.value()->read(0, false));
  ASSERT_TRUE(saving.value()->precopy_info());
  EXPECT_EQ(said(), (Lines{"bytes ab ab", "read 1 2 0", "read 1 0 2a", "precopy 1 0 1 10 20"}));
  auto loading = device.set_state(MigState::resuming);
  ASSERT_TRUE(loading);
  const std::uint8_t data[8] = {};
  ASSERT_TRUE(loading.value()->write(data, sizeof data));
  EXPECT_EQ(said(), (Lines{"setting 4", "was_set 4 1 0", "stream 2 0", "wrote 2 8 0 4"}));
}

TEST_F(Reporting, ResetsAndDirtyPages) {
  said();
  ASSERT_TRUE(device.reset());
  ASSERT_TRUE(device.logging_start(4096, {}));
  ASSERT_TRUE(device.logging_stop());
  EXPECT_EQ(said(), (Lines{"resetting", "was_reset 1 0", "tracking 1", "tracking 0"}));
  ASSERT_TRUE(device.logging_report(0, 0));
  const Lines report = said();
  ASSERT_EQ(report.size(), 3U);  // in lines of kUserCallNumbers
  EXPECT_EQ(report[1], "pages 1000");
  EXPECT_EQ(report[2], "reported");
}

}  // namespace
}  // namespace vfsim::guest
