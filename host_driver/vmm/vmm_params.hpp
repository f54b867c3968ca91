// Parameters of the migration procedure.
#pragma once

#include <cstdint>
#include <string>

namespace vfsim::driver {

struct VmmParams {
#define PARAM(type, field, def, min, max, unit, doc) type field = def;
#define CHOICE(field, def, choices, doc) std::string field = def;
#include "host_driver/vmm/vmm_params.def"
#undef PARAM
#undef CHOICE
};

}  // namespace vfsim::driver
