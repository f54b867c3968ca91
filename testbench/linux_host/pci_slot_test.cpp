// A slot whose guest is the test: it writes the rings of both queues by hand. Behind the slot is a host with a device.
#include "testbench/linux_host/pci_slot.hpp"

#include <cstring>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/layout.h"
#include "systemc/pcie/msix.hpp"
#include "systemc/pcie/peer_device.hpp"
#include "testbench/linux_host/driver_rings.hpp"

namespace vfsim::bench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kRam = 0x100000, kRamBytes = 0x100000;  // what the guest shares
constexpr std::uint64_t kAccessRings = kRam, kInterruptRings = kRam + 0x10000;
constexpr std::uint64_t kHeader = kRam + 0x20000, kData = kRam + 0x21000;
constexpr std::uint64_t kWindow = model::Host::kMmioBase;
constexpr std::uint16_t kEntries = 256;

/// Answers as a peer device does, and sends what the test wants.
class Device final : public model::PcieEndpoint {
 public:
  Device(model::Calendar& calendar, model::Host& host)
      : device_(calendar, model::PcieParams{}, model::Host::kNicRid), port_(host.attach(*this, model::Host::kNicRid, 1)) {
    device_.connect(port_);
  }
  void interrupt(std::uint32_t data) {
    model::Tlp tlp;
    tlp.interrupt = true;
    tlp.requester = model::Host::kNicRid;
    tlp.bytes = 4;
    tlp.addr = model::kMsiWindow;
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &data, 4);
    port_.send(tlp, bytes.data());
  }
  void receive(const model::Tlp& tlp, const std::uint8_t* payload) override {
    if (tlp.kind == model::TlpKind::mem_write) {
      std::uint64_t value = 0;
      std::memcpy(&value, payload, std::min<std::size_t>(tlp.bytes, 8));
      writes.push_back({tlp.addr, value});
    }
    device_.receive(tlp, payload);
  }
  void write_landed(const model::Tlp&, bool) override {}
  void credits_returned() override {}

  std::vector<std::pair<std::uint64_t, std::uint64_t>> writes;

 private:
  model::PeerDevice device_;
  model::PciePort& port_;
};

class PciSlotTest : public testing::Test, protected PciSlot::Owner {
 protected:
  PciSlotTest() {
    host_.map_window(kWindow, VF_PEER_BAR_BYTES, model::Host::kNicRid);
    set_up(PciSlot::kInterrupts, kInterruptRings);
    set_up(0, kAccessRings);
    cpu_.on_idle([] {});
  }
  void set_up(std::uint32_t queue, std::uint64_t at) {
    SplitQueue& q = slot_.link().queue(queue);
    EXPECT_TRUE(q.set_size(kEntries));
    q.set_addresses(at, at + 0x4000, at + 0x8000);
    q.enable(true);
  }
  void run(model::Ps time = 10 * model::kUs) { calendar_.run_for(time); }
  void header(PcidevOp op, std::uint64_t address, std::uint32_t bytes, std::uint8_t bar = 0) {
    const PcidevHeader h{static_cast<std::uint8_t>(op), bar, 0, bytes, address};
    host_.memory().write(kHeader, &h, sizeof(h));
  }
  /// One access as the driver makes it: header, and room for the answer. @return what came back
  std::uint64_t read(PcidevOp op, std::uint64_t address, std::uint32_t bytes, std::uint8_t bar = 0) {
    header(op, address, bytes, bar);
    accesses_.descriptor(0, kHeader, sizeof(PcidevHeader), DriverRings::kNext, 1);
    accesses_.descriptor(1, kData, 8, DriverRings::kWrite);
    kick();
    run();
    EXPECT_EQ(accesses_.element(static_cast<std::uint16_t>(accesses_.returned() - 1))[1], bytes);
    std::uint64_t value = 0;
    host_.memory().read(kData, &value, bytes);
    return value;
  }
  void write(PcidevOp op, std::uint64_t address, std::uint64_t value, std::uint32_t bytes) {
    header(op, address, bytes);
    host_.memory().write(kHeader + sizeof(PcidevHeader), &value, 8);
    accesses_.descriptor(0, kHeader, sizeof(PcidevHeader) + 8, 0);
    kick();
    run();
  }
  bool kick() {
    accesses_.offer(0);
    return slot_.kicked(0);
  }
  void give_interrupt_buffer() {
    interrupts_.descriptor(0, kData, 20, DriverRings::kWrite);
    interrupts_.offer(0);
  }

  bool memory(int, std::uint64_t, std::uint64_t, std::uint64_t) override { return true; }
  void command_rung(PciSlot&) override { ++rung_; }
  void interrupted() override { ++interrupted_; }
  void failed(const std::string& why) override { failures_.push_back(why); }

  model::Calendar calendar_{"calendar"};
  model::ProbeBus probes_;
  model::Host host_{calendar_, probes_, model::HostParams{}, model::PcieParams{}, 0};
  Device device_{calendar_, host_};
  GuestRam ram_{&host_.memory(), 0, kRam, kRamBytes};
  GuestCpu cpu_{calendar_, "A"};
  PciSlot slot_{ram_, cpu_, *this, {&host_, model::Host::kNicRid, kWindow, VF_PEER_BAR_BYTES}};
  DriverRings accesses_{host_.memory(), kAccessRings, kAccessRings + 0x4000, kAccessRings + 0x8000, kEntries};
  DriverRings interrupts_{host_.memory(), kInterruptRings, kInterruptRings + 0x4000, kInterruptRings + 0x8000, kEntries};
  int rung_ = 0, interrupted_ = 0;
  std::vector<std::string> failures_;
};

TEST_F(PciSlotTest, configuration_space_is_the_device_s) {
  EXPECT_EQ(read(PcidevOp::cfg_read, 0, 4), std::uint64_t{VF_PCI_DEVICE_PEER} << 16 | VF_PCI_VENDOR);
  EXPECT_EQ(read(PcidevOp::cfg_read, 2, 2), std::uint64_t{VF_PCI_DEVICE_PEER});
  write(PcidevOp::cfg_write, 4, 6, 2);
  EXPECT_EQ(read(PcidevOp::cfg_read, 4, 2) & 6U, 6U);
  EXPECT_EQ(read(PcidevOp::cfg_read, 0, 8) & 0xffffffffU, read(PcidevOp::cfg_read, 0, 4)) << "eight bytes are two accesses";
}

TEST_F(PciSlotTest, accesses_to_the_bar_reach_the_device) {
  write(PcidevOp::mmio_write, VF_PEER_MEM + 8, 0x1122334455667788, 8);
  EXPECT_EQ(read(PcidevOp::mmio_read, VF_PEER_MEM + 8, 8), 0x1122334455667788U);
  EXPECT_EQ(read(PcidevOp::mmio_read, VF_PEER_MEM + 10, 1), 0x66U);
  EXPECT_EQ(read(PcidevOp::mmio_read, VF_PEER_MEM + 9, 4), 0x44556677U) << "not aligned: several accesses";
  write(PcidevOp::mmio_memset, VF_PEER_MEM + 9, 0xee, 3);
  EXPECT_EQ(read(PcidevOp::mmio_read, VF_PEER_MEM + 8, 8), 0x11223344eeeeee88U);
}

TEST_F(PciSlotTest, what_is_not_there_reads_ones_and_takes_nothing) {
  EXPECT_EQ(read(PcidevOp::mmio_read, VF_PEER_BAR_BYTES, 4), 0xffffffffU) << "behind the BAR";
  EXPECT_EQ(read(PcidevOp::mmio_read, VF_PEER_BAR_BYTES - 4, 8) >> 32, 0xffffffffU) << "half of it";
  EXPECT_EQ(read(PcidevOp::mmio_read, VF_PEER_MEM, 4, 3), 0xffffffffU) << "another BAR";
  device_.writes.clear();
  write(PcidevOp::mmio_write, VF_PEER_BAR_BYTES, 1, 4);
  EXPECT_THAT(device_.writes, IsEmpty());
}

TEST_F(PciSlotTest, a_command_doorbell_stops_the_guest) {
  header(PcidevOp::mmio_write, VF_BAR_CMD_DB, 4);
  accesses_.descriptor(0, kHeader, sizeof(PcidevHeader) + 8, 0);
  EXPECT_FALSE(kick()) << "its kick waits for an answer";
  EXPECT_EQ(rung_, 1);
  header(PcidevOp::mmio_write, VF_PEER_MEM, 4);
  EXPECT_TRUE(kick());
  EXPECT_EQ(rung_, 1);
}

TEST_F(PciSlotTest, messages_of_its_table_are_its_interrupts) {
  constexpr std::uint64_t kEntry = VF_BAR_MSIX_TABLE + model::MsixTable::kEntryBytes;
  write(PcidevOp::mmio_write, kEntry, 0xa0000, 4);
  write(PcidevOp::mmio_write, kEntry + 4, 0x77, 4);
  write(PcidevOp::mmio_write, kEntry + 8, 67, 4);
  EXPECT_THAT(device_.writes, ElementsAre(std::pair(kEntry, model::kMsiWindow), std::pair(kEntry + 4, 0U), std::pair(kEntry + 8, 67U)))
      << "remapped";
  device_.interrupt(67);
  run();
  EXPECT_TRUE(slot_.wants_delivery());
  EXPECT_EQ(slot_.deliver(), 0U) << "there is no buffer for it";
  EXPECT_TRUE(slot_.wants_delivery());
  give_interrupt_buffer();
  EXPECT_EQ(slot_.deliver(), 1U << PciSlot::kInterrupts);
  EXPECT_THAT(interrupts_.element(0), ElementsAre(0U, 20U));
  PcidevHeader message{};
  std::uint32_t data = 0;
  host_.memory().read(kData, &message, sizeof(message));
  host_.memory().read(kData + sizeof(message), &data, 4);
  EXPECT_EQ(message.op, static_cast<std::uint8_t>(PcidevOp::msi));
  EXPECT_EQ(message.bytes, 4U);
  EXPECT_EQ(data, 67U);
  EXPECT_FALSE(slot_.wants_delivery());
  device_.interrupt(68);
  run();
  EXPECT_FALSE(slot_.wants_delivery()) << "of nobody's table";
}

TEST_F(PciSlotTest, a_buffer_too_small_for_an_interrupt_comes_back_empty) {
  write(PcidevOp::mmio_write, VF_BAR_MSIX_TABLE + 8, 67, 4);
  device_.interrupt(67);
  run();
  interrupts_.descriptor(0, kData, 19, DriverRings::kWrite);
  interrupts_.offer(0);
  EXPECT_EQ(slot_.deliver(), 1U << PciSlot::kInterrupts);
  EXPECT_THAT(interrupts_.element(0), ElementsAre(0U, 0U));
}

TEST_F(PciSlotTest, posted_writes_are_told_of_before_the_queue_is_full) {
  header(PcidevOp::mmio_write, VF_PEER_MEM, 4);
  accesses_.descriptor(0, kHeader, sizeof(PcidevHeader) + 8, 0);
  for (int i = 0; i < 63; ++i) {
    kick();
  }
  run();
  EXPECT_FALSE(slot_.wants_delivery());
  kick();
  run();
  EXPECT_TRUE(slot_.wants_delivery());
  EXPECT_EQ(slot_.deliver(), 1U << 0U);
  EXPECT_FALSE(slot_.wants_delivery());
  EXPECT_THAT(failures_, IsEmpty());
}

TEST_F(PciSlotTest, a_queue_full_of_posted_writes_ends_the_guest_with_a_word) {
  header(PcidevOp::mmio_write, VF_PEER_MEM, 4);
  accesses_.descriptor(0, kHeader, sizeof(PcidevHeader) + 8, 0);
  for (int i = 0; i < kEntries - 1; ++i) {
    kick();
  }
  EXPECT_THAT(failures_, IsEmpty());
  kick();
  ASSERT_EQ(failures_.size(), 1U);
  EXPECT_THAT(failures_[0], testing::HasSubstr("it wrote more registers at one time than"));
}

TEST_F(PciSlotTest, what_is_no_access_comes_back_empty) {
  const auto refused = [this](PcidevOp op, std::uint64_t address, std::uint32_t bytes, std::uint32_t given) {
    const std::uint16_t before = accesses_.returned();
    header(op, address, bytes);
    accesses_.descriptor(0, kHeader, given, 0);
    EXPECT_TRUE(kick());
    run();
    EXPECT_EQ(accesses_.returned(), before + 1);
    EXPECT_EQ(accesses_.element(before)[1], 0U);
  };
  device_.writes.clear();
  refused(PcidevOp::mmio_write, VF_PEER_MEM, 0, 24);         // of no bytes
  refused(PcidevOp::mmio_write, VF_PEER_MEM, 5000, 24);      // of more than there are
  refused(PcidevOp::mmio_write, ~0ULL - 3, 4, 24);           // far outside
  refused(PcidevOp::mmio_read, VF_PEER_MEM, 4, 16);          // no room for the answer
  refused(PcidevOp::cfg_read, 0, 4, 3);                      // header cut
  refused(PcidevOp::msi, 0, 4, 24);                          // the device's own
  refused(static_cast<PcidevOp>(0xff), 0, 4, 24);
  EXPECT_THAT(device_.writes, IsEmpty());
  EXPECT_THAT(failures_, IsEmpty());
  write(PcidevOp::mmio_write, VF_PEER_MEM, 0x55, 4);
  EXPECT_EQ(read(PcidevOp::mmio_read, VF_PEER_MEM, 4), 0x55U) << "and the slot goes on";
}

TEST_F(PciSlotTest, a_chain_that_no_driver_writes_ends_the_guest_with_a_word) {
  accesses_.descriptor(0, kRam - 8, 24, 0);
  EXPECT_TRUE(kick());
  ASSERT_EQ(failures_.size(), 1U);
  EXPECT_EQ(failures_[0], "a queue of its PCI transport holds what no driver may write there");
  run();
  EXPECT_EQ(accesses_.returned(), 0U);
}

TEST_F(PciSlotTest, an_answer_may_lie_on_the_rings_themselves) {
  header(PcidevOp::mmio_read, VF_PEER_MEM, 8);
  accesses_.descriptor(0, kHeader, sizeof(PcidevHeader), DriverRings::kNext, 1);
  accesses_.descriptor(1, kAccessRings, 8, DriverRings::kWrite);  // its own first descriptor
  kick();
  run();
  EXPECT_EQ(accesses_.returned(), 1U);
  EXPECT_TRUE(kick()) << "the descriptor is all zeros now, and outside the memory";
  EXPECT_EQ(failures_.size(), 1U);
}

TEST_F(PciSlotTest, a_hostile_guest_reaches_nothing_but_its_memory) {
  constexpr std::uint64_t kSentinel = 0x5eA15eA15eA15eA1;
  for (const std::uint64_t at : {kRam - 8, kRam + kRamBytes}) {
    host_.memory().write(at, &kSentinel, 8);
  }
  std::mt19937_64 random(4711);
  const auto below = [&random](std::uint64_t limit) { return random() % limit; };
  for (int round = 0; round < 400; ++round) {
    failures_.clear();
    set_up(0, kAccessRings);
    slot_.link().queue(0).set_base(0);
    accesses_.offered = 0;
    for (std::uint16_t i = 0; i < 16; ++i) {
      const std::uint64_t near[] = {kRam + below(kRamBytes), kRam - below(64), kRam + kRamBytes - below(64), random(), kHeader};
      accesses_.descriptor(i, near[below(5)], static_cast<std::uint32_t>(below(3) == 0 ? random() : below(64)),
                           static_cast<std::uint16_t>(below(8)), static_cast<std::uint16_t>(below(20)));
    }
    header(static_cast<PcidevOp>(below(9)), below(2) == 0 ? below(VF_PEER_BAR_BYTES + 16) : random(),
           static_cast<std::uint32_t>(below(2) == 0 ? below(70) : random()), static_cast<std::uint8_t>(below(3)));
    for (int n = 0; n < 8; ++n) {
      accesses_.offer(static_cast<std::uint16_t>(below(18)));
      (void)slot_.kicked(static_cast<std::uint32_t>(below(2)));
    }
    run(2 * model::kUs);
    (void)slot_.deliver();
  }
  for (const std::uint64_t at : {kRam - 8, kRam + kRamBytes}) {
    std::uint64_t kept = 0;
    host_.memory().read(at, &kept, 8);
    EXPECT_EQ(kept, kSentinel);
  }
}

}  // namespace
}  // namespace vfsim::bench
