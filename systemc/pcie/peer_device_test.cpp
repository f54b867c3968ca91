#include "systemc/pcie/peer_device.hpp"

#include <functional>
#include <memory>
#include <systemc>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "systemc/pcie/host.hpp"

namespace vfsim::model {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t kBar = Host::kMmioBase + 0x100000;
constexpr std::uint64_t kTarget = Host::kMmioBase + 0x200000;

/// Stands for the NIC: keeps the doorbells it gets.
class Target final : public PcieEndpoint {
 public:
  explicit Target(Calendar& calendar) : calendar_(calendar) {}
  void receive(const Tlp& tlp, const std::uint8_t* payload) override {
    if (tlp.kind == TlpKind::completion) {
      answer.insert(answer.end(), payload, payload + tlp.bytes);
      parts.push_back(tlp.bytes);
      return;
    }
    times.push_back(calendar_.now());
    values.push_back(vf_be64_load(payload));
  }
  void write_landed(const Tlp&, bool) override {}
  void credits_returned() override {}
  PciePort* port = nullptr;
  std::vector<Ps> times;
  std::vector<std::uint64_t> values;
  std::vector<std::uint8_t> answer;
  std::vector<std::uint32_t> parts;

 private:
  Calendar& calendar_;
};

class Cpu final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Cpu);
  explicit Cpu(std::function<void()> body)
      : sc_module(sc_core::sc_module_name("cpu")), body_(std::move(body)) {
    SC_THREAD(run);
  }

 private:
  void run() { body_(); }
  std::function<void()> body_;
};

class PeerDeviceTest : public testing::Test {
 protected:
  PeerDeviceTest() {
    target_.port = &host_.attach(target_, Host::kNicRid, 1);
    peer_.connect(host_.attach(peer_, Host::kPeerRid, 1));
    host_.map_window(kBar, VF_PEER_BAR_BYTES, Host::kPeerRid);
    host_.map_window(kTarget, 0x1000, Host::kNicRid);
    host_.iommu().map(Host::kPeerRid, {0x7000, 0x1000, kTarget});
    host_.iommu().map(Host::kNicRid, {0x9000, 0x8000, kBar + VF_PEER_MEM});
  }
  void set(std::uint32_t reg, std::uint32_t value) { host_.cpu_write(kBar + reg, value, 4); }
  std::uint32_t get(std::uint32_t reg) {
    return static_cast<std::uint32_t>(host_.cpu_read(kBar + reg, 4).value);
  }
  void program(std::uint32_t count) {
    set(VF_PEER_REG_DB_PERIOD_NS, 500);
    set(VF_PEER_REG_DB_COUNT, count);
    set(VF_PEER_REG_DB_ADDR_LO, 0x7800);
    set(VF_PEER_REG_DB_VALUE_HI, 0x0000010a);
    set(VF_PEER_REG_DB_VALUE_LO, 0x00080002);
    set(VF_PEER_REG_DB_STEP, 0x100);
  }
  static void pass(Ps time) { sc_core::wait(sc_core::sc_time::from_value(time)); }

  Calendar calendar_{"calendar"};
  ProbeBus probes_;
  PcieParams pcie_;
  Host host_{calendar_, probes_, HostParams{}, pcie_, 0};
  Target target_{calendar_};
  PeerDevice peer_{calendar_, pcie_, Host::kPeerRid};
};

TEST_F(PeerDeviceTest, rings_doorbells_at_the_period) {
  Cpu cpu([&] {
    program(3);
    set(VF_PEER_REG_CTRL, 4);
    pass(10 * kUs);
    EXPECT_EQ(get(VF_PEER_REG_DB_COUNT), 0U);
    EXPECT_EQ(get(VF_PEER_REG_DB_VALUE_HI), 0x40aU);
    EXPECT_EQ(get(VF_PEER_REG_STATUS), 1U);
  });
  sc_core::sc_start();
  EXPECT_THAT(target_.values, ElementsAre(0x10a00080002, 0x20a00080002, 0x30a00080002));
  EXPECT_EQ(target_.times[1] - target_.times[0], 500 * kNs);
  EXPECT_EQ(peer_.counters().doorbells, 3U);
  EXPECT_EQ(peer_.counters().refused, 0U);
}

TEST_F(PeerDeviceTest, initiator_stop_drains_and_goes_on_later) {
  Cpu cpu([&] {
    program(10);
    set(VF_PEER_REG_CTRL, 4);
    pass(3 * kUs);
    set(VF_PEER_REG_CTRL, 5);
    while (get(VF_PEER_REG_STATUS) == 0) {
      pass(100 * kNs);
    }
    const std::size_t stopped = target_.values.size();
    EXPECT_EQ(stopped, peer_.counters().doorbells);
    pass(5 * kUs);
    EXPECT_EQ(target_.values.size(), stopped);
    EXPECT_LT(stopped, 10U);
    set(VF_PEER_REG_CTRL, 4);
  });
  sc_core::sc_start();
  EXPECT_EQ(target_.values.size(), 10U);
  EXPECT_EQ(target_.values.back(), 0xa0a00080002U);
}

TEST_F(PeerDeviceTest, memory_window_takes_cpu_and_peer_accesses) {
  const std::vector<std::uint8_t> bytes(256, 0x3c);
  Tlp tlp;
  tlp.requester = Host::kNicRid;
  tlp.addr = 0x9020;
  tlp.bytes = 256;
  target_.port->send(tlp, bytes.data());
  tlp.kind = TlpKind::mem_read;
  tlp.bytes = 512;
  target_.port->send(tlp, nullptr);
  Cpu cpu([&] {
    pass(10 * kUs);
    EXPECT_EQ(get(VF_PEER_MEM + 0x20), 0x3c3c3c3cU);
    host_.cpu_write(kBar + VF_PEER_MEM + 0x20, 0x1122334455667788, 8);
    EXPECT_EQ(get(VF_PEER_MEM + 0x24), 0x11223344U);
  });
  sc_core::sc_start();
  EXPECT_THAT(target_.parts, ElementsAre(224, 256, 32));
  EXPECT_EQ(target_.answer[255], 0x3c);
  EXPECT_EQ(target_.answer[256], 0);
  EXPECT_EQ(peer_.counters().p2p_writes, 1U);
  EXPECT_EQ(peer_.counters().p2p_reads, 1U);
}

TEST_F(PeerDeviceTest, responder_stop_hides_everything_but_control) {
  Cpu cpu([&] {
    set(VF_PEER_MEM, 77);
    set(VF_PEER_REG_DB_COUNT, 5);
    set(VF_PEER_REG_CTRL, 3);
    set(VF_PEER_MEM, 78);
    EXPECT_EQ(get(VF_PEER_MEM), 0U);
    EXPECT_EQ(get(VF_PEER_REG_DB_COUNT), 0U);
    EXPECT_EQ(get(VF_PEER_REG_CTRL), 3U);
    set(VF_PEER_REG_CTRL, 0);
    EXPECT_EQ(get(VF_PEER_MEM), 77U);
    EXPECT_EQ(get(VF_PEER_REG_DB_COUNT), 5U);
  });
  sc_core::sc_start();
  EXPECT_EQ(peer_.counters().stopped_writes, 1U);
  EXPECT_EQ(peer_.counters().stopped_reads, 2U);
}

TEST_F(PeerDeviceTest, a_doorbell_to_nowhere_is_refused_and_drains) {
  Cpu cpu([&] {
    program(1);
    set(VF_PEER_REG_DB_ADDR_LO, 0x100);
    set(VF_PEER_REG_CTRL, 4);
    pass(10 * kUs);
    EXPECT_EQ(get(VF_PEER_REG_STATUS), 1U);
  });
  sc_core::sc_start();
  EXPECT_EQ(peer_.counters().refused, 1U);
}

TEST_F(PeerDeviceTest, configuration_space_and_reset) {
  Cpu cpu([&] {
    EXPECT_EQ(host_.config_read(Host::kPeerRid, 0, 4).value, 0x111115b3U);
    host_.config_write(Host::kPeerRid, 0x10, 0xffffffff, 4);
    EXPECT_EQ(host_.config_read(Host::kPeerRid, 0x10, 4).value, 0xffff000cU);
    set(VF_PEER_MEM, 77);
    host_.config_write(Host::kPeerRid, ConfigSpace::kPcieCap + 8, 0x8000, 2);
    EXPECT_EQ(get(VF_PEER_MEM), 0U);
    EXPECT_EQ(host_.config_read(Host::kPeerRid, 0x10, 4).value, 0x0000000cU);
  });
  sc_core::sc_start();
}

}  // namespace
}  // namespace vfsim::model
