// The RTL blocks that a NIC's parameters ask for.
#pragma once

#include <cstdint>

#include "rtl_models/common/rtl_session.hpp"
#include "systemc/common/calendar.hpp"
#include "systemc/nic/block_makers.hpp"

namespace vfsim::model {

/// Makers of the blocks that are "rtl" in `params`; nic.rtl wants them all. The others stay empty.
/// @param host  whose NIC: names of its blocks begin with "A." or "B."
/// All arguments outlive the NIC.
[[nodiscard]] BlockMakers rtl_blocks(const NicParams& params, std::uint8_t host, Calendar& calendar,
                                     rtl::RtlSession& session);

}  // namespace vfsim::model
