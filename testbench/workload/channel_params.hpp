// Parameters of the migration channel.
#pragma once

#include <cstdint>

namespace vfsim::bench {

struct ChannelParams {
#define PARAM(type, field, def, min, max, unit, doc) type field = def;
#include "testbench/workload/channel_params.def"
#undef PARAM
};

}  // namespace vfsim::bench
