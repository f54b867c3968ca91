// Parameters of the hardware models: structs expanded from the *_params.def tables.
#pragma once

#include <cstdint>
#include <string>

namespace vfsim::model {

/// Every table row is PARAM(type, field, default, min, max, unit, doc) or CHOICE(field, default,
/// "a|b|c", doc). The scenario name of a field is "<group>.<field>"; the reader, the listing and
/// the docs expand the same tables.
#define PARAM(type, field, def, min, max, unit, doc) type field = def;
#define CHOICE(field, def, choices, doc) std::string field = def;
struct PcieParams {
#include "systemc/pcie/pcie_params.def"
};
struct HostParams {
#include "systemc/memory/host_params.def"
};
struct NicParams {
#include "systemc/nic/nic_params.def"
};
struct WireParams {
#include "systemc/wire/wire_params.def"
};
#undef PARAM
#undef CHOICE

}  // namespace vfsim::model
