#include <memory>
#include <utility>

#include "host_driver/migration/arcs.hpp"
#include "host_driver/migration/resuming_stream.hpp"
#include "host_driver/migration/saving_stream.hpp"

namespace vfsim::driver {
namespace {

using Purpose = SavingStream::Purpose;
using BOOST_OUTCOME_V2_NAMESPACE::success;

/// ALLOC_PD, QUERY, buffers of the final SAVE, size record.
Result<void> prepare(SavingStream& stream, VfSession& session, bool precopy) {
  if (auto channel = session.channel(); !channel) {
    return channel.error();
  }
  if (auto opened = stream.pool().open(); !opened) {
    return opened;
  }
  auto size = stream.query(SavingStream::Query::plain);
  if (!size) {
    return size.error();
  }
  return stream.prepare_last(size.value(), precopy);
}

Result<void> first_save(SavingStream& stream, bool precopy) {
  // In PRE_COPY the reserved buffer stays for the final image; its twin takes the first one.
  auto buffer = precopy ? stream.pool().create(stream.reserve_bytes()) : stream.take_reserve(0);
  if (!buffer) {
    return buffer.error();
  }
  return stream.save(std::move(buffer.value()), precopy ? Purpose::tracked : Purpose::last, false);
}

ArcResult start_saving(VfSession& session, bool precopy) {
  auto stream = std::make_shared<SavingStream>(session.shared_from_this());
  auto ready = prepare(*stream, session, precopy);
  if (ready) {
    ready = first_save(*stream, precopy);
  }
  if (!ready) {
    stream->shut();
    return ready.error();
  }
  session.saving = stream;
  return std::shared_ptr<MigStream>(stream);
}

Result<void> last_save(SavingStream& stream) {
  auto size = stream.query(SavingStream::Query::last);
  if (!size) {
    return size.error();
  }
  auto buffer = stream.take_reserve(size.value().required_umem_size);
  if (!buffer) {
    return buffer.error();
  }
  return stream.save(std::move(buffer.value()), Purpose::last, true);
}

}  // namespace

ArcResult arcs::start_precopy(VfSession& session) {
  return start_saving(session, true);
}
ArcResult arcs::start_stop_copy(VfSession& session) {
  return start_saving(session, false);
}

ArcResult arcs::precopy_to_stop_copy(VfSession& session) {
  auto suspended = suspend_responder(session);
  if (!suspended) {
    return suspended;
  }
  auto saved = last_save(*session.saving);
  if (!saved) {
    // The driver that this follows does not undo the SUSPEND: the function stays stopped on both
    // sides.
    session.saving->mark_error();
    return saved.error();
  }
  return std::shared_ptr<MigStream>();
}

ArcResult arcs::cancel_precopy(VfSession& session) {
  const auto stream = session.saving;
  if (!stream) {
    return std::shared_ptr<MigStream>();  // a clean-up before this one closed it and failed
  }
  auto size = stream->query(SavingStream::Query::cleanup);
  if (!size) {
    return size.error();
  }
  auto buffer = stream->pool().get(size.value().required_umem_size);
  if (!buffer) {
    return buffer.error();
  }
  if (auto saved = stream->save(std::move(buffer.value()), Purpose::cleanup, false); !saved) {
    return saved.error();
  }
  if (!session.close_streams()) {
    return fail(EIO, "pre-copy session of VF " + std::to_string(session.vf) + " had failed");
  }
  return std::shared_ptr<MigStream>();
}

ArcResult arcs::start_resuming(VfSession& session) {
  if (auto channel = session.channel(); !channel) {
    return channel.error();
  }
  auto stream = std::make_shared<RecordLoader>(session.shared_from_this());
  if (auto opened = stream->pool().open(); !opened) {
    return opened.error();
  }
  session.resuming = stream;
  return std::shared_ptr<MigStream>(stream);
}

}  // namespace vfsim::driver
