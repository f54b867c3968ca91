// Names of the states of the migration protocol.
#pragma once

#include <string_view>

#include "firmware/interface/tables.hpp"
#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::bench {

[[nodiscard]] inline std::string_view mig_name(driver::MigState state) {
  return contract::enum_name("MIG", static_cast<std::uint32_t>(state));
}

}  // namespace vfsim::bench
