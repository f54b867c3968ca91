#include "testbench/checkers/saving_sessions.hpp"

#include "host_driver/migration/record.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using driver::RecordHeader;
using model::FnRef;
using model::Ps;

bool saves(MigState state) {
  return state == MigState::pre_copy || state == MigState::pre_copy_p2p ||
         state == MigState::stop_copy;
}

}  // namespace

Ps SavingSessions::grace() const {
  constexpr Ps kTrips = 20;
  return kTrips * model::kNs *
         (2 * Ps{context_.pcie.latency_ns} + context_.pcie.memory_ns +
          context_.host.irq_latency_ns);
}

bool SavingSessions::function_of(const model::CommandView& view, FnRef& who) const {
  if (view.opcode == VF_OP_SAVE_VHCA_STATE && view.in_bytes >= VF_BYTES(save_vhca_state_in)) {
    return view_.function_of_vhca(
        view.who.host, static_cast<std::uint32_t>(VF_GET(save_vhca_state_in, view.in, vhca_id)),
        who);
  }
  return view.opcode == VF_OP_QUERY_VHCA_MIGRATION_STATE &&
         view.in_bytes >= VF_BYTES(query_vhca_migration_state_in) &&
         VF_GET(query_vhca_migration_state_in, view.in, incremental) != 0 &&
         view_.function_of_vhca(
             view.who.host,
             static_cast<std::uint32_t>(VF_GET(query_vhca_migration_state_in, view.in, vhca_id)),
             who);
}

void SavingSessions::vfio_state(FnRef who, std::uint32_t from, std::uint32_t to, int error) {
  if (!is_nic(context_, who) || error != 0) {
    return;
  }
  SavingSession& session = sessions_[function_index(who)];
  const auto target = static_cast<MigState>(to);
  if (!saves(target)) {
    session = {};
  } else if (!saves(static_cast<MigState>(from))) {
    const bool saving = session.saving;  // posted before the arc ended
    session = {};
    session.open = true;
    session.saving = saving;
    session.saved =
        context_.stream_records ? RecordHeader::kBytes + driver::kStopCopySizePayload : 0;
  }
  session.state = target;
}

void SavingSessions::device_reset(FnRef who) {
  if (is_nic(context_, who)) {
    sessions_[function_index(who)] = {};
  }
}

void SavingSessions::stream(const model::StreamView& view) {
  if (!is_nic(context_, view.who) || !view.saving) {
    return;
  }
  SavingSession& session = sessions_[function_index(view.who)];
  if (view.op == model::StreamOp::opened && session.open) {
    session.descriptor = view.descriptor;
  } else if (view.op == model::StreamOp::read && view.descriptor == session.descriptor) {
    session.read += view.count;
  }
}

void SavingSessions::command_submitted(const model::CommandView& view) {
  FnRef who;
  if (view.opcode == VF_OP_SAVE_VHCA_STATE && function_of(view, who)) {
    sessions_[function_index(who)].saving = true;
  }
}

void SavingSessions::command_completed(const model::CommandView& view) {
  FnRef who;
  if (view.opcode != VF_OP_SAVE_VHCA_STATE || !function_of(view, who)) {
    return;
  }
  SavingSession& session = sessions_[function_index(who)];
  const bool ok = view.delivery == VF_DELIVERY_OK && view.status == VF_STATUS_OK;
  session.saving = false;
  session.failed |= !ok;
  session.more = ok && VF_GET(save_vhca_state_out, view.out, next_required_umem_size) != 0;
}

bool SavingSessions::image_saved(Ps t, FnRef who, const ImageView& image) {
  SavingSession& session = sessions_[function_index(who)];
  if (!session.open || (session.precopy() && !image.set_track)) {
    return false;
  }
  ++session.images;
  session.last_bytes = image.count + (context_.stream_records ? RecordHeader::kBytes : 0);
  session.last_at = t;
  session.saved += session.last_bytes;
  return true;
}

}  // namespace vfsim::bench
