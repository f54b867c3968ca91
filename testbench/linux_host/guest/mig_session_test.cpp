// The commands of migctl against a device object.
#include "testbench/linux_host/guest/mig_session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include <gtest/gtest.h>

namespace vfsim::guest {
namespace {

using driver::fail;
using driver::MigState;
using driver::ok;
using driver::Result;
using testing::Test;

struct Stream final : driver::MigStream {
  Result<std::vector<std::uint8_t>> read(std::size_t bytes, bool) override {
    if (data.empty() && error != 0) {
      return fail(error, "read of the device state: failed");
    }
    const auto part = static_cast<std::ptrdiff_t>(std::min(bytes, data.size()));
    std::vector<std::uint8_t> out(data.begin(), data.begin() + part);
    data.erase(data.begin(), data.begin() + part);
    return out;
  }
  Result<std::size_t> write(const std::uint8_t* from, std::size_t bytes) override {
    if (error != 0) {
      return fail(error, "write of the device state: failed");
    }
    const std::size_t some = std::min<std::size_t>(bytes, 3);  // the rest with the next call
    data.insert(data.end(), from, from + some);
    return some;
  }
  Result<std::size_t> seek(std::uint64_t) override { return fail(ESPIPE, ""); }
  std::uint32_t poll() override { return 1; }
  Result<driver::PrecopyInfo> precopy_info() override {
    return driver::PrecopyInfo{false, 434, 20};
  }

  std::vector<std::uint8_t> data;
  int error = 0;
};

struct Device final : driver::VfioDevice {
  std::uint64_t migration_flags() const override { return flags; }
  Result<MigState> state() override { return now; }
  Result<std::shared_ptr<driver::MigStream>> set_state(MigState target) override {
    if (refuse != 0) {
      return fail(refuse, "refused (EIO)");
    }
    now = target;
    stream = std::make_shared<Stream>(next);
    return std::shared_ptr<driver::MigStream>(stream);
  }
  Result<void> reset() override {
    now = MigState::running;
    return ok();
  }
  Result<std::uint64_t> data_size() override { return std::uint64_t{206}; }
  Result<std::uint64_t> logging_start(std::uint64_t page,
                                      const std::vector<driver::IovaRange>& list) override {
    ranges = list;
    return page;
  }
  Result<void> logging_stop() override { return ok(); }
  Result<std::vector<std::uint64_t>> logging_report(std::uint64_t, std::uint64_t) override {
    return std::vector<std::uint64_t>{0x1000, 0x5000};
  }
  Result<std::vector<std::uint8_t>> save_config() override { return std::vector<std::uint8_t>(); }
  Result<void> restore_config(const std::vector<std::uint8_t>&) override { return ok(); }

  std::uint64_t flags = 7;
  MigState now = MigState::running;
  int refuse = 0;
  Stream next;
  std::shared_ptr<Stream> stream;
  std::vector<driver::IovaRange> ranges;
};

class Session : public Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/session-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  void expect(const Words& words, int status, const std::string& text) {
    const Answer answer = session.run(words);
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.text, text);
  }
  std::string content(const std::string& name) {
    std::ifstream file(folder + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string folder;
  Device device;
  driver::Nanoseconds now{0};
  MigSession session{"vf0", device, [this] { return now += driver::Nanoseconds(500'000); }};
};

TEST_F(Session, TellsFlagsStateAndSize) {
  expect({"flags"}, kDone,
         "vf0: migration flags 0x7 STOP_COPY P2P PRE_COPY, dirty tracking yes (0.500 ms)");
  expect({"state"}, kDone, "vf0: state RUNNING (0.500 ms)");
  expect({"size"}, kDone, "vf0: device state of at most 206 bytes (0.500 ms)");
  device.flags = 0;
  expect({"flags"}, kRefused, "vf0: no migration; the state is RUNNING (0.500 ms)");
}

TEST_F(Session, WalksAndSaysWhereItStopped) {
  expect({"set", "stop_copy"}, kDone, "vf0: RUNNING -> STOP_COPY (0.500 ms)");
  device.refuse = EIO;
  expect({"set", "RUNNING"}, kRefused, "vf0: refused (EIO); the state is STOP_COPY (0.500 ms)");
  expect({"set", "WALKING"}, kWrongUse,
         "'WALKING' is no state; allowed are ERROR STOP RUNNING STOP_COPY RESUMING RUNNING_P2P "
         "PRE_COPY PRE_COPY_P2P");
}

TEST_F(Session, SavesRoundsIntoOneFile) {
  device.next.data = {1, 2, 3};
  device.next.error = ENOMSG;
  ASSERT_EQ(session.run({"set", "PRE_COPY"}).status, kDone);
  expect({"precopy"}, kDone, "vf0: pre-copy: initial 434 bytes, dirty 20 bytes (0.500 ms)");
  expect({"save", folder + "/image"}, kDone,
         "vf0: saved 3 bytes, no more for now, crc32c f130f21e (0.500 ms)");
  device.stream->data = {4};
  device.stream->error = 0;
  EXPECT_NE(session.run({"save", folder + "/image"}).text.find("saved 1 bytes, complete"),
            std::string::npos);
  EXPECT_EQ(content("image"), "\x01\x02\x03\x04");
  device.stream->error = ENODEV;
  expect({"save", folder + "/image"}, kRefused,
         "vf0: read of the device state: failed; the state is PRE_COPY (0.500 ms)");
  ASSERT_EQ(session.run({"reset"}).status, kDone);
  EXPECT_EQ(session.run({"save", folder + "/image"}).text,
            "vf0: no data stream is open; the state is RUNNING (0.500 ms)");
}

TEST_F(Session, LoadsAllOfAFile) {
  std::ofstream(folder + "/image") << "12345678";
  ASSERT_EQ(session.run({"set", "RESUMING"}).status, kDone);
  expect({"load", folder + "/image"}, kDone, "vf0: loaded 8 bytes, crc32c 6087809a (0.500 ms)");
  EXPECT_EQ(std::string(device.stream->data.begin(), device.stream->data.end()), "12345678");
  device.stream->error = EIO;
  EXPECT_EQ(session.run({"load", folder + "/image"}).status, kRefused);
  EXPECT_EQ(session.run({"load", folder + "/none"}).status, kRefused);
}

TEST_F(Session, DirtyTracking) {
  expect({"dirty", "start", "0x1000+0x8000", "65536+4096"}, kDone,
         "vf0: dirty tracking is on, 2 ranges, pages of 4096 bytes (0.500 ms)");
  ASSERT_EQ(device.ranges.size(), 2U);
  EXPECT_EQ(device.ranges[0].length, 0x8000U);
  EXPECT_EQ(device.ranges[1].iova, 65536U);
  expect({"dirty", "report", folder + "/pages", "0x1000+0x8000", "0x10000+0x1000"}, kDone,
         "vf0: 4 dirty pages (0.500 ms)");
  EXPECT_EQ(content("pages"), "0x1000\n0x5000\n0x1000\n0x5000\n");
  EXPECT_EQ(session.run({"dirty", "report", folder + "/no/pages", "1+2"}).status, kRefused);
  expect({"dirty", "stop"}, kDone, "vf0: dirty tracking is off (0.500 ms)");
  for (const Words& words : {Words{"dirty", "start"},
                             {"dirty", "start", "0x1000"},
                             {"dirty", "start", "1+2x"},
                             {"dirty", "report", "f"},
                             {"dirty", "stop", "1+2"},
                             {"dirty", "report", "f", "g"}}) {
    EXPECT_EQ(session.run(words).status, kWrongUse) << words.back();
  }
}

TEST_F(Session, WrongUse) {
  expect({"walk"}, kWrongUse,
         "unknown command 'walk'; allowed are flags state set size precopy save load dirty reset");
  expect({}, kWrongUse,
         "unknown command ''; allowed are flags state set size precopy save load dirty reset");
  expect({"set"}, kWrongUse, "usage: set STATE");
  expect({"state", "now"}, kWrongUse, "usage: state");
}

}  // namespace
}  // namespace vfsim::guest
