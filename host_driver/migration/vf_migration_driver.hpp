// Migration driver of one VF: the VFIO protocol on one side, commands on the PF's queue on the
// other.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "host_driver/migration/vf_config.hpp"
#include "host_driver/migration/vf_session.hpp"
#include "host_driver/migration/vfio_device.hpp"
#include "host_driver/pf/pf_driver.hpp"

namespace vfsim::driver {

/// Order of use: construct, PfDriver::enable_sriov(), bind(), then the VfioDevice calls. Errors of
/// set_state(): EINVAL (no such arc), ENOTCONN (VF disabled, PF gone), ENODEV (session failed), EIO
/// (pre-copy clean-up), or that of the command that failed. A failed arc leaves the state before
/// it; the error state is never entered. Source: mlx5 device interface sections 6.2 to 6.8.
class VfMigrationDriver final : public VfioDevice, public VfListener {
 public:
  /// @param vf_function the VF's configuration space and BAR0 as the host reaches them. Both
  /// outlive the driver.
  VfMigrationDriver(PfDriver& pf, Platform& vf_function, std::uint16_t vf,
                    VfMigrationOptions options = {});
  ~VfMigrationDriver() override;
  VfMigrationDriver(const VfMigrationDriver&) = delete;
  VfMigrationDriver& operator=(const VfMigrationDriver&) = delete;

  /// Capability tests and vhca_id. Succeeds for a VF that cannot migrate too: migration_flags() is
  /// 0 then and the calls answer ENOTTY. ENOTCONN while the VF is not enabled.
  [[nodiscard]] Result<void> bind();
  [[nodiscard]] std::uint16_t vf() const;
  [[nodiscard]] std::uint16_t vhca_id() const;
  /// Somebody else reset the function (the guest, by FLR): as reset() without the reset itself.
  void reset_done();
  /// BAR0..5 as the virtual machine sees them; part of save_config().
  [[nodiscard]] VirtualBars& virtual_bars() { return bars_; }
  /// The state as it is now, without waiting for whoever is about to change it: for debuggers.
  [[nodiscard]] MigState peek_state() const;

  // VfioDevice
  [[nodiscard]] std::uint64_t migration_flags() const override;
  [[nodiscard]] Result<MigState> state() override;
  [[nodiscard]] Result<std::shared_ptr<MigStream>> set_state(MigState target) override;
  [[nodiscard]] Result<void> reset() override;
  [[nodiscard]] Result<std::uint64_t> data_size() override;
  void opt_in_precopy_reinit() override;
  [[nodiscard]] bool logging_supported() const override;
  [[nodiscard]] Result<std::uint64_t> logging_start(std::uint64_t page_size,
                                                    const std::vector<IovaRange>& ranges) override;
  [[nodiscard]] Result<void> logging_stop() override;
  [[nodiscard]] Result<std::vector<std::uint64_t>> logging_report(std::uint64_t iova,
                                                                  std::uint64_t length) override;
  [[nodiscard]] Result<std::vector<std::uint8_t>> save_config() override;
  [[nodiscard]] Result<void> restore_config(const std::vector<std::uint8_t>& bytes) override;

  // VfListener
  void vf_enabled(std::uint16_t vf) override;
  void vf_disabled(std::uint16_t vf) override;

 private:
  Result<std::shared_ptr<MigStream>> walk(MigState target);
  Result<std::shared_ptr<MigStream>> run_arc(MigState from, MigState to);
  Result<std::shared_ptr<MigStream>> skip_p2p_stage();
  void observe_arc(MigState from, MigState to, int error) const;
  void close();

  std::shared_ptr<VfSession> session_;
  VirtualBars bars_{};
};

}  // namespace vfsim::driver
