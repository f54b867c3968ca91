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

Traffic::Traffic(driver::Os& os, driver::EthDriver& driver, FrameReport& report,
                 const TrafficOptions& options)
    : os_(os), driver_(driver), told_(report), options_(options), changed_(os.make_event()) {
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
    changed_->notify();
  });
  return driver::ok();
}

void Traffic::send_all(std::uint64_t frames) {
  Nanoseconds due = os_.now();
  while (frames != 0) {
    const auto burst = static_cast<std::uint32_t>(std::min<std::uint64_t>(options_.burst, frames));
    if (!send_burst(burst)) {
      return;
    }
    frames -= burst;
    due += burst * options_.gap;
    if (const Nanoseconds now = os_.now(); frames != 0 && due > now) {
      os_.sleep(due - now);
    }
  }
}

/// As many at a time as the ring has room for, with one doorbell. False: it is of no use to go on.
bool Traffic::send_burst(std::uint32_t frames) {
  while (frames != 0) {
    const std::uint32_t room = wait_for_room();
    if (room == 0) {
      return false;
    }
    const std::uint32_t count = std::min(frames, room);
    for (std::uint32_t i = 0; i < count; ++i, --frames) {
      const auto sent = send_one(i + 1 == count);
      if (!sent && !paused_) {
        error_ = sent.error().text;
        return false;
      }
      if (!sent) {
        break;  // the function was lost: the rest goes out when it is back
      }
    }
  }
  return true;
}

/// @return requests that are free; 0: sending is to end
std::uint32_t Traffic::wait_for_room() {
  while (!stop_ && (paused_ || driver_.send_room() == 0)) {
    full_ += paused_ ? 0 : 1;
    os_.sleep(paused_ ? kLook : kRingFull);
  }
  return stop_ ? 0 : driver_.send_room();
}

driver::Result<void> Traffic::send_one(bool ring) {
  const bench::Mac peer = bench::client_mac(options_.guest);
  const bench::Mac& own = driver_.mac();
  const bench::Frame echo = bench::numbered_frame(own, peer, next_number_, options_.frame_bytes);
  const bench::FrameHash echoed = bench::frame_hash(echo.data(), echo.size());
  bench::Frame frame = echo;
  bench::set_macs(frame, peer, own);
  ledger_.expect(echoed);  // before: it may be back before send() returns
  const auto length = static_cast<std::uint32_t>(frame.size());
  told_.posts(bench::frame_hash(frame.data(), frame.size()));
  if (ring) {
    tell();
  }
  const auto sent =
      ring ? driver_.send(frame.data(), length) : driver_.post_only(frame.data(), length);
  if (sent) {
    ++next_number_;
  } else {
    ledger_.write_off(echoed);
  }
  return sent;
}

void Traffic::received(const std::uint8_t* frame, std::uint32_t length) {
  const bench::FrameHash hash = bench::frame_hash(frame, length);
  ledger_.arrived(hash);
  told_.delivered(hash);
  // Frames of one completion event arrive together: the clock of some guests is slow to read.
  if (const std::uint64_t batch = driver_.counters().interrupts; batch != batch_) {
    batch_ = batch;
    const Nanoseconds now = os_.now();
    longest_gap_ = std::max(longest_gap_, now - last_arrival_);
    last_arrival_ = now;
  }
  if (!sending_ && ledger_.complete()) {
    changed_->notify();
  }
}

bool Traffic::complete() const {
  const driver::EthCounters& counters = driver_.counters();
  return !sending_ && ledger_.complete() &&
         counters.sends_completed + counters.sends_abandoned == counters.sends_posted;
}

bool Traffic::wait(Nanoseconds patience) {
  const bool settled = settle(patience);
  os_.sleep(kLook);  // interrupts that are under way
  tell();
  told_.waits(driver_.self_check().size());
  return settled;
}

bool Traffic::settle(Nanoseconds patience) {
  const auto progress = [this] {
    return driver_.sends_completed() + ledger_.counts().arrived + driver_.sends_posted();
  };
  std::uint64_t seen = progress();
  Nanoseconds since = os_.now();
  while (!complete()) {
    if (const std::uint64_t now = progress(); now != seen) {
      seen = now;
      since = os_.now();
    } else if (os_.now() - since > patience) {
      return false;
    }
    // Nothing tells of completions of sends, which come about when the frames do.
    (void)changed_->wait(!sending_ && ledger_.complete() ? kLook : patience);
  }
  return true;
}

void Traffic::pause() {
  paused_ = true;
  ledger_.excuse_all();
  tell();
}

void Traffic::stop() {
  stop_ = true;
  while (sending_) {
    changed_->wait(driver::kForever);
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
