// A guest lets its second device ring the doorbells of requests that it has posted.
#pragma once

#include <cstdint>

#include "host_driver/guest/eth_driver.hpp"
#include "host_driver/platform/platform.hpp"
#include "testbench/oracle/oracle.hpp"
#include "testbench/workload/schedule.hpp"

namespace vfsim::bench {

/// Posts `count` numbered frames without ringing, then sets the peer device's doorbell engine going.
/// @param vf_window  where the VF's BAR0 lies for the peer device
/// @returns an error of the driver
[[nodiscard]] driver::Result<void> start_peer_doorbells(driver::EthDriver& driver, driver::Platform& peer, Oracle& oracle,
                                                        std::uint32_t guest, std::uint64_t vf_window,
                                                        const WorkloadParams& params);

}  // namespace vfsim::bench
