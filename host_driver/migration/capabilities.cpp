#include "host_driver/migration/capabilities.hpp"

#include <utility>

#include "host_driver/cmd/commands.hpp"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

/// PF bits and the VF's own; leaves flags 0 when one is missing.
Result<void> test_newest(PfDriver& pf, const Bytes& general, std::uint16_t function_id,
                         MigCapabilities& caps) {
  if (VF_GET(cmd_hca_cap, general.data(), hca_cap_2) == 0) {
    return success();
  }
  const std::uint8_t* bits = pf.capability(VF_CAP_GENERAL_2).data();
  if (VF_GET(cmd_hca_cap_2, bits, migration_multi_load) == 0 ||
      VF_GET(cmd_hca_cap_2, bits, migration_tracking_state) == 0) {
    return success();
  }
  auto vf = query_hca_cap(pf.commands(), VF_CAP_GENERAL_2, CapMode::maximum, function_id);
  if (!vf) {
    return vf.error();
  }
  if (VF_GET(cmd_hca_cap_2, vf.value().data(), migratable) == 0) {
    return success();
  }
  caps.chunks = VF_GET(cmd_hca_cap_2, bits, migration_in_chunks) != 0;
  caps.state_valid = VF_GET(cmd_hca_cap_2, bits, migration_state) != 0;
  caps.flags = VF_MIG_FLAG_STOP_COPY | VF_MIG_FLAG_P2P | VF_MIG_FLAG_PRE_COPY;
  return success();
}

}  // namespace

Result<BindResult> query_mig_capabilities(PfDriver& pf, MigFlow flow, std::uint16_t vf) {
  const auto function_id = static_cast<std::uint16_t>(vf + 1);
  const Bytes& general = pf.capability(VF_CAP_GENERAL);
  BindResult out;
  const std::uint8_t* bits = general.data();
  out.caps.log_max_msg = static_cast<std::uint8_t>(VF_GET(cmd_hca_cap, bits, log_max_msg));
  out.caps.user_index = VF_GET(cmd_hca_cap, bits, cqe_version) != 0;
  if (VF_GET(cmd_hca_cap, bits, migration) != 0) {
    if (flow == MigFlow::v61) {
      out.caps.flags = VF_MIG_FLAG_STOP_COPY | VF_MIG_FLAG_P2P;
    } else if (auto tested = test_newest(pf, general, function_id, out.caps); !tested) {
      return tested.error();
    }
  }
  if (out.caps.flags == 0) {
    return out;
  }
  if (VF_GET(cmd_hca_cap, bits, adv_virtualization) != 0) {
    out.caps.tracking = true;
    out.caps.tracker = pf.capability(VF_CAP_ADV_VIRTUALIZATION);
  }
  auto own = query_hca_cap(pf.commands(), VF_CAP_GENERAL, CapMode::current, function_id);
  if (!own) {
    return own.error();
  }
  out.vhca_id = static_cast<std::uint16_t>(VF_GET(cmd_hca_cap, own.value().data(), vhca_id));
  return out;
}

}  // namespace vfsim::driver
