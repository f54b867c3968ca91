// The migration procedure of a virtual machine monitor: one object per side and migration thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host_driver/platform/observer.hpp"
#include "host_driver/platform/platform.hpp"
#include "host_driver/vmm/environment.hpp"
#include "host_driver/vmm/params.hpp"
#include "host_driver/vmm/report.hpp"

namespace vfsim::driver {

enum class VmmStep : std::uint8_t {
#define STEP(name, doc) name,
#include "host_driver/vmm/vmm_steps.def"
#undef STEP
};
[[nodiscard]] const char* to_string(VmmStep step);
/// Nothing for an unknown name.
[[nodiscard]] std::optional<VmmStep> find_vmm_step(std::string_view name);
/// All names, in the order of the table.
[[nodiscard]] std::vector<std::string_view> vmm_step_names();

struct VmmOptions {
  DriverObserver* observer = nullptr;
  std::string fail_at;          // name of a step that shall fail; empty: none
  std::uint32_t fail_skip = 0;  // let the step pass this many times before
};

/// Source and destination run in a driver thread each and meet on a channel; the channel is closed
/// when the migration does not complete. Rules kept: every device is in a P2P state before one goes
/// on to STOP_COPY, and in RUNNING_P2P before one runs (P1); the destination runs only after the
/// source has told it so, and the source runs again only if it has not, or if the destination
/// refused, which it does as long as none of its devices runs (X2).
class Vmm {
 public:
  Vmm(Os& os, VmmParams params, VmmOptions options = {});

  /// Source. The guest runs; on success it is stopped, its devices are in STOP. Anything that goes
  /// wrong on the way is in the report. EINVAL: fail_at names no step.
  [[nodiscard]] Result<MigrationReport> migrate_out(GuestVm& guest, Channel& to);
  /// Destination. The guest has not run here; its devices are RUNNING after a reset. On success it
  /// runs.
  [[nodiscard]] Result<MigrationReport> migrate_in(GuestVm& guest, Channel& from);
  /// From any thread: the migration in progress (or the next one) ends at its next step and is
  /// rolled back.
  void cancel() { cancelled_ = true; }

 private:
  Os& os_;
  VmmParams params_;
  VmmOptions options_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace vfsim::driver
