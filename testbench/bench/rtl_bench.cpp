#include "testbench/bench/rtl_bench.hpp"

#include <stdexcept>

#include "systemc/rtl_bridge/cmd_doorbell_rtl.hpp"
#include "testbench/bench/raw_loop.hpp"

namespace vfsim::bench {
namespace {

using Order = model::CmdDoorbellDut::Order;
using Kind = model::CmdDoorbellDut::Kind;

class Failing final : public rtl::AssertionListener {
  void assertion_failed(const char* assertion) override { throw std::runtime_error(assertion); }
};

// An order goes in when the offer of the one before stands, or cannot come any more.
constexpr std::uint32_t kCyclesPerOrder = 3;

/// Ring, ring, take, done of one slot after the other: the orders of a busy command queue.
Order order(std::uint64_t n) {
  const auto fn = static_cast<std::uint32_t>(n / 4 % VF_MAX_FUNCTIONS);
  const auto slot =
      static_cast<std::uint32_t>(n / 4 / VF_MAX_FUNCTIONS % model::CmdDoorbell::kSlots);
  switch (n % 4) {
    case 0:
    case 1:
      return {Kind::ring, fn, 1U << slot};
    case 2:
      return {Kind::take, fn, slot};
    default:
      return {Kind::done, fn, slot};
  }
}

double run_alone(rtl::RtlSession& session, std::uint64_t orders) {
  model::CmdDoorbellDut dut(session, "bench");
  const Order room{Kind::room, 0, 2};
  dut.cycle(1000, &room);
  const double begin = cpu_seconds();
  std::uint64_t at = 1000;
  for (std::uint64_t n = 0; n < orders; ++n) {
    const Order now = order(n);
    dut.cycle(at += 1000, &now);
    for (std::uint32_t i = 1; i < kCyclesPerOrder && !dut.offered(); ++i) {
      dut.cycle(at += 1000, nullptr);
    }
  }
  return cpu_seconds() - begin;
}

/// Gives orders as fast as the block takes them, from a calendar of its own, as accesses of drivers
/// and firmware would.
class Load final : private model::OfferListener {
 public:
  Load(rtl::RtlSession& session, std::uint64_t orders)
      : orders_(orders),
        doorbells_(session, "bench", calendar_, model::kNs, *this),
        clock_(calendar_, *this, kCyclesPerOrder * model::kNs) {
    doorbells_.set_room(true, true);
    clock_.wake();
  }
  double run() {
    const model::Ps end = (orders_ * kCyclesPerOrder + 100) * model::kNs;
    const double begin = cpu_seconds();
    calendar_.run_until(end);
    return cpu_seconds() - begin;
  }

 private:
  void command_offered() override {}
  bool edge() {
    const Order now = order(given_);
    if (now.kind == Kind::ring) {
      doorbells_.ring(now.fn, now.slots);
    } else if (now.kind == Kind::take) {
      doorbells_.take(now.fn, now.slots);
    } else {
      doorbells_.done(now.fn, now.slots);
    }
    return ++given_ < orders_;
  }

  std::uint64_t orders_;
  std::uint64_t given_ = 0;
  model::Calendar calendar_{"calendar"};
  model::CmdDoorbellRtl doorbells_;
  model::WorkClock<Load, &Load::edge> clock_;
};

}  // namespace

Figures measure_clocked(bool alone, std::uint64_t orders) {
  Failing listener;
  rtl::RtlSession session(listener);
  double seconds = 0;
  if (alone) {
    seconds = run_alone(session, orders);
  } else {
    Load load(session, orders);
    seconds = load.run();
  }
  return {{"cycles_per_s", static_cast<double>(session.cycles()) / seconds}};
}

}  // namespace vfsim::bench
