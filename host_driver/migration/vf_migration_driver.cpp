#include "host_driver/migration/vf_migration_driver.hpp"

#include <string>
#include <utility>

#include "firmware/interface/faults.h"
#include "host_driver/cmd/commands.hpp"
#include "host_driver/migration/arcs.hpp"
#include "host_driver/migration/capabilities.hpp"
#include "host_driver/migration/fsm.hpp"
#include "host_driver/migration/saving_stream.hpp"
#include "host_driver/tracking/page_tracker.hpp"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

Error no_migration() {
  return fail(ENOTTY, "VF has no migration support");
}

}  // namespace

VfMigrationDriver::VfMigrationDriver(PfDriver& pf, Platform& vf_function, std::uint16_t vf,
                                     VfMigrationOptions options)
    : session_(std::make_shared<VfSession>(pf, vf_function, vf, options)) {
  session_->detached = pf.num_vfs() <= vf;
  pf.add_listener(*this);
  // The PF keeps the handler for ever, the session may go earlier.
  pf.on_async([weak = std::weak_ptr<VfSession>(session_)](std::uint8_t type, std::uint8_t,
                                                          const std::uint8_t* data) {
    const auto session = weak.lock();
    const auto tracker = session ? session->tracker() : nullptr;
    if (tracker) {
      tracker->on_async(type, data);
    }
  });
}

VfMigrationDriver::~VfMigrationDriver() {
  session_->pf.remove_listener(*this);
  close();
}

void VfMigrationDriver::close() {
  if (const auto tracker = session_->tracker()) {
    tracker->mark_error();  // a sleeping report must leave before the mutex can be taken
  }
  StateLock guard(*session_);
  session_->close_streams();
  if (const auto tracker = session_->exchange_tracker(nullptr)) {
    tracker->stop();
  }
  session_->detached = true;
}

Result<void> VfMigrationDriver::bind() {
  StateLock guard(*session_);
  auto channel = session_->channel();
  if (!channel) {
    return channel.error();
  }
  auto found = query_mig_capabilities(session_->pf, session_->options.flow, session_->vf);
  if (!found) {
    return found.error();
  }
  session_->caps = std::move(found.value().caps);
  session_->vhca_id = found.value().vhca_id;
  session_->state = MigState::running;
  return success();
}

std::uint16_t VfMigrationDriver::vf() const {
  return session_->vf;
}
std::uint16_t VfMigrationDriver::vhca_id() const {
  return session_->vhca_id;
}
std::uint64_t VfMigrationDriver::migration_flags() const {
  return session_->caps.flags;
}

MigState VfMigrationDriver::peek_state() const {
  return session_->state;
}

Result<MigState> VfMigrationDriver::state() {
  StateLock guard(*session_);
  if (session_->caps.flags == 0) {
    return no_migration();
  }
  return session_->state;
}

Result<std::shared_ptr<MigStream>> VfMigrationDriver::set_state(MigState target) {
  StateLock guard(*session_);
  if (session_->caps.flags == 0) {
    return no_migration();
  }
  if (auto channel = session_->channel(); !channel) {
    return channel.error();
  }
  return walk(target);
}

Result<std::shared_ptr<MigStream>> VfMigrationDriver::walk(MigState target) {
  const std::uint64_t flags = session_->caps.flags;
  const bool skip_p2p = vf_fault(session_->options.faults, VF_FAULT_p2p_stage_skipped) != 0;
  Result<std::shared_ptr<MigStream>> last = std::shared_ptr<MigStream>();
  const int outcome =
      walk_mig_states(flags, session_->state, target, [&](MigState from, MigState to) {
        const bool skip = skip_p2p && from == MigState::running && to == MigState::running_p2p &&
                          mig_next_state(flags, to, target) == MigState::stop;
        last = skip ? skip_p2p_stage() : run_arc(from, to);
        return last.has_value();
      });
  if (outcome == EINVAL) {
    return fail(EINVAL, std::string("no way from ") + to_string(session_->state) + " to " +
                            to_string(target));
  }
  return last;
}

Result<std::shared_ptr<MigStream>> VfMigrationDriver::run_arc(MigState from, MigState to) {
  const MigArc* arc = find_arc(session_->options.flow, from, to);
  if (arc == nullptr) {
    return fail(EINVAL, std::string("no arc from ") + to_string(from) + " to " + to_string(to));
  }
  auto result = arc->run(*session_);
  if (result) {
    session_->state = to;
  }
  observe_arc(from, to, result ? 0 : result.error().code);
  return result;
}

/// The deliberate defect p2p_stage_skipped: both suspends, one arc.
Result<std::shared_ptr<MigStream>> VfMigrationDriver::skip_p2p_stage() {
  auto result = arcs::suspend_initiator(*session_);
  if (result) {
    result = arcs::suspend_responder(*session_);
  }
  if (result) {
    session_->state = MigState::stop;
  }
  observe_arc(MigState::running, MigState::stop, result ? 0 : result.error().code);
  return result;
}

void VfMigrationDriver::observe_arc(MigState from, MigState to, int error) const {
  session_->os.log(error == 0 ? LogLevel::info : LogLevel::error,
                   "VF " + std::to_string(session_->vf) + ": " + to_string(from) + " -> " +
                       to_string(to) + (error == 0 ? "" : ", error " + std::to_string(error)));
  if (DriverObserver* observer = session_->options.observer) {
    observer->vfio_arc(session_->ref(), static_cast<std::uint32_t>(from),
                       static_cast<std::uint32_t>(to), error);
  }
}

Result<void> VfMigrationDriver::reset() {
  auto done = reset_function(session_->function, session_->options.reset_wait);
  if (done) {
    session_->reset_done();
  }
  // Told last: the VF may have gone during the wait.
  auto channel = session_->channel();
  return channel ? done : Result<void>(channel.error());
}

void VfMigrationDriver::reset_done() {
  session_->reset_done();
}

Result<std::uint64_t> VfMigrationDriver::data_size() {
  StateLock guard(*session_);
  if (session_->caps.flags == 0) {
    return no_migration();
  }
  auto channel = session_->channel();
  if (!channel) {
    return channel.error();
  }
  const bool chunks = session_->caps.chunks;
  auto size = query_vhca_migration_state(*channel.value(), session_->vhca_id, false, chunks);
  if (!size) {
    return size.error();
  }
  return chunks ? size.value().remaining_total_size
                : std::uint64_t{size.value().required_umem_size};
}

void VfMigrationDriver::opt_in_precopy_reinit() {
  StateLock guard(*session_);
  session_->reinit_opt_in = true;
}

bool VfMigrationDriver::logging_supported() const {
  return session_->caps.tracking;
}

Result<std::uint64_t> VfMigrationDriver::logging_start(std::uint64_t page_size,
                                                       const std::vector<IovaRange>& ranges) {
  StateLock guard(*session_);
  if (!session_->caps.tracking) {
    return fail(ENOTTY, "device has no page tracker");
  }
  if (session_->tracker()) {
    return fail(EINVAL, "dirty logging is active");
  }
  if (auto channel = session_->channel(); !channel) {
    return channel.error();
  }
  auto tracker =
      PageTracker::start(session_->pf, session_->vhca_id, session_->caps, page_size, ranges);
  if (!tracker) {
    return tracker.error();
  }
  session_->exchange_tracker(tracker.value());
  if (session_->options.observer != nullptr) {
    session_->options.observer->dirty_tracking(session_->ref(), true);
  }
  return tracker.value()->page_size();
}

Result<void> VfMigrationDriver::logging_stop() {
  StateLock guard(*session_);
  if (const auto tracker = session_->exchange_tracker(nullptr)) {
    tracker->stop();
    if (session_->options.observer != nullptr) {
      session_->options.observer->dirty_tracking(session_->ref(), false);
    }
  }
  return success();
}

Result<std::vector<std::uint64_t>> VfMigrationDriver::logging_report(std::uint64_t iova,
                                                                     std::uint64_t length) {
  StateLock guard(*session_);
  const auto tracker = session_->tracker();
  if (!tracker) {
    return session_->detached ? fail(ENOTCONN, "VF is disabled")
                              : fail(EINVAL, "dirty logging is not active");
  }
  if (auto channel = session_->channel(); !channel) {
    return channel.error();
  }
  auto pages = tracker->report(iova, length);
  if (pages && session_->options.observer != nullptr) {
    session_->options.observer->dirty_report(session_->ref(), pages.value().data(),
                                             pages.value().size());
  }
  return pages;
}

Result<std::vector<std::uint8_t>> VfMigrationDriver::save_config() {
  return save_vf_config(session_->function, bars_);
}

Result<void> VfMigrationDriver::restore_config(const std::vector<std::uint8_t>& bytes) {
  auto bars = restore_vf_config(session_->function, bytes);
  if (!bars) {
    return bars.error();
  }
  bars_ = bars.value();
  return success();
}

void VfMigrationDriver::vf_enabled(std::uint16_t vf) {
  if (vf == session_->vf) {
    StateLock guard(*session_);
    session_->detached = false;
    session_->state = MigState::running;
  }
}

void VfMigrationDriver::vf_disabled(std::uint16_t vf) {
  if (vf == session_->vf) {
    close();
  }
}

}  // namespace vfsim::driver
