#include "testbench/linux_host/guest/traffic.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "testbench/workload/frames.hpp"

namespace vfsim::guest {
namespace {

using driver::Nanoseconds;

constexpr Nanoseconds kLook{100'000};
constexpr Nanoseconds kRingFull{20'000};

}  // namespace

Traffic::Traffic(driver::Os& os, driver::EthDriver& driver, const TrafficOptions& options)
    : os_(os), driver_(driver), options_(options), ended_(os.make_event()) {
  driver_.set_receiver(
      [this](const std::uint8_t* frame, std::uint32_t length) { received(frame, length); });
}

driver::Result<void> Traffic::send(std::uint64_t frames) {
  if (sending_) {
    return driver::fail(EBUSY, "frames are being sent");
  }
  sending_ = true;
  last_arrival_ = os_.now();
  os_.spawn("traffic", [this, frames] {
    send_all(frames);
    sending_ = false;
    ended_->notify();
  });
  return driver::ok();
}

void Traffic::send_all(std::uint64_t frames) {
  Nanoseconds due = os_.now();
  for (std::uint64_t i = 0; i < frames; ++i) {
    if (!send_one()) {
      return;
    }
    due += options_.gap;
    if (const Nanoseconds now = os_.now(); (i + 1) % options_.burst == 0 && due > now) {
      os_.sleep(due - now);
    }
  }
}

/// False: it is of no use to go on.
bool Traffic::send_one() {
  const bench::Mac peer = bench::client_mac(options_.guest);
  const bench::Mac& own = driver_.mac();
  const bench::Frame echo = bench::numbered_frame(own, peer, next_number_++, options_.frame_bytes);
  bench::Frame frame = echo;
  bench::set_macs(frame, peer, own);
  for (;;) {
    while (!stop_ && (paused_ || driver_.send_room() == 0)) {
      full_ += paused_ ? 0 : 1;
      os_.sleep(paused_ ? kLook : kRingFull);
    }
    if (stop_) {
      return false;
    }
    ledger_.expect(echo.data(), echo.size());  // before: it may be back before send() returns
    const auto sent = driver_.send(frame.data(), static_cast<std::uint32_t>(frame.size()));
    if (sent) {
      return true;
    }
    ledger_.write_off(echo.data(), echo.size());
    if (!paused_) {
      error_ = sent.error().text;
      return false;
    }
  }
}

void Traffic::received(const std::uint8_t* frame, std::uint32_t length) {
  ledger_.arrived(frame, length);
  const Nanoseconds now = os_.now();
  longest_gap_ = std::max(longest_gap_, now - last_arrival_);
  last_arrival_ = now;
}

bool Traffic::wait(Nanoseconds patience) {
  const auto progress = [this] {
    return driver_.sends_completed() + ledger_.counts().arrived + driver_.sends_posted();
  };
  std::uint64_t seen = progress();
  Nanoseconds since = os_.now();
  for (;;) {
    const driver::EthCounters& counters = driver_.counters();
    if (!sending_ && ledger_.complete() &&
        counters.sends_completed + counters.sends_abandoned == counters.sends_posted) {
      return true;
    }
    if (const std::uint64_t now = progress(); now != seen) {
      seen = now;
      since = os_.now();
    } else if (os_.now() - since > patience) {
      return false;
    }
    os_.sleep(kLook);
  }
}

void Traffic::pause() {
  paused_ = true;
  ledger_.excuse_all();
}

void Traffic::stop() {
  stop_ = true;
  while (sending_) {
    ended_->wait(driver::kForever);
  }
}

bool Traffic::clean() const {
  const bench::FlowCounts counts = ledger_.counts();
  const driver::EthCounters& driver = driver_.counters();
  return counts.duplicated == 0 && counts.corrupted == 0 && counts.reordered == 0 &&
         driver.send_errors == 0 && driver.receive_errors == 0 && driver.queue_errors == 0 &&
         driver.unexpected == 0 && error_.empty();
}

std::string Traffic::report() const {
  const bench::FlowCounts counts = ledger_.counts();
  const driver::EthCounters& driver = driver_.counters();
  std::string text = fmt::format(
      "sent {}, completed {}, back {}, lost {}, duplicated {}, corrupted {}, reordered {}, "
      "excused {}; errors: send {}, receive {}, queue {}, unexpected {}; interrupts {}, ring full "
      "{}, longest silence {:.3f} ms",
      driver.sends_posted, driver.sends_completed, counts.arrived, counts.lost, counts.duplicated,
      counts.corrupted, counts.reordered, counts.discarded, driver.send_errors,
      driver.receive_errors, driver.queue_errors, driver.unexpected, driver.interrupts, full_,
      static_cast<double>(longest_gap_.count()) / 1e6);
  return error_.empty() ? text : text + "; sending ended: " + error_;
}

}  // namespace vfsim::guest
