// A guest lets other devices ring the doorbells of requests that it has posted.
#pragma once

#include <cstdint>
#include <vector>

#include "host_driver/guest/eth_driver.hpp"
#include "host_driver/platform/platform.hpp"
#include "testbench/oracle/oracle.hpp"
#include "testbench/workload/schedule.hpp"

namespace vfsim::bench {

inline constexpr std::uint32_t kDoorbellBytes = 8;

/// Posts `count` numbered frames of params.packet_bytes without ringing.
/// @returns the doorbell of the first, or an error of the driver
[[nodiscard]] driver::Result<driver::SendDoorbell> post_for_peer(driver::EthDriver& driver, Oracle& oracle,
                                                                 std::uint32_t guest, std::uint32_t count,
                                                                 const WorkloadParams& params);

/// Lets frames ring: each of `frames` (all of one length) ends with the next doorbell, and the driver that will receive
/// them has its device write these ends to the other device's BAR.
/// @param window  where that BAR0 lies for the receiving device
/// @returns an error of the driver
[[nodiscard]] driver::Result<void> ring_with_frames(driver::EthDriver& receiver, std::vector<TimedFrame>& frames,
                                                    const driver::SendDoorbell& bell, std::uint64_t window);

/// Posts params.peer_doorbells numbered frames without ringing, then sets the peer device's doorbell engine going.
/// @param vf_window  where the VF's BAR0 lies for the peer device
/// @returns an error of the driver
[[nodiscard]] driver::Result<void> start_peer_doorbells(driver::EthDriver& driver, driver::Platform& peer, Oracle& oracle,
                                                        std::uint32_t guest, std::uint64_t vf_window,
                                                        const WorkloadParams& params);

}  // namespace vfsim::bench
