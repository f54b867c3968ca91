// Destination side: takes memory and device state, runs the guest when told so.
#include <algorithm>
#include <string>
#include <utility>

#include "host_driver/migration/bytes.hpp"
#include "host_driver/vmm/run.hpp"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

}  // namespace

std::vector<std::uint8_t> encode_hello(GuestVm& guest, const std::vector<VfioDevice*>& devices) {
  std::vector<std::uint8_t> out;
  le_append<std::uint64_t>(out, guest.memory_bytes());
  le_append<std::uint32_t>(out, static_cast<std::uint32_t>(devices.size()));
  for (const VfioDevice* device : devices) {
    le_append<std::uint64_t>(out, device->migration_flags());
  }
  return out;
}

DestinationRun::DestinationRun(RunContext context, GuestVm& guest, Channel& channel)
    : MigrationRun(context, guest, channel), targets_(devices_.size()) {}

MigrationReport DestinationRun::run() {
  begin_phase("receive");
  auto done = migrate();
  if (done) {
    report_.outcome = kept_ == Kept::all ? "completed" : kept_ == Kept::reset ? "reset" : "lost";
  } else {
    note_failure(done.error());
    clean();
    give_up(done.error());
    report_.outcome = "cleaned";
  }
  end_phase();
  return std::move(report_);
}

Result<void> DestinationRun::migrate() {
  if (auto ready = set_up(); !ready) {
    return ready;
  }
  for (;;) {
    auto message = link_.receive(kForever);
    if (!message) {
      return message.error();
    }
    if (message.value().type == MessageType::finish) {
      return resume();
    }
    if (auto taken = take(message.value()); !taken) {
      return taken;
    }
  }
}

Result<void> DestinationRun::set_up() {
  auto hello = link_.receive(kForever);
  if (!hello) {
    return hello.error();
  }
  if (auto ok = step(VmmStep::in_setup); !ok) {
    return ok;
  }
  if (auto fits = check_hello(hello.value()); !fits) {
    return fits;
  }
  clear_memory();
  if (auto ok = step(VmmStep::in_resuming); !ok) {
    return ok;
  }
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    auto stream = devices_[i]->set_state(MigState::resuming);
    if (!stream) {
      return stream.error();
    }
    targets_[i].stream = stream.value();
  }
  return link_.send({MessageType::ready, 0, 0, {}});
}

Result<void> DestinationRun::check_hello(const Message& hello) const {
  if (hello.type == MessageType::refuse) {
    return fail(ECANCELED,
                "source gave up: " + std::string(hello.payload.begin(), hello.payload.end()));
  }
  if (hello.type != MessageType::hello) {
    return fail(EINVAL, "migration does not begin with a hello");
  }
  if (hello.payload != encode_hello(guest_, devices_)) {
    return fail(EINVAL, "source and destination differ in memory size or devices");
  }
  return success();
}

/// Only pages that hold something are sent, so what an earlier guest or attempt left here must go.
void DestinationRun::clear_memory() {
  const std::vector<std::uint8_t> zero(kGuestPage);
  for (const std::uint64_t page : guest_.used_pages()) {
    guest_.write_page(page, zero.data());
  }
}

Result<void> DestinationRun::take(const Message& message) {
  if (message.type == MessageType::refuse) {
    return fail(ECANCELED,
                "source gave up: " + std::string(message.payload.begin(), message.payload.end()));
  }
  if (message.type == MessageType::pages) {
    return take_pages(message.payload);
  }
  if (message.device >= targets_.size()) {
    return fail(EINVAL,
                "message for device " + std::to_string(message.device) + ", which does not exist");
  }
  Device& target = targets_[message.device];
  switch (message.type) {
    case MessageType::device_data: {
      if (auto ok = step(VmmStep::in_load); !ok) {
        return ok;
      }
      if (target.loaded) {
        return fail(EINVAL, "device data behind its end");
      }
      report_.state_bytes += message.payload.size();
      auto written = target.stream->write(message.payload.data(), message.payload.size());
      return written ? Result<void>(success()) : Result<void>(written.error());
    }
    case MessageType::device_end: {
      if (auto ok = step(VmmStep::in_stop); !ok) {
        return ok;
      }
      auto stopped = devices_[message.device]->set_state(MigState::stop);
      target.loaded = stopped.has_value();
      return stopped ? Result<void>(success()) : Result<void>(stopped.error());
    }
    case MessageType::config:
      return take_config(message);
    default:
      return fail(EINVAL, "unexpected message from the source");
  }
}

Result<void> DestinationRun::take_pages(const std::vector<std::uint8_t>& payload) {
  if (auto ok = step(VmmStep::in_load); !ok) {
    return ok;
  }
  const std::vector<std::uint8_t> zero(kGuestPage);
  std::size_t at = 0;
  while (at + 8 <= payload.size()) {
    const auto head = le_load<std::uint64_t>(payload.data() + at);
    const std::uint64_t address = head & ~std::uint64_t{1};
    const bool is_zero = (head & 1) != 0;
    at += 8;
    if (address % kGuestPage != 0 || address >= guest_.memory_bytes() ||
        (!is_zero && payload.size() - at < kGuestPage)) {
      return fail(EINVAL, "bad page record");
    }
    guest_.write_page(address, is_zero ? zero.data() : payload.data() + at);
    at += is_zero ? 0 : kGuestPage;
    ++report_.pages;
  }
  report_.memory_bytes += payload.size();
  return at == payload.size() ? Result<void>(success())
                              : fail(EINVAL, "bytes behind the last page record");
}

Result<void> DestinationRun::take_config(const Message& message) {
  if (auto ok = step(VmmStep::in_config); !ok) {
    return ok;
  }
  if (!targets_[message.device].loaded) {
    return fail(EINVAL, "configuration space before the device state");
  }
  auto restored = devices_[message.device]->restore_config(message.payload);
  targets_[message.device].configured = restored.has_value();
  return restored;
}

Result<void> DestinationRun::resume() {
  begin_phase("resume");
  for (const Device& target : targets_) {
    if (!target.loaded || !target.configured) {
      return fail(EINVAL, "source ends the migration before all device state has come");
    }
  }
  if (auto ok = step(VmmStep::in_p2p); !ok) {
    return ok;
  }
  guest_.take_over();
  if (auto done = devices_to_p2p(); !done) {
    return done;
  }
  if (auto ok = step(VmmStep::in_running); !ok) {
    return ok;
  }
  if (auto done = run_devices(); !done) {
    return done;
  }
  vcpus(true);
  const auto time = static_cast<std::uint64_t>(now().count());
  // The guest runs here from now on, whether the source hears of it or not.
  (void)link_.send({MessageType::running, 0, time, {}});
  return success();
}

/// A device that runs works off what it holds, so the first one that does is the point of no
/// return: who fails behind it is tried again, and reset rather than taken back.
Result<void> DestinationRun::run_devices() {
  bool one_runs = false;
  for (VfioDevice* device : devices_) {
    if (auto done = device->set_state(MigState::running); !done) {
      if (!one_runs) {
        return done.error();
      }
      context_.os.log(LogLevel::error,
                      "a device does not run with the others: " + done.error().text);
      kept_ = std::max(kept_, run_or_reset(*device));
    }
    one_runs = true;
  }
  return success();
}

void DestinationRun::clean() {
  begin_phase("cleanup");
  for (VfioDevice* device : devices_) {
    if (auto done = device->reset(); !done) {
      context_.os.log(LogLevel::error,
                      "device reset after a failed migration: " + done.error().text);
    }
  }
}

}  // namespace vfsim::driver
