// What a guest and the traffic peer send each other, and when.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host_driver/platform/result.hpp"
#include "systemc/common/calendar.hpp"
#include "testbench/workload/frames.hpp"
#include "testbench/workload/workload_params.hpp"

namespace vfsim::bench {

struct TimedFrame {
  model::Ps at = 0;  // after the start of the workload
  Frame bytes;
};

/// Both directions of one guest's conversation, each in time order.
struct Schedule {
  std::vector<TimedFrame> from_guest;
  std::vector<TimedFrame> to_guest;
};

/// Replays capture files: frames whose TCP source port is the file's server port are the guest's, the rest are the
/// client's; MACs are rewritten, times scaled and taken from each file's first frame; files are merged by time.
/// Errors name the file and the frame.
/// @param folders  where relative file names are looked for, in order
[[nodiscard]] driver::Result<Schedule> replay(const WorkloadParams& params, const std::vector<std::string>& folders,
                                              std::uint32_t guest);

/// Generated traffic: params.packets frames each way of params.packet_bytes, gaps drawn evenly from
/// [gap/2, 3 gap/2), every payload numbered and different.
[[nodiscard]] Schedule generate(const WorkloadParams& params, std::uint32_t guest, std::uint64_t seed);

/// The same where other devices of the guest ring for its sends: params.p2p_sends frames to the guest, none from it.
[[nodiscard]] Schedule generate_p2p(const WorkloadParams& params, std::uint32_t guest, std::uint64_t seed);

}  // namespace vfsim::bench
