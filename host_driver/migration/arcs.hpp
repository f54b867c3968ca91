// The arcs of the VF migration driver: one function each, in a table per flow.
#pragma once

#include <memory>

#include "host_driver/migration/vf_session.hpp"
#include "host_driver/migration/vfio_device.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

using ArcResult = Result<std::shared_ptr<MigStream>>;

/// Runs with the state mutex held; the caller commits `to` when it succeeds.
struct MigArc {
  MigState from, to;
  ArcResult (*run)(VfSession& session);
};

/// The arc of the flow, or nothing (EINVAL).
[[nodiscard]] const MigArc* find_arc(MigFlow flow, MigState from, MigState to);

/// Arcs that both flows share. Source: mlx5 device interface sections 6.3 to 6.5.
namespace arcs {
[[nodiscard]] ArcResult suspend_initiator(VfSession& session);
[[nodiscard]] ArcResult suspend_responder(VfSession& session);
[[nodiscard]] ArcResult resume_responder(VfSession& session);
[[nodiscard]] ArcResult resume_initiator(VfSession& session);
[[nodiscard]] ArcResult end_session(VfSession& session);
/// Newest.
[[nodiscard]] ArcResult start_precopy(VfSession& session);
[[nodiscard]] ArcResult cancel_precopy(VfSession& session);
[[nodiscard]] ArcResult precopy_to_stop_copy(VfSession& session);
[[nodiscard]] ArcResult start_stop_copy(VfSession& session);
[[nodiscard]] ArcResult start_resuming(VfSession& session);
/// 6.1.
[[nodiscard]] ArcResult start_raw_stop_copy(VfSession& session);
[[nodiscard]] ArcResult start_raw_resuming(VfSession& session);
[[nodiscard]] ArcResult load_raw_image(VfSession& session);
}  // namespace arcs

}  // namespace vfsim::driver
