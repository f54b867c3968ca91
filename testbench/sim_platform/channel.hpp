// The migration channel between two hosts.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "host_driver/vmm/environment.hpp"
#include "testbench/sim_platform/sim_os.hpp"
#include "testbench/workload/channel_params.hpp"

namespace vfsim::bench {

/// Two ends of one line; each direction has the whole bandwidth.
[[nodiscard]] std::pair<std::unique_ptr<driver::Channel>, std::unique_ptr<driver::Channel>> make_channel(
    SimOs& a, SimOs& b, const ChannelParams& params);

}  // namespace vfsim::bench
