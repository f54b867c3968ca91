#include "testbench/linux_host/guest_traffic.hpp"

#include <fmt/format.h>

#include <gtest/gtest.h>

#include "testbench/workload/frames.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Observer;
using model::Probe;

constexpr std::uint32_t kGuest = 5;
constexpr FnRef kVf{0, 1};

/// A host with one function in each of eight slots, or a VM, whose only one it is.
struct Bus final : FunctionBus {
  std::vector<FnRef> functions_at(const std::string& address) const override {
    const auto slot = static_cast<std::uint8_t>(slot_of_address(address));
    return vm ? std::vector<FnRef>{{host, 1}, {static_cast<std::uint8_t>(1 - host), 1}}
              : std::vector<FnRef>{{host, slot}};
  }
  std::uint8_t host = 0;
  bool vm = false;
};

class GuestTrafficTest : public testing::Test {
 protected:
  GuestTrafficTest() {
    oracle.on_sighting([] { return model::Ps{7}; }, [this](const Sighting& s) { seen.push_back(s); });
  }
  std::string told(const std::string& words) {
    const auto call = parse_user_call("0000:00:01.0 " + words);
    return call ? traffic.told(bus, *call) : "no call";
  }
  void tell(const std::string& words) { EXPECT_EQ(told(words), "") << words; }
  void up() { tell(fmt::format("uses {:x}", kGuest)); }

  static Frame frame(std::uint64_t number, bool echo = false) {
    Frame made = numbered_frame(client_mac(kGuest), guest_mac(kGuest), number, 100);
    if (echo) {
      set_macs(made, guest_mac(kGuest), client_mac(kGuest));
    }
    return made;
  }
  static FrameHash hash(const Frame& bytes) { return frame_hash(bytes.data(), bytes.size()); }
  void post(std::uint64_t number) { tell(fmt::format("posted {:x} {:x}", kGuest, hash(frame(number)))); }
  void leave(const Frame& bytes, FnRef who = kVf) {
    bus_of_probes.emit<Probe::frame>(&Observer::frame_sent, model::Ps{1}, who, bytes.data(), 100U);
  }
  void arrive(const Frame& bytes) {
    oracle.on_wire(kGuest, bytes.data(), bytes.size());
    oracle.offered(kGuest);
  }
  void accept(const Frame& bytes, FnRef who = kVf) {
    bus_of_probes.emit<Probe::frame>(&Observer::frame_received, model::Ps{2}, who, bytes.data(), 100U,
                                     model::FrameDrop::none);
  }
  void deliver(const Frame& bytes) { tell(fmt::format("delivered {:x} {:x}", kGuest, hash(bytes))); }
  /// The whole way of a frame.
  void there_and_back(std::uint64_t number) {
    post(number);
    leave(frame(number));
    arrive(frame(number));
    accept(frame(number, true));
    deliver(frame(number, true));
    tell(fmt::format("completed {:x} {:x}", kGuest, ++completed));
  }
  void reset(FnRef who = kVf) {
    bus_of_probes.emit<Probe::function_reset>(&Observer::function_reset, model::Ps{3}, who);
  }
  [[nodiscard]] std::uint64_t wrong() {
    oracle.tell_losses();
    return oracle.figures().packets_wrong();
  }

  model::ProbeBus bus_of_probes;
  Oracle oracle{bus_of_probes, 256};
  GuestTraffic traffic{oracle};
  Bus bus;
  std::vector<Sighting> seen;
  std::uint64_t completed = 0;
};

TEST_F(GuestTrafficTest, EveryFrameOnce) {
  up();
  for (std::uint64_t n = 0; n < 3; ++n) {
    there_and_back(n);
  }
  const OracleFigures f = oracle.figures();
  EXPECT_EQ(f.tx_posted, 3U);
  EXPECT_EQ(f.tx_on_wire, 3U);
  EXPECT_EQ(f.tx_completed, 3U);
  EXPECT_EQ(f.rx_accepted, 3U);
  EXPECT_EQ(f.rx_delivered, 3U);
  EXPECT_EQ(wrong(), 0U);
  EXPECT_TRUE(seen.empty());
}

TEST_F(GuestTrafficTest, WhatIsWrongOnTheWayOutIsSeen) {
  up();
  post(0);
  post(1);
  post(2);
  arrive(frame(1));
  arrive(frame(0));  // late
  arrive(frame(1));  // again
  Frame spoilt = frame(2);
  spoilt.back() ^= 1;
  arrive(spoilt);
  const OracleFigures f = oracle.figures();
  EXPECT_EQ(f.reordered, 1U);
  EXPECT_EQ(f.duplicated, 1U);
  EXPECT_EQ(f.corrupted, 1U);
  EXPECT_EQ(f.lost, 1U);
  ASSERT_FALSE(seen.empty());
  EXPECT_STREQ(seen[0].rule, "X1");
  EXPECT_EQ(seen[0].who.fn, 1U);
}

TEST_F(GuestTrafficTest, WhatIsWrongOnTheWayInIsSeen) {
  up();
  for (std::uint64_t n = 0; n < 3; ++n) {
    accept(frame(n, true));
  }
  deliver(frame(1, true));
  deliver(frame(0, true));
  deliver(frame(1, true));
  Frame spoilt = frame(2, true);
  spoilt.back() ^= 1;
  deliver(spoilt);
  const OracleFigures f = oracle.figures();
  EXPECT_EQ(f.reordered, 1U);
  EXPECT_EQ(f.duplicated, 1U);
  EXPECT_EQ(f.corrupted, 1U);
  EXPECT_EQ(f.lost, 1U);
}

TEST_F(GuestTrafficTest, EverySendCompletesOnce) {
  up();
  there_and_back(0);
  there_and_back(1);
  EXPECT_EQ(wrong(), 0U);
  tell(fmt::format("completed {:x} 1", kGuest));
  EXPECT_EQ(wrong(), 1U);
  tell(fmt::format("completed {:x} 3", kGuest));
  EXPECT_EQ(wrong(), 1U);
}

TEST_F(GuestTrafficTest, AResetThatIsToldTakesWhatIsUnderWay) {
  up();
  there_and_back(0);
  post(1);
  leave(frame(1));  // it has left: it must come
  post(2);
  oracle.offered(kGuest);
  accept(frame(7, true));
  tell("resetting");
  reset();
  tell("was_reset 2 0");
  post(3);  // nobody told the driver yet
  arrive(frame(1));
  EXPECT_EQ(wrong(), 1U) << "the echo of frame 1 was not taken yet";
  accept(frame(1, true));
  tell(fmt::format("abandoned {:x} 1", kGuest));
  deliver(frame(1, true));
  EXPECT_EQ(wrong(), 0U);
  EXPECT_EQ(oracle.figures().tx_abandoned, 3U);
  EXPECT_EQ(oracle.figures().tx_discarded, 2U);
  EXPECT_EQ(oracle.figures().rx_discarded, 1U);
  there_and_back(4);
  EXPECT_EQ(oracle.figures().packets_wrong(), 0U);
  post(5);
  EXPECT_GT(oracle.figures().packets_wrong(), 0U) << "the driver is up again";
}

TEST_F(GuestTrafficTest, OtherResetsTakeNothing) {
  up();
  post(0);
  reset();  // nobody asked for it
  EXPECT_EQ(oracle.figures().lost, 1U);
  tell("resetting");
  reset({0, 2});
  reset({1, 1});
  EXPECT_EQ(oracle.figures().lost, 1U);
  tell("was_reset 2 13");  // it was refused
  reset();
  EXPECT_EQ(oracle.figures().lost, 1U);
}

TEST_F(GuestTrafficTest, AVmTakesItsDriverAlong) {
  Bus vm;
  vm.vm = true;
  ASSERT_EQ(traffic.told(vm, *parse_user_call("0000:00:00.0 uses 5")), "");
  ASSERT_EQ(traffic.told(vm, *parse_user_call(fmt::format("0000:00:00.0 posted 5 {:x}", hash(frame(0))))), "");
  vm.host = 1;
  tell("resetting");  // host A's, whose function the VM has left
  reset();
  EXPECT_EQ(oracle.figures().lost, 1U);
  bus.host = 1;
  tell("resetting");
  reset({1, 1});
  EXPECT_EQ(oracle.figures().lost, 0U);
}

TEST_F(GuestTrafficTest, TheNextDriverCountsFromZero) {
  up();
  there_and_back(0);
  oracle.offered(kGuest);  // the wire holds it
  tell(fmt::format("down {:x} 1", kGuest));
  EXPECT_EQ(wrong(), 0U) << "nobody will take it";
  EXPECT_NE(told(fmt::format("posted {:x} 1", kGuest)), "");
  up();
  completed = 0;
  there_and_back(1);
  EXPECT_EQ(oracle.figures().tx_completed, 2U);
  EXPECT_EQ(wrong(), 0U);
  oracle.offered(kGuest);
  EXPECT_EQ(wrong(), 1U);
}

TEST_F(GuestTrafficTest, InterruptsThatDoNotCome) {
  up();
  tell(fmt::format("waits {:x} 0", kGuest));
  EXPECT_EQ(oracle.figures().interrupt_checks, 1U);
  EXPECT_EQ(oracle.figures().interrupts_lost, 0U);
  tell(fmt::format("waits {:x} 2", kGuest));
  tell(fmt::format("waits {:x} 2", kGuest));  // the same
  EXPECT_EQ(oracle.figures().interrupt_checks, 3U);
  EXPECT_EQ(oracle.figures().interrupts_lost, 2U);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_STREQ(seen[0].rule, "Q5");
}

TEST_F(GuestTrafficTest, InterfacesCountWhatTheirDeviceMoved) {
  leave(frame(0));  // before the driver counts
  tell("counts_from a 0 0 0");
  leave(frame(1));
  leave(frame(2));
  accept(frame(3));
  accept(frame(3), {0, 2});  // another function's
  tell("counted c c8 1 64");
  OracleFigures f = oracle.figures();
  EXPECT_EQ(f.interface_sent, 2U);
  EXPECT_EQ(f.interface_on_wire, 2U);
  EXPECT_EQ(f.interface_accepted, 1U);
  EXPECT_EQ(f.interface_received, 1U);
  EXPECT_EQ(f.interface_wrong, 0U);
  leave(frame(4));
  leave(frame(4));  // twice
  accept(frame(5));
  tell("counted d 12c 1 64");  // one was not received
  f = oracle.figures();
  EXPECT_EQ(f.interface_wrong, 2U);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_STREQ(seen[0].rule, "X1");
  EXPECT_EQ(seen[0].who.fn, 1U);
  tell("counted e 190 2 c7");  // as many, but a byte is missing
  EXPECT_EQ(oracle.figures().interface_wrong, 1U);
}

TEST_F(GuestTrafficTest, AShortFrameCountsAsAFullOneWhenSent) {
  const Frame arp(42);
  tell("counts_from 0 0 0 0");
  bus_of_probes.emit<Probe::frame>(&Observer::frame_sent, model::Ps{1}, kVf, arp.data(), 42U);
  bus_of_probes.emit<Probe::frame>(&Observer::frame_received, model::Ps{1}, kVf, arp.data(), 42U,
                                   model::FrameDrop::none);
  tell("counted 1 3c 1 2a");
  EXPECT_EQ(oracle.figures().interface_wrong, 0U);
}

TEST_F(GuestTrafficTest, AnInterfaceOfAVmCountsOnBothHosts) {
  Bus vm;
  vm.vm = true;
  ASSERT_EQ(traffic.told(vm, *parse_user_call("0000:00:00.0 counts_from 0 0 0 0")), "");
  leave(frame(0));
  leave(frame(1), {1, 1});
  vm.host = 1;
  ASSERT_EQ(traffic.told(vm, *parse_user_call("0000:00:00.0 counted 2 c8 0 0")), "");
  EXPECT_EQ(oracle.figures().interface_sent, 2U);
  EXPECT_EQ(oracle.figures().interface_wrong, 0U);
}

TEST_F(GuestTrafficTest, WhatCannotBeIsRefused) {
  EXPECT_NE(told("posted"), "");
  EXPECT_NE(told("posted 5 1"), "") << "it uses no function yet";
  EXPECT_NE(told("uses 100"), "");
  EXPECT_NE(told("uses ffffffffffffffff"), "");
  up();
  Bus other;
  EXPECT_NE(traffic.told(other, *parse_user_call("0000:00:01.0 posted 5 1")), "") << "another kernel";
  EXPECT_EQ(told("opened 7"), "") << "about other things";
}

}  // namespace
}  // namespace vfsim::bench
