#include "testbench/linux_host/user_space.hpp"

#include <cerrno>
#include <fmt/format.h>

#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;

constexpr FnRef kVf{0, 1};

/// What the probes heard, one word for each.
struct Heard final : model::Observer {
  void vfio_state(model::Ps, FnRef, std::uint32_t from, std::uint32_t to, int error) override {
    text += fmt::format("{}>{}:{} ", from, to, error);
  }
  void set_state_done(model::Ps, FnRef, std::uint32_t requested, std::uint32_t now, int error) override {
    text += fmt::format("set({},{},{}) ", requested, now, error);
  }
  void device_reset(model::Ps, FnRef, std::uint32_t now, int error) override {
    text += fmt::format("reset({},{}) ", now, error);
  }
  void stream(model::Ps, const model::StreamView& view) override {
    text += fmt::format("stream{}({},{},{},{},{}) ", static_cast<int>(view.op), view.descriptor, view.saving,
                        view.asked, view.error, view.count);
    bytes.assign(view.bytes, view.bytes + (view.bytes == nullptr ? 0 : view.count));
  }
  void precopy_info(model::Ps, const model::PrecopyView& view) override {
    text += fmt::format("precopy({},{},{},{},{}) ", view.descriptor, view.error, view.reinit, view.initial_bytes,
                        view.dirty_bytes);
  }
  void dirty_report(model::Ps, FnRef who, const std::uint64_t* pages, std::size_t count) override {
    text += fmt::format("dirty(vf{}", who.fn - 1);
    for (std::size_t i = 0; i < count; ++i) {
      text += fmt::format(",{:#x}", pages[i]);
    }
    text += ") ";
  }
  void dirty_tracking(model::Ps, FnRef, bool on) override { text += on ? "on " : "off "; }
  std::string take() { return std::exchange(text, ""); }
  std::string text;
  std::vector<std::uint8_t> bytes;
};

/// A host with seven VFs.
struct Bus final : FunctionBus {
  std::vector<FnRef> functions_at(const std::string& address) const override {
    return {{0, static_cast<std::uint8_t>(slot_of_address(address))}};
  }
};

class UserSpaceTest : public testing::Test {
 protected:
  UserSpaceTest() {
    rig.bus().subscribe(heard, {model::Probe::driver});
    rig.learn_vhca(0, 1);
    tell("opened 7");
  }
  void tell(const std::string& words) {
    EXPECT_EQ(user.told(bus, *parse_user_call("0000:00:01.0 " + words)), "");
  }

  CheckerRig rig;
  Heard heard;
  std::uint64_t flags = 0;
  Bus bus;
  UserSpace user{[this] { return rig.now(); }, rig.bus(), rig.rules().view(),
                 [this](std::uint64_t offered) { flags = offered; }};
};

TEST_F(UserSpaceTest, ArcsEndWithTheirCommands) {
  EXPECT_EQ(flags, 7U);
  tell("setting 3");
  rig.suspend(kVf, Half::initiator);
  EXPECT_EQ(heard.take(), "2>5:0 ");
  rig.suspend(kVf, Half::responder);
  EXPECT_EQ(heard.take(), "5>1:0 ");
  tell("was_set 3 3 0");
  EXPECT_EQ(heard.take(), "1>3:0 set(3,3,0) ");
  tell("setting 2");
  rig.resume(kVf, Half::responder);
  EXPECT_EQ(heard.take(), "3>1:0 1>5:0 ");  // the first before its command, which does not concern it
  rig.resume(kVf, Half::initiator);
  tell("was_set 2 2 0");
  EXPECT_EQ(heard.take(), "5>2:0 set(2,2,0) ");
  EXPECT_EQ(rig.violations("F1"), 0U);
  EXPECT_EQ(rig.evaluations("F1"), 8U);
}

TEST_F(UserSpaceTest, AStateThatIsNotItsHalvesIsSeen) {
  tell("setting 1");
  rig.suspend(kVf, Half::initiator);
  tell("was_set 1 1 0");  // the responder was never told to stop
  EXPECT_EQ(heard.take(), "2>5:0 5>1:0 set(1,1,0) ");
  EXPECT_EQ(rig.violations("F1"), 1U);
}

TEST_F(UserSpaceTest, AFailedWalkEndsWhereGetSays) {
  tell("setting 1");
  rig.suspend(kVf, Half::initiator);
  tell("was_set 1 5 5");
  EXPECT_EQ(heard.take(), fmt::format("2>5:0 5>1:{0} set(1,5,{0}) ", EIO));
  tell("setting 0");
  tell("was_set 0 5 16");
  EXPECT_EQ(heard.take(), fmt::format("set(0,5,{}) ", EINVAL));
  EXPECT_EQ(rig.violations("F1"), 0U);
}

TEST_F(UserSpaceTest, CommandsBesideAWalkAreNoArcs) {
  rig.suspend(kVf, Half::initiator);
  EXPECT_EQ(heard.take(), "");
  rig.resume(kVf, Half::initiator);
  EXPECT_EQ(heard.take(), "");
}

TEST_F(UserSpaceTest, Streams) {
  tell("stream 1 1");
  EXPECT_EQ(heard.take(), "stream0(1,true,0,0,0) ");
  tell("bytes 0 ff");
  tell("bytes 10");
  tell("read 1 100 0");
  EXPECT_EQ(heard.take(), "stream1(1,true,256,0,3) ");
  EXPECT_EQ(heard.bytes, (std::vector<std::uint8_t>{0, 0xff, 0x10}));
  tell("read 1 100 2a");
  EXPECT_EQ(heard.take(), "stream1(1,true,256,42,0) ");
  tell("precopy 1 0 1 10 20");
  EXPECT_EQ(heard.take(), "precopy(1,0,true,16,32) ");
  tell("stream 2 0");
  tell("wrote 2 8 0 3");
  EXPECT_EQ(heard.take(), "stream0(2,false,0,0,0) stream2(2,false,8,0,3) ");
}

TEST_F(UserSpaceTest, DirtyPagesAndResets) {
  tell("tracking 1");
  tell("pages 1000 2000");
  tell("pages 5000");
  tell("reported");
  tell("reported");
  tell("tracking 0");
  EXPECT_EQ(heard.take(), "on dirty(vf0,0x1000,0x2000,0x5000) dirty(vf0) off ");
  tell("was_reset 2 0");
  EXPECT_EQ(heard.take(), "2>2:0 reset(2,0) ");
  tell("was_reset 3 19");
  EXPECT_EQ(heard.take(), fmt::format("reset(3,{}) ", ENOTTY));
}

TEST_F(UserSpaceTest, WhatIsNoCallIsRefused) {
  for (const char* line : {"", "0000:00:01.0", "0000:00:01.0 walked", "0000:00:01.0 opened",
                           "0000:00:01.0 opened 7 8", "0000:00:01.0 opened x"}) {
    EXPECT_FALSE(parse_user_call(line)) << line;
  }
  for (const char* address : {"0000:00:01.1", "1:0", "0000:00:01.0x", ""}) {
    EXPECT_LT(slot_of_address(address), 0) << address;
  }
  EXPECT_EQ(slot_of_address("0000:00:08.0"), 8);
  EXPECT_NE(user.told(bus, *parse_user_call("0000:00:00.0 opened 7")), "") << "the PF";
  tell("setting ff");  // no state at all
  tell("was_set ff ff 16");
  tell("setting 2");
  tell("was_set 2 2 0");
}

}  // namespace
}  // namespace vfsim::bench
