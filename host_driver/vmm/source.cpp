// Source side: pre-copy rounds, switchover, and the way back when something fails.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "firmware/interface/layout.h"
#include "host_driver/migration/bytes.hpp"
#include "host_driver/vmm/run.hpp"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

constexpr std::size_t kPagesPerMessage = 32;

bool all_zero(const std::uint8_t* page) {
  return page[0] == 0 && std::equal(page, page + kGuestPage - 1, page + 1);
}

Error refusal(const Message& message) {
  return fail(
      message.argument != 0 ? static_cast<int>(message.argument) : EIO,
      "destination refused: " + std::string(message.payload.begin(), message.payload.end()));
}

}  // namespace

SourceRun::SourceRun(RunContext context, GuestVm& guest, Channel& channel)
    : MigrationRun(context, guest, channel) {
  for (VfioDevice* device : devices_) {
    sources_.push_back({device, nullptr, false});
  }
}

MigrationReport SourceRun::run() {
  auto done = migrate();
  if (done) {
    report_.outcome = "completed";
  } else {
    note_failure(done.error());
    roll_back(done.error());
  }
  end_phase();
  return std::move(report_);
}

Result<void> SourceRun::migrate() {
  begin_phase("setup");
  for (auto part :
       {&SourceRun::set_up, &SourceRun::precopy, &SourceRun::switch_over, &SourceRun::finish}) {
    if (auto done = (this->*part)(); !done) {
      return done;
    }
  }
  return success();
}

Result<void> SourceRun::send(Message message) {
  auto done = link_.send(message);
  if (!done && done.error().code == EPIPE && !committed_) {
    // The destination closes after it has said why.
    while (auto last = link_.receive(Nanoseconds(0))) {
      if (last.value().type == MessageType::refuse) {
        return refusal(last.value());
      }
    }
  }
  return done;
}

Result<Message> SourceRun::expect(MessageType type) {
  auto message = link_.receive(patience());
  if (!message) {
    return message;
  }
  if (message.value().type == MessageType::refuse) {
    refused_ = true;
    return refusal(message.value());
  }
  if (message.value().type != type) {
    return fail(EINVAL, "unexpected message from the destination");
  }
  return message;
}

Result<void> SourceRun::set_up() {
  if (auto ok = step(VmmStep::setup); !ok) {
    return ok;
  }
  if (auto sent = send({MessageType::hello, 0, guest_.id(), encode_hello(guest_, devices_)});
      !sent) {
    return sent;
  }
  if (auto ready = expect(MessageType::ready); !ready) {
    return ready.error();
  }
  return success();
}

// ---- pre-copy ----

Result<void> SourceRun::precopy() {
  if (!context_.params.precopy) {
    untracked_ = true;  // everything is sent at the end
    return success();
  }
  begin_phase("precopy");
  for (auto part : {&SourceRun::start_logging, &SourceRun::enter_precopy, &SourceRun::rounds}) {
    if (auto done = (this->*part)(); !done) {
      return done;
    }
  }
  return success();
}

Result<void> SourceRun::start_logging() {
  if (auto ok = step(VmmStep::logging); !ok) {
    return ok;
  }
  logging_ = true;
  guest_.cpu_log(true);
  for (Device& source : sources_) {
    auto started = source.device->logging_start(kGuestPage, {{0, guest_.memory_bytes()}});
    source.logging = started.has_value();
    if (!started && started.error().code != ENOTTY) {
      return started.error();
    }
    untracked_ = untracked_ || !started;
  }
  return success();
}

Result<void> SourceRun::enter_precopy() {
  if (auto ok = step(VmmStep::precopy); !ok) {
    return ok;
  }
  for (Device& source : sources_) {
    if (has(*source.device, VF_MIG_FLAG_PRE_COPY)) {
      auto stream = source.device->set_state(MigState::pre_copy);
      if (!stream) {
        return stream.error();
      }
      source.stream = stream.value();
    }
  }
  return success();
}

Result<void> SourceRun::rounds() {
  std::vector<std::uint64_t> pages = guest_.used_pages();
  for (;;) {
    if (auto ok = step(VmmStep::round_pages); !ok) {
      return ok;
    }
    const Nanoseconds begin = now();
    const std::uint64_t before = link_.sent();
    if (auto sent = send_pages(pages); !sent) {
      return sent;
    }
    if (auto ok = step(VmmStep::round_devices); !ok) {
      return ok;
    }
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].stream) {
        if (auto sent = send_stream(i, false); !sent) {
          return sent;
        }
      }
    }
    busy_time_ = now() - begin;
    busy_bytes_ = link_.sent() - before;
    if (++report_.precopy_rounds >= context_.params.max_rounds) {
      return success();
    }
    auto rest = what_is_left(pages);
    if (!rest) {
      return rest.error();
    }
    if (fits(rest.value() + pages.size() * (kGuestPage + 8))) {
      return send_pages(
          pages);  // little: before the vCPUs stop, so that the last sync finds only newer ones
    }
  }
}

/// Bytes that the devices still have; `pages` are the dirty ones.
Result<std::uint64_t> SourceRun::what_is_left(std::vector<std::uint64_t>& pages) {
  Result<std::uint64_t> rest = std::uint64_t{0};
  if (!context_.params.query_last) {
    rest = device_rest();
  }
  if (!rest) {
    return rest;
  }
  auto dirty = dirty_pages();
  if (!dirty) {
    return dirty.error();
  }
  pages = std::move(dirty.value());
  return context_.params.query_last ? device_rest() : rest;
}

/// Whether so many bytes pass within the downtime limit, at the rate of the last round.
bool SourceRun::fits(std::uint64_t bytes) const {
  const auto limit = static_cast<double>(context_.params.downtime_limit_us) * 1e3;
  const auto time = static_cast<double>(busy_time_.count());
  return busy_bytes_ == 0 ||
         static_cast<double>(bytes) * time <= limit * static_cast<double>(busy_bytes_);
}

Result<std::uint64_t> SourceRun::device_rest() {
  std::uint64_t rest = 0;
  for (const Device& source : sources_) {
    if (source.stream) {
      auto info = source.stream->precopy_info();
      if (!info) {
        return info.error();
      }
      rest += info.value().initial_bytes + info.value().dirty_bytes;
    } else if (has(*source.device, VF_MIG_FLAG_STOP_COPY)) {
      auto size = source.device->data_size();
      if (!size) {
        return size.error();
      }
      rest += size.value();
    }
  }
  return rest;
}

Result<std::vector<std::uint64_t>> SourceRun::dirty_pages() {
  if (untracked_ && vcpus_stopped_) {
    return guest_.used_pages();
  }
  std::vector<std::uint64_t> pages = guest_.cpu_report();
  for (const Device& source : sources_) {
    if (source.logging) {
      auto more = source.device->logging_report(0, guest_.memory_bytes());
      if (!more) {
        return more.error();
      }
      pages.insert(pages.end(), more.value().begin(), more.value().end());
    }
  }
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  return pages;
}

Result<void> SourceRun::send_pages(const std::vector<std::uint64_t>& pages) {
  std::vector<std::uint8_t> page(kGuestPage);
  for (std::size_t at = 0; at < pages.size();) {
    Message message{MessageType::pages, 0, 0, {}};
    for (std::size_t n = 0; n < kPagesPerMessage && at < pages.size(); ++n, ++at) {
      guest_.read_page(pages[at], page.data());
      const bool zero = all_zero(page.data());
      le_append<std::uint64_t>(message.payload, pages[at] | (zero ? 1U : 0U));
      if (!zero) {
        message.payload.insert(message.payload.end(), page.begin(), page.end());
      }
      ++report_.pages;
    }
    report_.memory_bytes += message.payload.size();
    if (auto sent = send(std::move(message)); !sent) {
      return sent;
    }
  }
  return success();
}

Result<void> SourceRun::send_stream(std::size_t index, bool last) {
  const auto device = static_cast<std::uint16_t>(index);
  for (;;) {
    auto bytes = sources_[index].stream->read(context_.params.read_bytes, false);
    if (!bytes) {
      return !last && bytes.error().code == ENOMSG ? Result<void>(success())
                                                   : Result<void>(bytes.error());
    }
    if (bytes.value().empty()) {
      return last ? send({MessageType::device_end, device, 0, {}})
                  : Result<void>(fail(EIO, "device stream ended in PRE_COPY"));
    }
    report_.state_bytes += bytes.value().size();
    if (auto sent = send({MessageType::device_data, device, 0, std::move(bytes.value())}); !sent) {
      return sent;
    }
  }
}

// ---- switchover ----

Result<void> SourceRun::switch_over() {
  if (auto ok = step(VmmStep::stop_vcpus); !ok) {
    return ok;
  }
  begin_phase("stop");
  stopped_at_ = now();
  vcpus_stopped_ = true;
  vcpus(false);
  if (auto stopped = stop_devices(); !stopped) {
    return stopped;
  }
  begin_phase("last_pages");
  if (auto ok = step(VmmStep::last_pages); !ok) {
    return ok;
  }
  auto dirty = dirty_pages();
  if (!dirty) {
    return dirty.error();
  }
  if (auto sent = send_pages(dirty.value()); !sent) {
    return sent;
  }
  begin_phase("last_devices");
  if (auto ok = step(VmmStep::last_devices); !ok) {
    return ok;
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].stream) {
      if (auto sent = send_stream(i, true); !sent) {
        return sent;
      }
    }
  }
  return success();
}

Result<void> SourceRun::stop_devices() {
  if (auto ok = step(VmmStep::p2p); !ok) {
    return ok;
  }
  for (Device& source : sources_) {
    if (has(*source.device, VF_MIG_FLAG_P2P)) {
      auto done =
          source.device->set_state(source.stream ? MigState::pre_copy_p2p : MigState::running_p2p);
      if (!done) {
        return done.error();
      }
    }
  }
  if (auto ok = step(VmmStep::stop_copy); !ok) {
    return ok;
  }
  for (Device& source : sources_) {
    auto stream = source.device->set_state(MigState::stop_copy);
    if (!stream) {
      return stream.error();
    }
    source.stream = stream.value() ? stream.value() : source.stream;
  }
  return success();
}

Result<void> SourceRun::finish() {
  if (auto ok = step(VmmStep::save_config); !ok) {
    return ok;
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    auto config = sources_[i].device->save_config();
    if (!config) {
      return config.error();
    }
    if (auto sent = send(
            {MessageType::config, static_cast<std::uint16_t>(i), 0, std::move(config.value())});
        !sent) {
      return sent;
    }
  }
  if (auto ok = step(VmmStep::finish); !ok) {
    return ok;
  }
  begin_phase("resume");
  if (auto sent = send({MessageType::finish, 0, 0, {}}); !sent) {
    return sent;
  }
  committed_ = true;
  auto running = expect(MessageType::running);
  if (!running) {
    return running.error();
  }
  const auto there = Nanoseconds(static_cast<Nanoseconds::rep>(running.value().argument));
  const Nanoseconds up = there >= stopped_at_ && there <= now() ? there : now();
  report_.downtime_ns = static_cast<std::uint64_t>((up - stopped_at_).count());
  begin_phase("cleanup");
  for (Device& source : sources_) {
    // The guest runs elsewhere: a device that does not stop here is reset by its next user.
    (void)source.device->set_state(MigState::stop);
  }
  stop_logging();
  return success();
}

void SourceRun::stop_logging() {
  if (std::exchange(logging_, false)) {
    guest_.cpu_log(false);
    for (Device& source : sources_) {
      if (std::exchange(source.logging, false)) {
        (void)source.device->logging_stop();
      }
    }
  }
}

// ---- the way back ----

/// Whether one had to be reset, or is gone.
SourceRun::Kept SourceRun::devices_run_again() {
  Kept kept = Kept::all;
  (void)devices_to_p2p();  // one that failed is tried again below, and reset if need be
  for (Device& source : sources_) {
    kept = std::max(kept, run_or_reset(*source.device));
  }
  return kept;
}

void SourceRun::roll_back(const Error& error) {
  begin_phase("rollback");
  if (committed_ && !refused_) {
    link_.close();
    report_.outcome = "unknown";
    stop_logging();
    return;
  }
  give_up(error);
  if (vcpus_stopped_) {
    guest_.take_over();
  }
  const Kept kept = devices_run_again();
  if (vcpus_stopped_) {
    vcpus(true);
    report_.downtime_ns = static_cast<std::uint64_t>((now() - stopped_at_).count());
  }
  stop_logging();
  report_.outcome = kept == Kept::lost        ? "lost"
                    : kept == Kept::reset     ? "reset"
                    : error.code == ECANCELED ? "cancelled"
                                              : "rolled_back";
}

}  // namespace vfsim::driver
