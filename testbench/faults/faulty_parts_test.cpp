// The parts with a defect: in place only when asked for, and broken only where they say.
#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"
#include "testbench/faults/faulty_device.hpp"
#include "testbench/faults/faulty_platform.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;
using driver::MigState;
using driver::Result;
using Bytes = std::vector<std::uint8_t>;

/// A session of some bytes.
class Words final : public driver::MigStream {
 public:
  explicit Words(Bytes bytes) : bytes_(std::move(bytes)) {}
  Result<Bytes> read(std::size_t bytes, bool) override {
    if (over) {
      return driver::fail(ENODEV, "over");
    }
    if (at_ == bytes_.size() && pause) {
      return driver::fail(ENOMSG, "nothing now");
    }
    const std::size_t end = std::min(bytes_.size(), at_ + bytes);
    const Bytes part(bytes_.begin() + static_cast<std::ptrdiff_t>(at_),
                     bytes_.begin() + static_cast<std::ptrdiff_t>(end));
    at_ = end;
    return part;
  }
  Result<std::size_t> write(const std::uint8_t*, std::size_t) override {
    return driver::fail(EBADF, "read only");
  }
  Result<std::size_t> seek(std::uint64_t) override { return driver::fail(ESPIPE, "no position"); }
  std::uint32_t poll() override { return 1; }
  Result<driver::PrecopyInfo> precopy_info() override {
    return driver::PrecopyInfo{false, 800, 400};
  }
  bool over = false;
  bool pause = false;

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

Bytes three_bytes() {  // as an initialiser list it troubles GCC 12's flow analysis
  Bytes bytes(3);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  return bytes;
}

/// Goes to every state at once; STOP_COPY opens a session.
class Device final : public driver::VfioDevice {
 public:
  std::uint64_t migration_flags() const override { return 7; }
  Result<MigState> state() override { return now; }
  Result<std::shared_ptr<driver::MigStream>> set_state(MigState target) override {
    now = target;
    if (target != MigState::stop_copy) {
      return std::shared_ptr<driver::MigStream>();
    }
    stream = std::make_shared<Words>(bytes);
    return std::shared_ptr<driver::MigStream>(stream);
  }
  Result<void> reset() override {
    now = MigState::running;
    ++resets;
    return success();
  }
  Result<std::uint64_t> data_size() override { return std::uint64_t{3}; }
  Result<std::uint64_t> logging_start(std::uint64_t size,
                                      const std::vector<driver::IovaRange>&) override {
    return size;
  }
  Result<void> logging_stop() override { return success(); }
  Result<std::vector<std::uint64_t>> logging_report(std::uint64_t, std::uint64_t) override {
    return std::vector<std::uint64_t>{4096};
  }
  Result<Bytes> save_config() override { return Bytes{9}; }
  Result<void> restore_config(const Bytes&) override { return success(); }

  MigState now = MigState::running;
  Bytes bytes = three_bytes();
  std::shared_ptr<Words> stream;
  int resets = 0;
};

std::unique_ptr<driver::VfioDevice> faulty(Device& device, enum vf_fault fault) {
  return make_faulty_device(device, contract::fault_set({fault}));
}

TEST(FaultyParts, AreInPlaceOnlyForTheirFaults) {
  Device device;
  EXPECT_EQ(make_faulty_device(device, {}), nullptr);
  EXPECT_EQ(faulty(device, VF_FAULT_tx_duplicated), nullptr);
  EXPECT_NE(faulty(device, VF_FAULT_reset_forgotten), nullptr);
}

TEST(FaultyParts, ADeadDescriptorYieldsBytes) {
  Device device;
  const auto broken = faulty(device, VF_FAULT_fd_outlives_session);
  const auto stream = broken->set_state(MigState::stop_copy).value();
  EXPECT_EQ(stream->read(8, false).value(), (Bytes{1, 2, 3}));
  EXPECT_TRUE(stream->read(8, false).value().empty());
  device.stream->over = true;
  EXPECT_EQ(stream->read(2, false).value(), (Bytes{1, 2}));
}

TEST(FaultyParts, ASessionYieldsTheOneBeforeInItsPlace) {
  Device device;
  const auto broken = faulty(device, VF_FAULT_fd_yields_old_session);
  const auto first = broken->set_state(MigState::stop_copy).value();
  EXPECT_EQ(first->read(8, false).value(), (Bytes{1, 2, 3}));
  device.bytes = {4, 5, 6, 7};
  const auto second = broken->set_state(MigState::stop_copy).value();
  EXPECT_EQ(second->read(2, false).value(), (Bytes{1, 2}));
  EXPECT_EQ(second->read(2, false).value(), (Bytes{3, 7}));
}

TEST(FaultyParts, EndsAreMixedUp) {
  Device device;
  const auto early = faulty(device, VF_FAULT_end_in_precopy);
  const auto stream = early->set_state(MigState::stop_copy).value();
  EXPECT_EQ(stream->read(8, false).value().size(), 3U);
  device.stream->pause = true;
  EXPECT_TRUE(stream->read(8, false).value().empty());

  Device other;
  const auto late = faulty(other, VF_FAULT_temporary_end_at_end);
  const auto again = late->set_state(MigState::stop_copy).value();
  EXPECT_EQ(again->read(8, false).value().size(), 3U);
  EXPECT_EQ(again->read(8, false).error().code, ENOMSG);
}

TEST(FaultyParts, SizesLie) {
  Device device;
  const auto small = faulty(device, VF_FAULT_precopy_sizes_too_small)
                         ->set_state(MigState::stop_copy)
                         .value()
                         ->precopy_info()
                         .value();
  EXPECT_EQ(small.initial_bytes, 200U);
  EXPECT_EQ(small.dirty_bytes, 100U);
}

TEST(FaultyParts, AResetIsForgottenOrNotTold) {
  Device device;
  device.now = MigState::stop;
  const auto deaf = faulty(device, VF_FAULT_reset_forgotten);
  EXPECT_TRUE(deaf->reset());
  EXPECT_EQ(device.resets, 0);
  const auto stale = faulty(device, VF_FAULT_reset_state_stale);
  EXPECT_TRUE(stale->reset());
  EXPECT_EQ(device.resets, 1);
  EXPECT_EQ(stale->state().value(), MigState::stop);
  EXPECT_TRUE(stale->set_state(MigState::pre_copy));
  EXPECT_EQ(stale->state().value(), MigState::pre_copy);
}

TEST(FaultyParts, EverySixtyFourthFrameComesTwice) {
  int frames = 0;
  const FrameHandler handler =
      twice_now_and_then([&](const std::uint8_t*, std::uint32_t) { ++frames; });
  for (int i = 0; i < 130; ++i) {
    handler(nullptr, 0);
  }
  EXPECT_EQ(frames, 132);
}

}  // namespace
}  // namespace vfsim::bench
