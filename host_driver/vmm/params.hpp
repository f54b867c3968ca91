// Parameters of the migration procedure: a struct expanded from vmm_params.def.
#pragma once

#include <cstdint>
#include <string>

namespace vfsim::driver {

/// Rows as in the other parameter tables: PARAM(type, field, default, min, max, unit, doc),
/// CHOICE(field, default, "a|b", doc); the scenario name of a field is "vmm.<field>".
#define PARAM(type, field, def, min, max, unit, doc) type field = def;
#define CHOICE(field, def, choices, doc) std::string field = def;
struct VmmParams {
#include "host_driver/vmm/vmm_params.def"
};
#undef PARAM
#undef CHOICE

}  // namespace vfsim::driver
