#include "host_driver/migration/vf_session.hpp"

#include <utility>

#include "host_driver/migration/resuming_stream.hpp"
#include "host_driver/migration/saving_stream.hpp"
#include "host_driver/tracking/page_tracker.hpp"

namespace vfsim::driver {

VfSession::VfSession(PfDriver& pf_driver, Platform& vf_function, std::uint16_t vf_index,
                     VfMigrationOptions session_options)
    : pf(pf_driver),
      function(vf_function),
      vf(vf_index),
      options(session_options),
      os(pf_driver.platform().os()),
      state_mutex_(os.make_mutex()),
      reset_lock_(os.make_mutex()),
      tracker_lock_(os.make_mutex()) {}

Result<CommandChannel*> VfSession::channel() {
  if (detached) {
    return fail(ENOTCONN, "VF " + std::to_string(vf) + " is disabled");
  }
  return &pf.commands();
}

std::shared_ptr<PageTracker> VfSession::tracker() {
  Lock lock(*tracker_lock_);
  return tracker_;
}

std::shared_ptr<PageTracker> VfSession::exchange_tracker(std::shared_ptr<PageTracker> next) {
  Lock lock(*tracker_lock_);
  return std::exchange(tracker_, std::move(next));
}

bool VfSession::close_streams() {
  if (const auto stream = std::exchange(resuming, nullptr)) {
    stream->shut();
  }
  const auto stream = std::exchange(saving, nullptr);
  return !stream || stream->shut();
}

void VfSession::unlock_state() {
  reset_lock_->lock();
  while (deferred_reset_) {
    deferred_reset_ = false;
    reset_lock_->unlock();
    state = MigState::running;
    close_streams();
    reset_lock_->lock();
  }
  // Mutex first: a reset that comes now finds it free, or a new holder who will see the flag.
  state_mutex_->unlock();
  reset_lock_->unlock();
}

void VfSession::reset_done() {
  reset_lock_->lock();
  deferred_reset_ = true;
  const bool mine = state_mutex_->try_lock();
  reset_lock_->unlock();
  if (mine) {
    unlock_state();
  }
}

}  // namespace vfsim::driver
