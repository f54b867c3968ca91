// Every migration command on a VF that nobody uses, in each of its run states.
#pragma once

#include "host_driver/pf/pf_driver.hpp"

namespace vfsim::bench {

/// Running, stopped as initiator, and stopped: in each of them every command once as a driver would
/// send it, whether the state allows it or not, and once with an output that is too short, which
/// must be refused. Leaves the VF running. In a thread of the PF's Os.
/// @param vf  enabled, and no guest's
[[nodiscard]] driver::Result<void> tour_migration_commands(driver::PfDriver& pf, std::uint16_t vf);

}  // namespace vfsim::bench
