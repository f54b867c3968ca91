#include "testbench/workload/guest_app.hpp"

namespace vfsim::bench {
namespace {

constexpr driver::Nanoseconds kQueueFullWait{2'000};

driver::Nanoseconds to_ns(model::Ps ps) { return driver::Nanoseconds(static_cast<std::int64_t>(ps / model::kNs)); }

}  // namespace

GuestApp::GuestApp(SimOs& os, driver::EthDriver& driver, Oracle& oracle, std::uint32_t guest)
    : os_(os), driver_(driver), oracle_(oracle), guest_(guest) {
  driver_.set_receiver(
      [this](const std::uint8_t* frame, std::uint32_t length) { oracle_.delivered(guest_, frame, length); });
}

void GuestApp::start(const std::vector<TimedFrame>& frames) {
  started_ = true;
  os_.spawn("app", [this, &frames] { send_all(frames); });
}

void GuestApp::send_all(const std::vector<TimedFrame>& frames) {
  const driver::Nanoseconds begin = os_.now();
  for (const TimedFrame& frame : frames) {
    const driver::Nanoseconds due = begin + to_ns(frame.at);
    if (due > os_.now()) {
      os_.sleep(due - os_.now());
    }
    if (const auto sent = send_in_turn(frame.bytes, driver::kForever); !sent) {
      error_ = stopped_ ? "" : sent.error().text;
      break;
    }
  }
  done_ = true;
}

/// False: stop().
bool GuestApp::wait_for_driver() {
  while (paused_ && !stopped_) {
    os_.sleep(kQueueFullWait);
  }
  return !stopped_;
}

driver::Result<void> GuestApp::send_in_turn(const Frame& frame, driver::Nanoseconds deadline) {
  while (sending_) {
    os_.sleep(kQueueFullWait);
  }
  sending_ = true;
  auto sent = send(frame, deadline);
  sending_ = false;
  return sent;
}

driver::Result<void> GuestApp::send(const Frame& frame, driver::Nanoseconds deadline) {
  const auto stopped = [] { return driver::fail(ENODEV, "the guest has no device any more"); };
  if (!wait_for_driver()) {
    return stopped();
  }
  // The oracle is told first: the frame may be on the wire before send() returns.
  oracle_.posted(guest_, frame.data(), frame.size());
  for (;;) {
    const auto sent = driver_.send(frame.data(), static_cast<std::uint32_t>(frame.size()));
    if (sent) {
      return BOOST_OUTCOME_V2_NAMESPACE::success();
    }
    if (sent.error().code != EAGAIN && !paused_ && !stopped_) {
      return sent.error();
    }
    if (deadline != driver::kForever && os_.now() >= deadline) {
      return driver::fail(ETIMEDOUT, "the send queue has no room");
    }
    os_.sleep(kQueueFullWait);
    if (paused_ || stopped_) {
      if (!wait_for_driver()) {
        return stopped();
      }
      oracle_.posted(guest_, frame.data(), frame.size());
    }
  }
}

}  // namespace vfsim::bench
