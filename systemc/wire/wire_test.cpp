#include "systemc/wire/wire.hpp"

#include <functional>
#include <systemc>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vfsim::model {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

constexpr std::uint32_t kGbps = 100;

/// A station: owns MAC 02:..:<id>, keeps sequence numbers (byte 14) and times of accepted frames.
class Station final : public WireEndpoint, public FrameFate {
 public:
  Station(Calendar& calendar, EthernetWire& wire, std::uint8_t id, Relay relay = Relay::none)
      : calendar_(calendar), id_(id) {
    port = &wire.attach(*this, this, relay);
  }
  FrameDrop frame_arrived(const std::uint8_t* bytes, std::uint32_t length) override {
    if (answer == FrameDrop::none) {
      got.push_back(bytes[14]);
      times.push_back(calendar_.now());
      lengths.push_back(length);
    }
    return answer;
  }
  [[nodiscard]] bool owns_mac(const std::uint8_t* mac) const override {
    return owner && mac[5] == id_;
  }
  void dropped(const std::uint8_t* bytes, std::uint32_t length) override {
    lost.push_back(length > 14 ? bytes[14] : 0);
    if (on_drop) {
      on_drop(bytes, length);
    }
  }
  void taken(const std::uint8_t* bytes, std::uint32_t length) override {
    arrived.push_back(length > 14 ? bytes[14] : 0);
  }
  void send(std::uint8_t to, std::uint8_t sequence, std::uint32_t length = 100,
            std::uint8_t first = 2) {
    std::vector<std::uint8_t> frame(std::max<std::uint32_t>(length, 15));
    frame[0] = first;
    frame[5] = to;
    frame[14] = sequence;
    port->send(frame.data(), length);
  }

  WirePort* port = nullptr;
  bool owner = true;
  FrameDrop answer = FrameDrop::none;
  std::function<void(const std::uint8_t*, std::uint32_t)> on_drop;
  std::vector<int> got;
  std::vector<int> lost;
  std::vector<int> arrived;  // of its own frames
  std::vector<Ps> times;
  std::vector<std::uint32_t> lengths;

 private:
  Calendar& calendar_;
  const std::uint8_t id_;
};

class Script final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Script);
  explicit Script(std::function<void()> body)
      : sc_module(sc_core::sc_module_name("script")), body_(std::move(body)) {
    SC_THREAD(run);
  }

 private:
  void run() { body_(); }
  std::function<void()> body_;
};

void pass(Ps time) {
  sc_core::wait(sc_core::sc_time::from_value(time));
}

class WireTest : public testing::Test {
 protected:
  explicit WireTest(const char* unowned = "hold") : params_{params(unowned)} {}
  static WireParams params(const char* unowned) {
    WireParams p;
    p.unowned = unowned;
    p.hold_frames = 8;
    return p;
  }
  Calendar calendar_{"calendar"};
  WireParams params_;
  EthernetWire wire_{calendar_, params_, kGbps, 1518};
  Station a_{calendar_, wire_, 1};
  Station b_{calendar_, wire_, 2};
  Station peer_{calendar_, wire_, 3};
};

TEST_F(WireTest, frames_take_line_time_and_latency) {
  peer_.send(1, 10, 1500);
  peer_.send(1, 11, 40);
  EXPECT_EQ(wire_.duration(1500), (1500U + 24) * 80);  // 8 bits at 100 Gb/s: 80 ps
  EXPECT_EQ(wire_.duration(40), (60U + 24) * 80);
  EXPECT_EQ(peer_.port->tx_free_at(), wire_.duration(1500) + wire_.duration(40));
  EXPECT_EQ(wire_.in_flight(), 2U);
  sc_core::sc_start();
  EXPECT_THAT(a_.got, ElementsAre(10, 11));
  EXPECT_THAT(a_.lengths, ElementsAre(1500, 40));
  const Ps first = wire_.duration(1500) + params_.latency_ns * kNs;
  EXPECT_THAT(a_.times, ElementsAre(first, first + wire_.duration(40)));
  EXPECT_THAT(b_.got, IsEmpty());
  EXPECT_EQ(wire_.counters().delivered, 2U);
}

TEST_F(WireTest, multicast_reaches_all_others) {
  a_.send(0xff, 5, 100, 0xff);
  b_.answer = FrameDrop::suspended;
  sc_core::sc_start();
  EXPECT_THAT(a_.got, IsEmpty());
  EXPECT_THAT(b_.got, IsEmpty());
  EXPECT_THAT(peer_.got, ElementsAre(5));
  EXPECT_EQ(wire_.counters().delivered, 1U);
  EXPECT_EQ(wire_.waiting(), 0U);
}

TEST_F(WireTest, frames_wait_for_their_owner_and_keep_their_order) {
  a_.answer = FrameDrop::suspended;
  for (std::uint8_t i = 0; i < 5; ++i) {
    peer_.send(1, i);
  }
  peer_.send(2, 77);  // another MAC is not held up
  Script script([&] {
    pass(120 * kUs);
    EXPECT_THAT(b_.got, ElementsAre(77));
    EXPECT_EQ(wire_.waiting(), 5U);
    peer_.send(1, 5);
    a_.owner = false;
    pass(100 * kUs);
    EXPECT_EQ(wire_.waiting(), 6U);
    a_.owner = true;
    a_.answer = FrameDrop::none;
    peer_.send(1, 6);
  });
  sc_core::sc_start();
  EXPECT_THAT(a_.got, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ(wire_.waiting(), 0U);
  // Held frames follow each other at line rate.
  EXPECT_EQ(a_.times[3] - a_.times[2], wire_.duration(100));
  EXPECT_EQ(wire_.counters().held, 7U);
  EXPECT_EQ(wire_.counters().dropped, 0U);
  EXPECT_GE(wire_.counters().retried, 7U);
}

TEST_F(WireTest, the_mac_moves_to_the_other_nic) {
  a_.answer = FrameDrop::suspended;
  peer_.send(1, 1);
  Script script([&] {
    pass(60 * kUs);
    a_.owner = false;
    const auto moved = std::make_unique<Station>(calendar_, wire_, std::uint8_t{1});
    pass(100 * kUs);
    EXPECT_THAT(moved->got, ElementsAre(1));
  });
  sc_core::sc_start();
  EXPECT_THAT(a_.got, IsEmpty());
}

TEST_F(WireTest, the_hold_is_limited) {
  a_.owner = false;
  for (std::uint8_t i = 0; i < 10; ++i) {
    peer_.send(1, i);
  }
  Script script([&] {
    pass(10 * kUs);
    a_.owner = true;
  });
  sc_core::sc_start();
  EXPECT_THAT(a_.got, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(peer_.lost, ElementsAre(8, 9));
  EXPECT_THAT(peer_.arrived, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7)) << "the fate of each frame";
}

TEST_F(WireTest, hopeless_frames_are_dropped) {
  a_.answer = FrameDrop::too_long;
  peer_.send(1, 1);
  peer_.send(1, 2, 4000);
  peer_.send(1, 3, 13);
  sc_core::sc_start();
  EXPECT_EQ(wire_.counters().sent, 3U);
  EXPECT_EQ(wire_.counters().dropped, 3U);
  EXPECT_EQ(wire_.waiting(), 0U);
}

class RelayTest : public WireTest {
 protected:
  Station nic_{calendar_, wire_, 4, Relay::reflective};
};

TEST_F(RelayTest, a_frame_to_the_sending_port_comes_back) {
  nic_.send(4, 4);
  nic_.send(2, 5);
  a_.send(1, 6);
  Script script([&] {
    pass(20 * kUs);
    EXPECT_EQ(wire_.waiting(), 1U) << "the other port is none";
    const auto elsewhere = std::make_unique<Station>(calendar_, wire_, std::uint8_t{1});
    pass(20 * kUs);
    EXPECT_THAT(elsewhere->got, ElementsAre(6));
  });
  sc_core::sc_start();
  EXPECT_THAT(nic_.got, ElementsAre(4));
  EXPECT_THAT(b_.got, ElementsAre(5));
  EXPECT_THAT(a_.got, IsEmpty());
  EXPECT_EQ(nic_.times[0], wire_.duration(100) + params_.latency_ns * kNs) << "as any other";
}

TEST_F(RelayTest, a_multicast_comes_back_too) {
  nic_.send(0xff, 5, 100, 0xff);
  sc_core::sc_start();
  EXPECT_THAT(nic_.got, ElementsAre(5));
  EXPECT_THAT(a_.got, ElementsAre(5));
}

TEST_F(RelayTest, what_its_own_port_does_not_take_yet_waits_for_it) {
  nic_.answer = FrameDrop::suspended;
  nic_.send(4, 4);
  nic_.send(4, 5);
  Script script([&] {
    pass(100 * kUs);
    EXPECT_EQ(wire_.waiting(), 2U);
    nic_.answer = FrameDrop::none;
  });
  sc_core::sc_start();
  EXPECT_THAT(nic_.got, ElementsAre(4, 5));
}

class DroppingWireTest : public WireTest {
 protected:
  DroppingWireTest() : WireTest("drop") {}
};

TEST_F(DroppingWireTest, the_sender_hears_of_it_and_sends_again) {
  a_.answer = FrameDrop::not_ready;
  peer_.on_drop = [&](const std::uint8_t* bytes, std::uint32_t length) {
    a_.answer = FrameDrop::none;
    peer_.port->send(bytes, length);
  };
  peer_.send(1, 9);
  sc_core::sc_start();
  EXPECT_THAT(a_.got, ElementsAre(9));
  EXPECT_THAT(peer_.lost, ElementsAre(9));
  EXPECT_THAT(peer_.arrived, ElementsAre(9));
  EXPECT_EQ(wire_.counters().dropped, 1U);
  EXPECT_EQ(wire_.counters().sent, 2U);
  EXPECT_EQ(wire_.counters().held, 0U);
}

TEST_F(DroppingWireTest, a_sender_that_cannot_hear_of_it_need_not) {
  WirePort& deaf = wire_.attach(peer_);
  const auto send = [&deaf](std::uint8_t sequence) {
    std::vector<std::uint8_t> frame(100);
    frame[0] = 2;
    frame[5] = 1;
    frame[14] = sequence;
    deaf.send(frame.data(), 100);
  };
  a_.answer = FrameDrop::not_ready;
  send(1);
  send(2);
  Script script([&] {
    pass(20 * kUs);
    a_.answer = FrameDrop::none;
    pass(20 * kUs);
    a_.answer = FrameDrop::suspended;
    send(3);
    pass(20 * kUs);
    a_.answer = FrameDrop::none;
  });
  sc_core::sc_start();
  EXPECT_THAT(a_.got, ElementsAre(1, 2));
  EXPECT_EQ(wire_.counters().held, 2U);
  EXPECT_EQ(wire_.counters().dropped, 1U);
}

}  // namespace
}  // namespace vfsim::model
