#include <memory>
#include <utility>

#include "host_driver/migration/arcs.hpp"
#include "host_driver/migration/resuming_stream.hpp"
#include "host_driver/migration/saving_stream.hpp"

namespace vfsim::driver {
namespace {

Result<void> save_raw(SavingStream& stream) {
  auto size = stream.query(SavingStream::Query::plain);
  if (!size) {
    return size.error();
  }
  const std::uint32_t bytes = size.value().required_umem_size;
  if (bytes > RawLoader::kMaxBytes) {
    return fail(ENOMEM, "image of " + std::to_string(bytes) + " bytes is larger than 512 MiB");
  }
  if (auto opened = stream.pool().open(); !opened) {
    return opened;
  }
  auto buffer = stream.pool().create(bytes, true);
  if (!buffer) {
    return buffer.error();
  }
  return stream.save(std::move(buffer.value()), SavingStream::Purpose::last, false, bytes);
}

}  // namespace

ArcResult arcs::start_raw_stop_copy(VfSession& session) {
  auto stream = std::make_shared<SavingStream>(session.shared_from_this());
  if (auto started = save_raw(*stream); !started) {
    stream->shut();
    return started.error();
  }
  session.saving = stream;
  return std::shared_ptr<MigStream>(stream);
}

ArcResult arcs::start_raw_resuming(VfSession& session) {
  auto stream = std::make_shared<RawLoader>(session.shared_from_this());
  session.resuming = stream;
  return std::shared_ptr<MigStream>(stream);
}

ArcResult arcs::load_raw_image(VfSession& session) {
  if (auto loaded = session.resuming->finish(); !loaded) {
    return loaded.error();
  }
  return end_session(session);
}

}  // namespace vfsim::driver
