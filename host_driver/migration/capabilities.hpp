// What the PF and a VF offer for migration.
#pragma once

#include "host_driver/migration/vf_session.hpp"

namespace vfsim::driver {

struct BindResult {
  MigCapabilities caps;
  std::uint16_t vhca_id = 0;
};

/// Capability tests of the flow (the PF's own as it read them at bring-up), then the VF's vhca_id.
/// Newest needs migration, migration_multi_load, migration_tracking_state and the VF's migratable
/// bit; 6.1 needs migration alone. Source: mlx5 device interface sections 4.5, 6.5, 8.
[[nodiscard]] Result<BindResult> query_mig_capabilities(PfDriver& pf, MigFlow flow,
                                                        std::uint16_t vf);

}  // namespace vfsim::driver
