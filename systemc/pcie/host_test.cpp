#include "systemc/pcie/host.hpp"

#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <systemc>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "systemc/pcie/link.hpp"

namespace vfsim::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Rid kVf = Host::kNicRid + 1;
constexpr std::uint64_t kWindow = Host::kMmioBase + 0x100000;
constexpr std::uint64_t kPeerWindow = Host::kMmioBase + 0x200000;

/// Keeps what it gets, with times; answers reads of its registers when `answer` is set.
class Device final : public PcieEndpoint {
 public:
  struct Got {
    Ps at = 0;
    Tlp tlp;
    std::vector<std::uint8_t> payload;
    bool ok = true;
  };

  explicit Device(Calendar& calendar) : calendar_(calendar) {}
  void receive(const Tlp& tlp, const std::uint8_t* payload) override {
    const bool carries =
        tlp.kind != TlpKind::mem_read && tlp.kind != TlpKind::cfg_read && tlp.bytes != 0;
    received.push_back({calendar_.now(), tlp, {payload, payload + (carries ? tlp.bytes : 0)}});
    if (answer && tlp.kind != TlpKind::completion && tlp.kind != TlpKind::mem_write) {
      reply(tlp);
    }
  }
  void write_landed(const Tlp& tlp, bool ok) override {
    landed.push_back({calendar_.now(), tlp, {}, ok});
  }
  void credits_returned() override {
    ++returned;
    if (on_credits) {
      on_credits();
    }
  }

  void write(std::uint64_t addr, std::uint32_t bytes, std::uint8_t fill, std::uint32_t cookie = 0,
             Rid rid = kVf, bool relaxed = false) {
    Tlp tlp;
    tlp.requester = rid;
    tlp.addr = addr;
    tlp.bytes = bytes;
    tlp.cookie = cookie;
    tlp.relaxed = relaxed;
    tlp.interrupt = addr >= kMsiWindow && addr < kMsiWindow + kMsiWindowBytes;
    port->send(tlp, std::vector<std::uint8_t>(bytes, fill).data());
  }
  void read(std::uint64_t addr, std::uint32_t bytes, std::uint16_t tag, Rid rid = kVf) {
    Tlp tlp;
    tlp.kind = TlpKind::mem_read;
    tlp.requester = rid;
    tlp.addr = addr;
    tlp.bytes = bytes;
    tlp.tag = tag;
    port->send(tlp, nullptr);
  }

  PciePort* port = nullptr;
  bool answer = true;
  std::function<void()> on_credits;
  int returned = 0;
  std::vector<Got> received;
  std::vector<Got> landed;

 private:
  /// Bytes of the answer: the low byte of the address, counted up.
  void reply(const Tlp& request) {
    Tlp tlp;
    tlp.kind = TlpKind::completion;
    tlp.requester = request.requester;
    tlp.completer = request.completer;
    tlp.tag = request.tag;
    tlp.last = true;
    tlp.bytes = request.kind == TlpKind::cfg_write ? 0 : request.bytes;
    std::array<std::uint8_t, 256> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(request.addr + i);
    }
    port->send(tlp, bytes.data());
  }
  Calendar& calendar_;
};

class Watcher final : public Observer {
 public:
  explicit Watcher(ProbeBus& probes) {
    probes.subscribe(*this, {Probe::tlp_landed, Probe::iommu_fault, Probe::msi, Probe::access});
  }
  void tlp_landed(Ps t, std::uint8_t, const Tlp& tlp, const std::uint8_t*, bool ok) override {
    landed.push_back({t, tlp, {}, ok});
  }
  void iommu_fault(Ps, std::uint8_t host, Rid requester, std::uint64_t iova, bool write) override {
    log.push_back("fault host " + std::to_string(host) + " rid " + std::to_string(requester) +
                  " at " + std::to_string(iova) + (write ? " write" : " read"));
  }
  void msi(Ps, FnRef who, std::uint32_t vector, MsiAction action) override {
    log.push_back("msi fn " + std::to_string(who.fn) + " vector " + std::to_string(vector) +
                  (action == MsiAction::delivered ? " delivered" : " refused"));
  }
  void access(Ps, const AccessView& v) override {
    log.push_back(std::string(v.config ? "config " : "mmio ") + (v.write ? "write" : "read") +
                  " fn " + std::to_string(v.who.fn) + " +" + std::to_string(v.offset) + " = " +
                  std::to_string(v.value));
  }
  std::vector<Device::Got> landed;
  std::vector<std::string> log;
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

class HostTest : public testing::Test {
 protected:
  HostTest() { params_.memory_mib = 64; }

  /// Starts the model with these parameters.
  void build() {
    host_ = std::make_unique<Host>(calendar_, probes_, params_, pcie_, 1);
    nic_.port = &host_->attach(nic_, Host::kNicRid, 9);
    peer_.port = &host_->attach(peer_, Host::kPeerRid, 1);
    host_->map_window(kWindow, 0x1000, kVf, 0x3000);
    host_->map_window(kPeerWindow, 0x1000, Host::kPeerRid);
    host_->iommu().map(kVf, {0x10000, 0x10000, 0x40000});
    host_->iommu().map(kVf, {0x80000, 0x1000, kPeerWindow});
  }
  [[nodiscard]] Ps flight(std::uint32_t bytes) const {
    return LinkRate(pcie_.generation, pcie_.lanes).duration(bytes) + pcie_.latency_ns * kNs;
  }
  [[nodiscard]] std::uint8_t byte_at(std::uint64_t phys) {
    std::uint8_t value = 0;
    host_->memory().read(phys, &value, 1);
    return value;
  }
  static std::vector<std::uint32_t> cookies(const std::vector<Device::Got>& list) {
    std::vector<std::uint32_t> out;
    for (const auto& got : list) {
      out.push_back(got.tlp.cookie);
    }
    return out;
  }

  Calendar calendar_{"calendar"};
  ProbeBus probes_;
  Watcher watcher_{probes_};
  HostParams params_;
  PcieParams pcie_;
  Device nic_{calendar_};
  Device peer_{calendar_};
  std::unique_ptr<Host> host_;
};

TEST(LinkRateTest, bytes_per_second_of_the_generations) {
  EXPECT_EQ(LinkRate(1, 1).duration(1000 - kTlpOverhead), 4000 * kNs);  // 250 MB/s
  EXPECT_EQ(LinkRate(2, 4).duration(1000 - kTlpOverhead), 500 * kNs);   // 2 GB/s
  EXPECT_NEAR(static_cast<double>(LinkRate(3, 16).duration(100000 - kTlpOverhead)), 1e17 / 15.754e9,
              1000.0);
  EXPECT_NEAR(static_cast<double>(LinkRate(6, 16).duration(100000 - kTlpOverhead)), 1e17 / 126.03e9,
              1000.0);
}

TEST_F(HostTest, a_write_is_visible_after_arrival_and_landed_one_latency_later) {
  build();
  const Ps visible = flight(256) + pcie_.memory_ns * kNs;
  Cpu cpu([&] {
    nic_.write(0x10100, 256, 0x5a);
    EXPECT_EQ(nic_.port->tx_free_at(), LinkRate(pcie_.generation, pcie_.lanes).duration(256));
    sc_core::wait(sc_core::sc_time::from_value(visible - 1));
    EXPECT_EQ(byte_at(0x40100), 0);
    sc_core::wait(sc_core::sc_time::from_value(1));
    EXPECT_EQ(byte_at(0x40100), 0x5a);
    EXPECT_EQ(byte_at(0x401ff), 0x5a);
    EXPECT_EQ(byte_at(0x40200), 0);
    EXPECT_THAT(nic_.landed, IsEmpty());
  });
  sc_core::sc_start();
  ASSERT_EQ(nic_.landed.size(), 1U);
  EXPECT_TRUE(nic_.landed[0].ok);
  EXPECT_EQ(nic_.landed[0].at, visible + pcie_.latency_ns * kNs);
  ASSERT_EQ(watcher_.landed.size(), 1U);
  EXPECT_EQ(watcher_.landed[0].at, visible);
  EXPECT_EQ(watcher_.landed[0].tlp.phys, 0x40100U);
}

TEST_F(HostTest, a_read_sees_all_earlier_writes_of_the_link) {
  build();
  for (std::uint8_t i = 1; i <= 8; ++i) {
    nic_.write(0x10000, 64, i);
  }
  nic_.read(0x10000, 64, 7);
  nic_.write(0x10000, 64, 99);
  sc_core::sc_start();
  ASSERT_EQ(nic_.received.size(), 1U);
  EXPECT_EQ(nic_.received[0].payload[0], 8);
  EXPECT_EQ(nic_.received[0].tlp.tag, 7);
  EXPECT_EQ(byte_at(0x40000), 99);
}

TEST_F(HostTest, completions_end_at_read_boundaries) {
  build();
  nic_.read(0x10010, 512, 1);
  nic_.read(0x10000, 0, 2);  // flush
  sc_core::sc_start();
  std::vector<std::array<std::uint32_t, 3>> parts;
  for (const auto& got : nic_.received) {
    EXPECT_EQ(got.tlp.kind, TlpKind::completion);
    EXPECT_EQ(got.tlp.requester, kVf);
    parts.push_back({got.tlp.offset, got.tlp.bytes, got.tlp.last ? 1U : 0U});
  }
  using Part = std::array<std::uint32_t, 3>;
  EXPECT_THAT(parts,
              ElementsAre(Part{0, 240, 0}, Part{240, 256, 0}, Part{496, 16, 1}, Part{0, 0, 1}));
}

TEST_F(HostTest, posted_credits_come_back_with_the_landing) {
  pcie_.posted_headers = 2;
  build();
  EXPECT_TRUE(nic_.port->can_send(TlpKind::mem_write, 64));
  nic_.write(0x10000, 64, 1, 1);
  nic_.write(0x10000, 64, 1, 2);
  EXPECT_FALSE(nic_.port->can_send(TlpKind::mem_write, 64));
  EXPECT_TRUE(nic_.port->can_send(TlpKind::mem_read, 64));
  nic_.on_credits = [&] {
    if (nic_.landed.size() == 1) {
      nic_.write(0x10000, 64, 1, 3);
    }
  };
  sc_core::sc_start();
  EXPECT_EQ(nic_.returned, 1);
  EXPECT_THAT(cookies(nic_.landed), ElementsAre(1, 2, 3));
}

TEST_F(HostTest, posted_data_credits_count_in_units_of_16_bytes) {
  pcie_.posted_data = 20;
  build();
  nic_.write(0x10000, 256, 1);
  EXPECT_FALSE(nic_.port->can_send(TlpKind::mem_write, 65));
  EXPECT_TRUE(nic_.port->can_send(TlpKind::mem_write, 64));
}

TEST_F(HostTest, reads_without_credits_let_writes_pass) {
  pcie_.nonposted_headers = 1;
  build();
  nic_.read(0x10000, 64, 1);
  EXPECT_FALSE(nic_.port->can_send(TlpKind::mem_read, 64));
  EXPECT_TRUE(nic_.port->can_send(TlpKind::mem_write, 64));
  nic_.write(0x10000, 64, 1);
  Ps back = 0;
  nic_.on_credits = [&] { back = calendar_.now(); };
  sc_core::sc_start();
  EXPECT_EQ(back, flight(0) + (pcie_.memory_ns + pcie_.latency_ns) * kNs);
  EXPECT_TRUE(nic_.port->can_send(TlpKind::mem_read, 64));
  EXPECT_EQ(nic_.landed.size(), 1U);
}

TEST_F(HostTest, completions_wait_for_data_credits_of_the_device) {
  pcie_.completion_data = 16;
  build();
  nic_.read(0x10000, 512, 1);
  sc_core::sc_start();
  ASSERT_EQ(nic_.received.size(), 2U);
  // The second leaves when the credits of the first are back: one latency after its reception.
  EXPECT_EQ(nic_.received[1].at, nic_.received[0].at + pcie_.latency_ns * kNs + flight(256));
}

TEST_F(HostTest, an_iommu_fault_changes_no_byte) {
  build();
  nic_.write(0x20000, 64, 1);
  nic_.read(0x1fff0, 32, 5);
  nic_.write(0x10000, 64, 1, 0, kVf + 1);
  sc_core::sc_start();
  EXPECT_THAT(watcher_.log, ElementsAre("fault host 1 rid 257 at 131072 write",
                                        "fault host 1 rid 257 at 131056 read",
                                        "fault host 1 rid 258 at 65536 write"));
  ASSERT_EQ(nic_.landed.size(), 2U);
  EXPECT_FALSE(nic_.landed[0].ok);
  EXPECT_FALSE(nic_.landed[1].ok);
  ASSERT_EQ(nic_.received.size(), 1U);
  EXPECT_EQ(nic_.received[0].tlp.status, CplStatus::unsupported_request);
  EXPECT_TRUE(nic_.received[0].tlp.last);
  EXPECT_FALSE(host_->memory().touched(0x40000));
}

TEST_F(HostTest, interrupts_arrive_behind_the_writes_before_them) {
  build();
  std::vector<Ps> calls;
  std::uint8_t seen = 0;
  host_->route_interrupt(kVf, 5, [&] {
    calls.push_back(calendar_.now());
    seen = byte_at(0x40000);
    host_->unroute_interrupts(kVf);
  });
  nic_.write(0x10000, 256, 0x77);
  Tlp msi;
  msi.requester = kVf;
  msi.addr = kMsiWindow;
  msi.bytes = 4;
  msi.interrupt = true;
  const std::array<std::uint8_t, 4> five{5, 0, 0, 0};
  const std::array<std::uint8_t, 4> six{6, 0, 0, 0};
  nic_.port->send(msi, five.data());
  nic_.port->send(msi, six.data());
  sc_core::sc_start();
  EXPECT_THAT(watcher_.log,
              ElementsAre("msi fn 1 vector 5 delivered", "msi fn 1 vector 6 refused"));
  EXPECT_EQ(seen, 0x77);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0], watcher_.landed[1].at + params_.irq_latency_ns * kNs);
  ASSERT_EQ(nic_.landed.size(), 3U);
  EXPECT_TRUE(nic_.landed[1].ok);
  EXPECT_FALSE(nic_.landed[2].ok);
}

TEST_F(HostTest, cpu_accesses_name_function_and_bar_offset) {
  build();
  CpuRead result;
  Cpu cpu([&] {
    host_->cpu_write(kWindow + 0x18, 0x1122334455667788, 8);
    result = host_->cpu_read(kWindow + 0x20, 4);
    const Ps behind_write = LinkRate(pcie_.generation, pcie_.lanes).duration(8);
    EXPECT_EQ(calendar_.now(), behind_write + flight(0) + flight(4) + pcie_.memory_ns * kNs);
  });
  sc_core::sc_start();
  ASSERT_EQ(nic_.received.size(), 2U);
  EXPECT_EQ(nic_.received[0].tlp.kind, TlpKind::mem_write);
  EXPECT_EQ(nic_.received[0].tlp.completer, kVf);
  EXPECT_EQ(nic_.received[0].tlp.addr, 0x3018U);
  EXPECT_THAT(nic_.received[0].payload,
              ElementsAre(0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11));
  EXPECT_EQ(nic_.received[1].tlp.kind, TlpKind::mem_read);
  EXPECT_EQ(result.status, CplStatus::successful);
  EXPECT_EQ(result.value, 0x23222120U);
  EXPECT_THAT(watcher_.log, ElementsAre("mmio write fn 1 +12312 = 1234605616436508552",
                                        "mmio read fn 1 +12320 = 589439264"));
}

TEST_F(HostTest, configuration_accesses_are_routed_by_id) {
  build();
  Cpu cpu([&] {
    EXPECT_EQ(host_->config_read(kVf, 0x10, 2).value, 0x1110U);
    EXPECT_EQ(host_->config_write(kVf, 0x04, 6, 2), CplStatus::successful);
    EXPECT_EQ(host_->config_read(Host::kPeerRid, 0, 1).value, 0U);
    const CpuRead absent = host_->config_read(0x300, 0, 4);
    EXPECT_EQ(absent.status, CplStatus::unsupported_request);
    EXPECT_EQ(absent.value, 0xffffffffU);
    EXPECT_EQ(host_->config_write(0x300, 0, 0, 4), CplStatus::unsupported_request);
  });
  sc_core::sc_start();
  EXPECT_THAT(watcher_.log, ElementsAre("config read fn 1 +16 = 4368", "config write fn 1 +4 = 6"));
  EXPECT_EQ(peer_.received.size(), 1U);
}

TEST_F(HostTest, a_cpu_read_without_answer_ends_after_ten_milliseconds) {
  build();
  nic_.answer = false;
  Cpu cpu([&] {
    const CpuRead lost = host_->cpu_read(kWindow, 8);
    EXPECT_EQ(lost.status, CplStatus::unsupported_request);
    EXPECT_EQ(lost.value, ~0ULL);
    EXPECT_EQ(calendar_.now(), 10 * kMs);
    nic_.answer = true;
    Tlp late = nic_.received[0].tlp;  // answers the dead request while a new one waits
    late.kind = TlpKind::completion;
    const std::array<std::uint8_t, 8> bytes{1, 2, 3, 4, 5, 6, 7, 8};
    nic_.port->send(late, bytes.data());
    EXPECT_EQ(host_->cpu_read(kWindow, 1).value, 0U);
    EXPECT_EQ(host_->cpu_read(kWindow + 0x100000000, 2).value, 0xffffU);  // no window
    host_->cpu_write(0x1000, 0xabcd, 2);                                  // memory
    EXPECT_EQ(host_->cpu_read(0x1000, 8).value, 0xabcdU);
  });
  sc_core::sc_start();
}

TEST_F(HostTest, peer_to_peer_writes_land_when_the_peer_has_them) {
  build();
  nic_.write(0x80010, 8, 0x11, 1);
  nic_.write(0x10000, 8, 0x22, 2);
  sc_core::sc_start();
  ASSERT_EQ(peer_.received.size(), 1U);
  const auto& got = peer_.received[0];
  EXPECT_EQ(got.tlp.kind, TlpKind::mem_write);
  EXPECT_EQ(got.tlp.requester, kVf);
  EXPECT_EQ(got.tlp.completer, Host::kPeerRid);
  EXPECT_EQ(got.tlp.addr, 0x10U);
  EXPECT_EQ(got.tlp.phys, kPeerWindow + 0x10);
  EXPECT_EQ(got.at, 2 * flight(8) + pcie_.memory_ns * kNs);
  EXPECT_EQ(got.payload[0], 0x11);
  // The memory write is visible earlier, but landings keep the order of sending.
  EXPECT_THAT(cookies(watcher_.landed), ElementsAre(2, 1));
  EXPECT_EQ(watcher_.landed[1].tlp.addr, 0x80010U);
  EXPECT_THAT(cookies(nic_.landed), ElementsAre(1, 2));
  EXPECT_EQ(nic_.landed[0].at, got.at + pcie_.latency_ns * kNs);
  EXPECT_EQ(nic_.landed[1].at, nic_.landed[0].at);
}

TEST_F(HostTest, peer_to_peer_reads_are_answered_by_the_peer) {
  build();
  nic_.read(0x80020, 4, 9);
  nic_.read(0x80ffe, 4, 10);  // leaves the range
  host_->unmap_window(kPeerWindow);
  host_->map_window(kPeerWindow, 0x800, Host::kPeerRid, 0x40);
  sc_core::sc_start();
  ASSERT_EQ(nic_.received.size(), 2U);
  EXPECT_EQ(nic_.received[0].tlp.tag, 10);
  EXPECT_EQ(nic_.received[0].tlp.status, CplStatus::unsupported_request);
  EXPECT_EQ(nic_.received[1].tlp.tag, 9);
  EXPECT_THAT(nic_.received[1].payload, ElementsAre(0x60, 0x61, 0x62, 0x63));
}

TEST_F(HostTest, a_retrain_holds_the_link) {
  build();
  host_->stall_link(kVf, 5 * kUs);
  nic_.write(0x10000, 8, 1);
  sc_core::sc_start();
  EXPECT_EQ(watcher_.landed[0].at, 5 * kUs + flight(8) + pcie_.memory_ns * kNs);
}

TEST_F(HostTest, one_lost_completion) {
  build();
  host_->drop_next_completion(kVf);
  nic_.read(0x10000, 512, 1);
  nic_.read(0x10000, 64, 2);
  sc_core::sc_start();
  ASSERT_EQ(nic_.received.size(), 1U);
  EXPECT_EQ(nic_.received[0].tlp.tag, 2);
}

TEST_F(HostTest, relaxed_writes_pass_others_and_nothing_passes_a_strict_one) {
  pcie_.reorder = true;
  build();
  constexpr std::uint32_t kWrites = 60;
  for (std::uint32_t n = 0; n < kWrites; ++n) {
    nic_.write(0x10000 + 64 * n, 64, 1, n, kVf, n % 3 == 0);
  }
  nic_.write(kMsiWindow, 4, 0, kWrites);
  sc_core::sc_start();
  const auto order = cookies(watcher_.landed);
  ASSERT_EQ(order.size(), kWrites + 1);
  EXPECT_EQ(order.back(), kWrites) << "the interrupt is strict: it comes last";
  std::uint32_t passed = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t k = i + 1; k < order.size(); ++k) {
      if (order[k] < order[i]) {
        ++passed;
        EXPECT_EQ(order[i] % 3, 0U) << order[i] << " went past " << order[k];
      }
    }
  }
  EXPECT_GT(passed, 10U);
  EXPECT_EQ(cookies(nic_.landed), order) << "the device hears of them in this order, too";
}

TEST_F(HostTest, completions_pass_those_of_other_reads_only) {
  pcie_.reorder = true;
  pcie_.max_payload = 128;
  build();
  for (std::uint16_t tag = 0; tag < 40; ++tag) {
    nic_.read(0x10000, 512, tag);
  }
  host_->cpu_write(kWindow, 1, 4);  // posted: strict completions stay behind it
  sc_core::sc_start();
  std::map<std::uint16_t, std::uint32_t> next;
  bool mixed = false;
  bool first = true;
  std::uint16_t last = 0;
  for (const auto& got : nic_.received) {
    if (got.tlp.kind != TlpKind::completion) {
      EXPECT_TRUE(first);
      continue;
    }
    first = false;
    EXPECT_EQ(got.tlp.offset, next[got.tlp.tag]) << "of one read they come in order";
    next[got.tlp.tag] += got.tlp.bytes;
    mixed = mixed || got.tlp.tag < last;
    last = std::max(last, got.tlp.tag);
  }
  EXPECT_EQ(next.size(), 40U);
  EXPECT_TRUE(mixed);
}

TEST_F(HostTest, windows_do_not_overlap) {
  build();
  EXPECT_FALSE(host_->map_window(kWindow + 0x800, 0x1000, kVf));
  EXPECT_FALSE(host_->map_window(kWindow - 0x800, 0x1000, kVf));
  EXPECT_TRUE(host_->map_window(kWindow, 0x2000, kVf));
  EXPECT_TRUE(host_->map_window(kWindow + 0x2000, 0x1000, kVf));
  EXPECT_FALSE(host_->map_window(~0ULL, 2, kVf));
}

}  // namespace
}  // namespace vfsim::model
