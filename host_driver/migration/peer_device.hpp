// Migration driver of the peer device: a device without commands, migrated through its registers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "host_driver/migration/vfio_device.hpp"
#include "host_driver/platform/observer.hpp"

namespace vfsim::driver {

struct PeerOptions {
  DriverObserver* observer = nullptr;
  VfRef ref;  // under which its arcs are observed
};

/// STOP_COPY and P2P. State: doorbell engine registers and memory window, read by MMIO before the
/// responder is stopped (everything that could write to it is quiet by then, and a stopped
/// responder shows control and status only) and written back when RESUMING ends. Its image is its
/// own format, with a check sum. set_state() errors: EINVAL (no such arc, bad image), ETIMEDOUT (no
/// drain).
class PeerVfioDevice final : public VfioDevice {
 public:
  explicit PeerVfioDevice(Platform& function, PeerOptions options = {});
  ~PeerVfioDevice() override;

  [[nodiscard]] std::uint64_t migration_flags() const override;
  [[nodiscard]] Result<MigState> state() override { return state_; }
  [[nodiscard]] Result<std::shared_ptr<MigStream>> set_state(MigState target) override;
  /// Doorbell engine off, both halves running.
  [[nodiscard]] Result<void> reset() override;
  [[nodiscard]] Result<std::uint64_t> data_size() override;
  /// The device writes to one address only; a report names its page when it lies in the range.
  [[nodiscard]] Result<std::uint64_t> logging_start(std::uint64_t page_size,
                                                    const std::vector<IovaRange>& ranges) override;
  [[nodiscard]] Result<void> logging_stop() override;
  [[nodiscard]] Result<std::vector<std::uint64_t>> logging_report(std::uint64_t iova,
                                                                  std::uint64_t length) override;
  [[nodiscard]] Result<std::vector<std::uint8_t>> save_config() override;
  [[nodiscard]] Result<void> restore_config(const std::vector<std::uint8_t>& bytes) override;

 private:
  class Stream;
  [[nodiscard]] Result<std::shared_ptr<MigStream>> run_arc(MigState from, MigState to);
  [[nodiscard]] Result<void> stop_initiator();
  [[nodiscard]] Result<void> load(const std::vector<std::uint8_t>& image);
  void change_control(std::uint32_t clear, std::uint32_t set);
  void take_image();
  void end_stream();
  [[nodiscard]] std::uint64_t doorbell_target();

  Platform& function_;
  PeerOptions options_;
  MigState state_ = MigState::running;
  std::shared_ptr<Stream> stream_;
  std::vector<std::uint8_t> image_;  // taken when the device stopped
  std::uint64_t page_size_ = 0;      // 0: logging is off
};

}  // namespace vfsim::driver
