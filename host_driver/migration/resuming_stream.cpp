#include "host_driver/migration/resuming_stream.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/migration/record.hpp"

namespace vfsim::driver {

using BOOST_OUTCOME_V2_NAMESPACE::success;

ResumingStream::ResumingStream(std::shared_ptr<VfSession> session)
    : session_(std::move(session)), pool_(session_->pf), lock_(session_->os.make_mutex()) {}

Result<std::vector<std::uint8_t>> ResumingStream::read(std::size_t, bool) {
  return fail(EBADF, "a resuming stream is write-only");
}

Result<std::size_t> ResumingStream::write(const std::uint8_t* data, std::size_t bytes) {
  StateLock guard(*session_);
  Lock lock(*lock_);
  if (dead_) {
    return fail(ENODEV, "resuming session is over or has failed");
  }
  auto taken = take(data, bytes);
  if (!taken) {
    dead_ = dies_of_error();
    return taken.error();
  }
  return bytes;
}

Result<std::size_t> ResumingStream::seek(std::uint64_t) {
  return fail(ESPIPE, "a migration stream has no position");
}

std::uint32_t ResumingStream::poll() {
  constexpr std::uint32_t kPollOut = 0x4;
  return kPollOut;
}

Result<PrecopyInfo> ResumingStream::precopy_info() {
  return fail(ENOTTY, "a resuming stream has no pre-copy data");
}

void ResumingStream::shut() {
  {
    Lock lock(*lock_);
    dead_ = true;
    release();
  }
  pool_.close();
}

Result<void> ResumingStream::load(const DataBuffer& buffer, std::size_t bytes) {
  auto channel = session_->channel();
  if (!channel) {
    return channel.error();
  }
  return load_vhca_state(*channel.value(), session_->vhca_id, buffer.mkey,
                         static_cast<std::uint32_t>(bytes));
}

// ---- records ----

Result<void> RecordLoader::take(const std::uint8_t* data, std::size_t bytes) {
  while (bytes != 0) {
    const std::uint64_t wanted = phase_ == Phase::header    ? RecordHeader::kBytes - small_.size()
                                 : phase_ == Phase::payload ? record_bytes_ - small_.size()
                                                            : record_bytes_ - got_;
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, wanted));
    if (phase_ == Phase::image) {
      session_->pf.platform().mem_write(image_->address + got_, data, n);
      got_ += n;
    } else if (phase_ == Phase::skip) {
      got_ += n;
    } else {
      small_.insert(small_.end(), data, data + n);
    }
    data += n;
    bytes -= n;
    if (n == wanted) {
      auto next = phase_ == Phase::header ? begin_record() : end_record();
      if (!next) {
        return next;
      }
    }
  }
  return success();
}

Result<void> RecordLoader::begin_record() {
  const RecordHeader header = RecordHeader::decode(small_.data());
  small_.clear();
  got_ = 0;
  record_bytes_ = header.bytes;
  if (header.bytes > kMaxLoadBytes) {
    return fail(ENOMEM, "stream record of " + std::to_string(header.bytes) + " bytes");
  }
  switch (header.tag) {
    case RecordHeader::kFwData:
      phase_ = Phase::image;
      return prepare_image();
    case RecordHeader::kStopCopySize:
      phase_ = Phase::payload;
      return header.bytes == kStopCopySizePayload
                 ? Result<void>(success())
                 : fail(EINVAL,
                        "stop-copy size record of " + std::to_string(header.bytes) + " bytes");
    default:
      phase_ = header.bytes == 0 ? Phase::header : Phase::skip;
      return (header.flags & RecordHeader::kOptional) != 0
                 ? Result<void>(success())
                 : fail(EOPNOTSUPP,
                        "unknown mandatory stream record " + std::to_string(header.tag));
  }
}

Result<void> RecordLoader::prepare_image() {
  if (record_bytes_ == 0) {
    return fail(EINVAL, "empty image record");
  }
  if (image_ && image_->bytes >= record_bytes_) {
    return success();
  }
  pool_.destroy(std::move(image_));
  // The announced size lets one buffer serve all records.
  auto buffer = pool_.create(std::min(std::max(record_bytes_, announced_), BufferPool::kMaxBytes));
  if (!buffer) {
    return buffer.error();
  }
  image_ = std::move(buffer.value());
  return success();
}

Result<void> RecordLoader::end_record() {
  const Phase ended = std::exchange(phase_, Phase::header);
  if (ended == Phase::image) {
    return load(*image_, static_cast<std::size_t>(record_bytes_));
  }
  if (ended == Phase::payload) {
    announced_ = std::min(le_load<std::uint64_t>(small_.data()), kMaxLoadBytes);
    small_.clear();
  }
  return success();
}

Result<void> RecordLoader::finish() {
  return success();
}

void RecordLoader::release() {
  pool_.put(std::move(image_));
}

// ---- raw image ----

Result<void> RawLoader::take(const std::uint8_t* data, std::size_t bytes) {
  if (bytes > kMaxBytes - image_.size()) {
    return fail(ENOMEM, "image larger than 512 MiB");
  }
  image_.insert(image_.end(), data, data + bytes);
  return success();
}

Result<void> RawLoader::finish() {
  if (image_.empty()) {
    return fail(EINVAL, "no image was written");
  }
  auto channel = session_->channel();
  if (!channel) {
    return channel.error();
  }
  if (auto opened = pool_.open(); !opened) {
    return opened;
  }
  auto buffer = pool_.create(image_.size(), true);
  Result<void> result = success();
  if (buffer) {
    session_->pf.platform().mem_write(buffer.value()->address, image_.data(), image_.size());
    result = load(*buffer.value(), image_.size());
    pool_.destroy(std::move(buffer.value()));
  } else {
    result = buffer.error();
  }
  pool_.close_domain();
  return result;
}

}  // namespace vfsim::driver
