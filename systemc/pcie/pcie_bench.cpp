// Speed of the fabric alone: one endpoint, 64 requests outstanding, 3 writes of 256 bytes to 1 read
// of 512 bytes.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <systemc>
#include <vector>

#include "systemc/pcie/host.hpp"

namespace vfsim::model {
namespace {

class Initiator final : public PcieEndpoint {
 public:
  Initiator(Calendar& calendar, std::uint64_t operations) : calendar_(calendar), left_(operations) {
    for (std::uint16_t tag = 0; tag < kOutstanding; ++tag) {
      free_.push_back(tag);
    }
  }

  void connect(PciePort& port) {
    port_ = &port;
    calendar_.arm(timer_, 0);
  }
  void receive(const Tlp& tlp, const std::uint8_t* payload) override {
    sum_ += payload[0];
    if (tlp.last) {
      finish(tlp.tag);
    }
  }
  void write_landed(const Tlp& tlp, bool) override {
    finish(static_cast<std::uint16_t>(tlp.cookie));
  }
  void credits_returned() override { issue(); }
  [[nodiscard]] std::uint64_t done() const { return done_; }

 private:
  static constexpr std::uint16_t kOutstanding = 64;
  static constexpr std::uint64_t kSpan = 8 << 20;

  void finish(std::uint16_t tag) {
    free_.push_back(tag);
    ++done_;
    issue();
  }
  void issue() {
    while (left_ > 0 && !free_.empty()) {
      const bool read = left_ % 4 == 0;
      if (!port_->can_send(read ? TlpKind::mem_read : TlpKind::mem_write, 256)) {
        return;
      }
      Tlp tlp;
      tlp.kind = read ? TlpKind::mem_read : TlpKind::mem_write;
      tlp.requester = Host::kNicRid;
      tlp.bytes = read ? 512 : 256;
      tlp.tag = free_.back();
      tlp.cookie = free_.back();
      tlp.addr = left_ * 512 % kSpan;
      free_.pop_back();
      --left_;
      port_->send(tlp, payload_.data());
    }
  }

  Calendar& calendar_;
  PciePort* port_ = nullptr;
  std::uint64_t left_;
  std::uint64_t done_ = 0;
  std::uint64_t sum_ = 0;
  std::vector<std::uint16_t> free_;
  std::array<std::uint8_t, 256> payload_{};
  MethodTimer<Initiator, &Initiator::issue> timer_{*this};
};

}  // namespace
}  // namespace vfsim::model

int sc_main(int argc, char** argv) {
  using namespace vfsim::model;
  const std::uint64_t operations = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 4000000;
  Calendar calendar("calendar");
  ProbeBus probes;
  Host host(calendar, probes, HostParams{}, PcieParams{}, 0);
  host.iommu().map(Host::kNicRid, {0, 16 << 20, 1 << 20});
  Initiator device(calendar, operations);
  device.connect(host.attach(device, Host::kNicRid, 1));
  const auto begin = std::chrono::steady_clock::now();
  sc_core::sc_start();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  std::printf("%llu operations, %.2f M/s, %.1f M timer firings/s, simulated %s\n",
              static_cast<unsigned long long>(device.done()),
              static_cast<double>(device.done()) / wall.count() / 1e6,
              static_cast<double>(calendar.fired()) / wall.count() / 1e6,
              sc_core::sc_time_stamp().to_string().c_str());
  return device.done() == operations ? 0 : 1;
}
