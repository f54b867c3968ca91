// One of every kind of object: created, asked about, changed and destroyed.
#pragma once

#include "host_driver/cmd/command_channel.hpp"
#include "host_driver/platform/platform.hpp"

namespace vfsim::bench {

/// On a function that is initialised and may be in use: objects of its own only, no interrupt, no
/// frame steered. Runs in a driver thread; every command must succeed.
/// @param idle  the function has no traffic: its addresses and its first flow table are changed,
/// too
[[nodiscard]] driver::Result<void> tour_objects(driver::Platform& platform,
                                                driver::CommandChannel& channel, bool idle);

}  // namespace vfsim::bench
