#include "testbench/bench/drain.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <random>
#include <stdexcept>
#include <systemc>

#include "rtl_models/common/rtl_session.hpp"
#include "systemc/nic/nic_test_bed.hpp"
#include "systemc/rtl_bridge/dma_gate_rtl.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kVfs = 8;
constexpr std::uint32_t kMostTransfers = 256;
constexpr std::uint32_t kMostBytes = 4096;
constexpr std::uint32_t kEntryBytes = 64;
constexpr std::uint32_t kSpan =
    500'000;  // ps, in which a load is submitted: nothing has ended by then
constexpr std::uint32_t kClosed = FW_CTRL_READY | FW_CTRL_INITIATOR_STOP;

struct FailOnAssertion final : rtl::AssertionListener {
  void assertion_failed(const char* assertion) override {
    throw std::runtime_error(std::string("assertion ") + assertion + " failed");
  }
};

/// Equal numbers from equal generators on every machine, unlike the distributions of <random>.
std::uint32_t below(std::mt19937_64& rng, std::uint32_t limit) {
  return static_cast<std::uint32_t>(rng() % limit);
}

/// Submits a load, closes a gate, waits for the acknowledgement and for the rest of the load.
class DrainRun final : private model::DmaClient, private model::IrqListener {
 public:
  explicit DrainRun(const model::BlockMakers& makers)
      : bed_(nic_params(), model::PcieParams(), makers), buffers_(kMostTransfers * kMostBytes) {
    bed_.enable_vfs(kVfs);
    bed_.nic.impl().control.set_irq_listener(*this);
  }

  double one(std::uint32_t load) {
    std::mt19937_64 rng(load + 1);
    rng.discard(16);
    bed_.run(below(rng, 1000));  // any place between two edges of a clock
    const std::uint32_t functions = 1 + below(rng, kVfs);
    const std::uint32_t transfers = 1 + below(rng, kMostTransfers);
    const std::uint32_t reads = below(rng, 101);  // of 100
    closing_ = 1 + below(rng, functions);
    acknowledged_ = 0;
    std::vector<std::uint32_t> times(transfers);
    for (std::uint32_t& at : times) {
      at = 1 + below(rng, kSpan);
    }
    std::sort(times.begin(), times.end());
    for (std::uint32_t i = 0; i < transfers; ++i) {
      bed_.run(times[i] - (i == 0 ? 0 : times[i - 1]));
      const std::uint32_t fn = i == 0 ? closing_ : 1 + below(rng, functions);
      submit(i, fn, below(rng, 100) >= reads, kEntryBytes << below(rng, 7), below(rng, 256));
    }
    bed_.run(kSpan - times.back() + below(rng, kSpan / 10));
    const model::Ps closed = bed_.calendar.now();
    bed_.set_reg(closing_, FW_FN_CTRL, kClosed);
    for (int i = 0; i < 1000 && (acknowledged_ == 0 || running_ != 0); ++i) {
      bed_.run(model::kUs);
    }
    if (acknowledged_ == 0 || running_ != 0) {
      throw std::runtime_error("a load does not end");
    }
    bed_.nic.impl().registers.reg_write(FW_DRAIN_FN0, ~0U);
    bed_.set_reg(closing_, FW_FN_CTRL, FW_CTRL_READY);
    return static_cast<double>(acknowledged_ - closed) / model::kNs;
  }

 private:
  static model::NicParams nic_params() {
    model::NicParams params;
    params.vfs = kVfs;
    return params;
  }

  void submit(std::uint64_t slot, std::uint32_t fn, bool write, std::uint32_t bytes,
              std::uint32_t page) {
    model::DmaRequest request;
    request.client = this;
    request.cookie = slot << 8 | fn;
    request.addr = model::NicTestBed::kBuffers + page * 4096ULL;
    request.buffer = buffers_.data() + slot * kMostBytes;
    request.bytes = bytes;
    request.fn = static_cast<std::uint8_t>(fn);
    request.to_host = write;
    ++running_;
    bed_.nic.impl().engine.submit(request);
  }

  void dma_done(std::uint64_t cookie, model::DmaResult result) override {
    if (result != model::DmaResult::ok) {
      throw std::runtime_error("a transfer of a load failed");
    }
    --running_;
    model::DmaRequest entry;
    entry.addr = model::NicTestBed::kCqRing;
    entry.buffer = buffers_.data();
    entry.bytes = kEntryBytes;
    entry.fn = static_cast<std::uint8_t>(cookie & 0xff);
    entry.to_host = true;
    entry.copied = true;
    entry.notify = model::DmaNotify::never;
    bed_.nic.impl().engine.submit(entry);
  }

  void irq_changed() override {
    const auto& drains = bed_.nic.impl().control.drains();
    if (acknowledged_ == 0 && (drains[closing_ / 32] >> closing_ % 32 & 1) != 0) {
      acknowledged_ = bed_.calendar.now();
    }
  }

  model::NicTestBed bed_;
  std::vector<std::uint8_t> buffers_;
  std::uint32_t closing_ = 1;
  std::uint32_t running_ = 0;
  model::Ps acknowledged_ = 0;
};

double percent(double tlm, double rtl) {
  return (tlm - rtl) / rtl * 100;
}

}  // namespace

std::vector<double> drain_times(GateKind kind, std::uint32_t loads) {
  // Time may pass in which nothing happens.
  sc_core::sc_report_handler::set_actions(sc_core::SC_ID_NO_SC_START_ACTIVITY_,
                                          sc_core::SC_DO_NOTHING);
  FailOnAssertion listener;
  rtl::RtlSession session(listener);
  model::BlockMakers makers;
  if (kind == GateKind::rtl) {
    makers.dma_gate = [&session](model::NicCore& core) {
      return std::make_unique<model::DmaGateRtl>(core, session, "dma_gate");
    };
  }
  DrainRun run(makers);
  std::vector<double> times;
  for (std::uint32_t load = 0; load < loads; ++load) {
    times.push_back(run.one(load));
  }
  return times;
}

DrainError drain_error(const std::vector<double>& tlm, const std::vector<double>& rtl) {
  std::vector<double> errors;
  for (std::size_t i = 0; i < tlm.size(); ++i) {
    errors.push_back(std::fabs(percent(tlm[i], rtl[i])));
  }
  std::sort(errors.begin(), errors.end());
  return {errors.at(errors.size() / 2), errors.at(errors.size() * 95 / 100), errors.back()};
}

}  // namespace vfsim::bench
