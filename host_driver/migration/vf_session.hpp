// What the parts of one VF's migration driver share: state, locks, capabilities, streams, tracker.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "firmware/interface/faults.h"
#include "host_driver/migration/sync.hpp"
#include "host_driver/migration/vf_config.hpp"
#include "host_driver/migration/vfio_device.hpp"
#include "host_driver/pf/pf_driver.hpp"
#include "host_driver/platform/observer.hpp"

namespace vfsim::driver {

class PageTracker;
class ResumingStream;
class SavingStream;

/// Order of firmware commands and form of the stream.
enum class MigFlow : std::uint8_t {
  newest,  // records, PRE_COPY, several loads, chunks
  v61,     // raw image, STOP_COPY and P2P only
};

struct VfMigrationOptions {
  MigFlow flow = MigFlow::newest;
  std::uint8_t host = 0;  // for observations
  DriverObserver* observer = nullptr;
  vf_fault_set faults{};
  std::uint64_t chunk_bytes =
      8U << 20;  // chunk mode: buffer for one chunk, unless the firmware asks for more
  Nanoseconds reset_wait = kResetWait;
};

/// Capabilities that the driver works with, read when the VF is bound.
struct MigCapabilities {
  std::uint64_t flags = 0;   // VF_MIG_FLAG_*; 0: the VF does not migrate
  bool chunks = false;       // migration_in_chunks
  bool state_valid = false;  // migration_state of QUERY_VHCA_MIGRATION_STATE is trusted
  bool tracking = false;     // adv_virtualization: page trackers
  Bytes tracker;             // adv_virtualization_cap
  std::uint8_t log_max_msg = 0;
  bool user_index = false;  // cqe_version 1
};

/// Rules of section 6.8 of the mlx5 device interface: the state mutex is held over every operation
/// that sends commands for the VF; lock order is state mutex, then stream lock, then list lock.
class VfSession : public std::enable_shared_from_this<VfSession> {
 public:
  VfSession(PfDriver& pf_driver, Platform& vf_function, std::uint16_t vf_index,
            VfMigrationOptions session_options);

  PfDriver& pf;
  Platform& function;
  const std::uint16_t vf;
  const VfMigrationOptions options;
  Os& os;

  // Guarded by the state mutex.
  MigCapabilities caps;
  std::uint16_t vhca_id = 0;
  MigState state = MigState::running;
  std::atomic<bool> detached{false};  // a reset asks without the mutex
  bool reinit_opt_in = false;
  std::shared_ptr<SavingStream> saving;
  std::shared_ptr<ResumingStream> resuming;

  /// The page tracker, or nothing; from any thread.
  [[nodiscard]] std::shared_ptr<PageTracker> tracker();
  /// Puts another one in its place and returns the old one. State mutex held.
  std::shared_ptr<PageTracker> exchange_tracker(std::shared_ptr<PageTracker> next);

  /// The PF's queue, or ENOTCONN once the VF is disabled.
  [[nodiscard]] Result<CommandChannel*> channel();
  /// Ends both streams: waits for the outstanding SAVE, disables the descriptors, destroys keys and
  /// domain. Returns false when the saving stream had failed.
  bool close_streams();
  [[nodiscard]] VfRef ref() const { return {options.host, vf}; }

  void lock_state() { state_mutex_->lock(); }
  /// Also performs a reset that was asked for meanwhile.
  void unlock_state();
  /// The function was reset: state RUNNING, streams closed; now, or by the present holder of the
  /// state mutex.
  void reset_done();

 private:
  std::unique_ptr<Mutex> state_mutex_, reset_lock_, tracker_lock_;
  std::shared_ptr<PageTracker> tracker_;  // changed with both locks held
  bool deferred_reset_ = false;
};

/// Holds the state mutex for a scope.
class StateLock {
 public:
  explicit StateLock(VfSession& session) : session_(session) { session_.lock_state(); }
  ~StateLock() { session_.unlock_state(); }
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;

 private:
  VfSession& session_;
};

}  // namespace vfsim::driver
