#include "host_driver/migration/arcs.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/migration/saving_stream.hpp"

namespace vfsim::driver {
namespace {

using S = MigState;

constexpr MigArc kNewest[] = {
    {S::running, S::running_p2p, arcs::suspend_initiator},
    {S::running_p2p, S::stop, arcs::suspend_responder},
    {S::stop, S::running_p2p, arcs::resume_responder},
    {S::running_p2p, S::running, arcs::resume_initiator},
    {S::pre_copy, S::pre_copy_p2p, arcs::suspend_initiator},
    {S::pre_copy_p2p, S::pre_copy, arcs::resume_initiator},
    {S::stop, S::stop_copy, arcs::start_stop_copy},
    {S::stop_copy, S::stop, arcs::end_session},
    {S::running, S::pre_copy, arcs::start_precopy},
    {S::running_p2p, S::pre_copy_p2p, arcs::start_precopy},
    {S::pre_copy, S::running, arcs::cancel_precopy},
    {S::pre_copy_p2p, S::running_p2p, arcs::cancel_precopy},
    {S::pre_copy_p2p, S::stop_copy, arcs::precopy_to_stop_copy},
    {S::stop, S::resuming, arcs::start_resuming},
    {S::resuming, S::stop, arcs::end_session},
};

constexpr MigArc kRaw[] = {
    {S::running, S::running_p2p, arcs::suspend_initiator},
    {S::running_p2p, S::stop, arcs::suspend_responder},
    {S::stop, S::running_p2p, arcs::resume_responder},
    {S::running_p2p, S::running, arcs::resume_initiator},
    {S::stop, S::stop_copy, arcs::start_raw_stop_copy},
    {S::stop_copy, S::stop, arcs::end_session},
    {S::stop, S::resuming, arcs::start_raw_resuming},
    {S::resuming, S::stop, arcs::load_raw_image},
};

template <std::size_t N>
const MigArc* find_in(const MigArc (&table)[N], MigState from, MigState to) {
  const MigArc* found = std::find_if(std::begin(table), std::end(table),
                                     [&](const MigArc& a) { return a.from == from && a.to == to; });
  return found == std::end(table) ? nullptr : found;
}

ArcResult no_stream(const Result<void>& result) {
  if (!result) {
    return result.error();
  }
  return std::shared_ptr<MigStream>();
}

/// The firmware may refuse a tracked SAVE of a suspended function, so a SUSPEND waits for the
/// running one.
ArcResult suspend(VfSession& session, std::uint32_t op_mod) {
  auto channel = session.channel();
  if (!channel) {
    return channel.error();
  }
  const auto saving = session.saving;
  if (saving) {
    saving->slot_acquire();
  }
  auto done = suspend_vhca(*channel.value(), session.vhca_id, op_mod);
  if (saving) {
    saving->slot_release();
  }
  return no_stream(done);
}

ArcResult resume(VfSession& session, std::uint32_t op_mod) {
  auto channel = session.channel();
  if (!channel) {
    return channel.error();
  }
  return no_stream(resume_vhca(*channel.value(), session.vhca_id, op_mod));
}

}  // namespace

const MigArc* find_arc(MigFlow flow, MigState from, MigState to) {
  return flow == MigFlow::newest ? find_in(kNewest, from, to) : find_in(kRaw, from, to);
}

ArcResult arcs::suspend_initiator(VfSession& session) {
  return suspend(session, VF_SUSPEND_INITIATOR);
}
ArcResult arcs::suspend_responder(VfSession& session) {
  return suspend(session, VF_SUSPEND_RESPONDER);
}
ArcResult arcs::resume_responder(VfSession& session) {
  return resume(session, VF_RESUME_RESPONDER);
}
ArcResult arcs::resume_initiator(VfSession& session) {
  return resume(session, VF_RESUME_INITIATOR);
}

ArcResult arcs::end_session(VfSession& session) {
  session.close_streams();
  return std::shared_ptr<MigStream>();
}

}  // namespace vfsim::driver
