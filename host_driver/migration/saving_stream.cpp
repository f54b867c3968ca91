#include "host_driver/migration/saving_stream.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "host_driver/migration/record.hpp"

namespace vfsim::driver {

using BOOST_OUTCOME_V2_NAMESPACE::success;

namespace {
constexpr std::uint32_t kPollIn = 0x1, kPollRdNorm = 0x40, kPollRdHup = 0x2000;
}  // namespace

SavingStream::SavingStream(std::shared_ptr<VfSession> session)
    : session_(std::move(session)),
      raw_(session_->options.flow == MigFlow::v61),
      pool_(session_->pf),
      slot_(session_->os),
      lock_(session_->os.make_mutex()),
      readable_(session_->os.make_event()),
      work_done_(session_->os.make_event()) {}

// ---- reader's side ----

Result<std::vector<std::uint8_t>> SavingStream::read(std::size_t bytes, bool nonblock) {
  lock_->lock();
  while (state_ != State::error && segments_.empty() && state_ != State::complete) {
    const bool idle = state_ == State::precopy || state_ == State::precopy_error;
    lock_->unlock();
    if (idle) {
      return fail(ENOMSG, "no pre-copy data at present");
    }
    if (nonblock) {
      return fail(EAGAIN, "no data yet");
    }
    readable_->wait(kForever);
    lock_->lock();
  }
  if (state_ == State::error) {
    lock_->unlock();
    readable_->notify();  // others may wait too
    return fail(ENODEV, "saving session is over or has failed");
  }
  std::vector<std::uint8_t> out;
  while (out.size() < bytes && !segments_.empty()) {
    Segment& front = segments_.front();
    copy_out(front, bytes - out.size(), out);
    if (front.read == front.head.size() + front.image_bytes) {
      Segment done = std::move(front);
      segments_.pop_front();
      finish_segment(std::move(done));
    }
  }
  consumed_ += out.size();
  lock_->unlock();
  return out;
}

std::size_t SavingStream::copy_out(Segment& segment, std::size_t bytes,
                                   std::vector<std::uint8_t>& to) {
  const std::size_t before = to.size();
  if (segment.read < segment.head.size()) {
    const std::size_t n = std::min(bytes, segment.head.size() - segment.read);
    const auto from = segment.head.begin() + static_cast<std::ptrdiff_t>(segment.read);
    to.insert(to.end(), from, from + static_cast<std::ptrdiff_t>(n));
    segment.read += n;
  }
  const std::size_t room = bytes - (to.size() - before);
  if (segment.read >= segment.head.size() && room != 0) {
    const std::size_t offset = segment.read - segment.head.size();
    const std::size_t n = std::min(room, segment.image_bytes - offset);
    to.resize(to.size() + n);
    if (n != 0) {
      session_->pf.platform().mem_read(segment.buffer->address + offset, to.data() + to.size() - n,
                                       n);
    }
    segment.read += n;
  }
  return to.size() - before;
}

void SavingStream::finish_segment(Segment segment) {
  if (segment.chunk == 0) {
    pool_.put(std::move(segment.buffer));
    return;
  }
  reserve_[segment.chunk - 1] = std::move(segment.buffer);
  if (next_chunk_ == segment.chunk) {
    spawn_chunk_save();
  }
}

Result<std::size_t> SavingStream::write(const std::uint8_t*, std::size_t) {
  return fail(EBADF, "a saving stream is read-only");
}

Result<std::size_t> SavingStream::seek(std::uint64_t) {
  return fail(ESPIPE, "a migration stream has no position");
}

std::uint32_t SavingStream::poll() {
  Lock lock(*lock_);
  if (state_ == State::error) {
    return kPollIn | kPollRdNorm | kPollRdHup;
  }
  return !segments_.empty() || state_ == State::complete ? kPollIn | kPollRdNorm : 0;
}

Result<PrecopyInfo> SavingStream::precopy_info() {
  StateLock guard(*session_);
  if (session_->state != MigState::pre_copy && session_->state != MigState::pre_copy_p2p) {
    return fail(EINVAL, "no pre-copy information in this state");
  }
  if (session_->saving.get() != this) {
    return fail(ENODEV, "saving session is over");
  }
  PrecopyInfo info;
  auto increment = increment_of(info.reinit);
  if (!increment) {
    return increment.error();
  }
  bool more = false;
  {
    Lock lock(*lock_);
    if (state_ == State::error) {
      return fail(ENODEV, "saving session has failed");
    }
    const std::uint64_t unread = appended_ - consumed_;
    if (info.reinit) {
      info.initial_bytes = unread + increment.value();
      initial_end_ = appended_;
    } else if (initial_end_ > consumed_) {
      info.initial_bytes = initial_end_ - consumed_;
    } else {
      info.dirty_bytes = unread + increment.value();
    }
    more = increment.value() != 0 && (unread == 0 || info.reinit);
    next_is_initial_ = next_is_initial_ || (more && info.reinit);
  }
  if (more) {
    auto buffer = pool_.get(increment.value());
    auto started = buffer ? save(std::move(buffer.value()), Purpose::tracked, true)
                          : Result<void>(buffer.error());
    if (!started) {
      mark_error();
      return started.error();
    }
    (info.reinit ? info.initial_bytes : info.dirty_bytes) += RecordHeader::kBytes;
  }
  return info;
}

Result<std::uint64_t> SavingStream::increment_of(bool& reinit) {
  if (session_->state != MigState::pre_copy) {
    return std::uint64_t{0};  // a suspended function is not asked
  }
  auto size = query(Query::increment);
  if (!size) {
    return size.error();
  }
  reinit = session_->reinit_opt_in && session_->caps.state_valid &&
           size.value().migration_state == VF_MIGRATION_STATE_INIT;
  return std::uint64_t{size.value().required_umem_size};
}

// ---- driver's side ----

Result<MigrationSize> SavingStream::query(Query kind) {
  bool incremental = kind != Query::plain;
  if (incremental) {
    slot_.acquire();
    lock_->lock();
    const State now = state_;
    lock_->unlock();
    if (kind != Query::cleanup && now == State::error) {
      slot_.release();
      return fail(ENODEV, "saving session has failed");
    }
    if (now == State::precopy_error && kind == Query::increment) {
      slot_.release();
      return MigrationSize{};
    }
    incremental = kind == Query::cleanup || now != State::precopy_error;
  }
  auto channel = session_->channel();
  auto size = channel ? query_vhca_migration_state(*channel.value(), session_->vhca_id, incremental,
                                                   session_->caps.chunks)
                      : Result<MigrationSize>(channel.error());
  if (kind != Query::plain) {
    slot_.release();
  }
  return size;
}

Result<void> SavingStream::prepare_last(const MigrationSize& size, bool precopy) {
  const bool chunks = session_->caps.chunks;
  std::uint64_t bytes = size.required_umem_size;
  if (chunks) {
    bytes = std::max(bytes, std::min(session_->options.chunk_bytes, size.remaining_total_size));
  } else if (precopy && bytes + bytes / 10 <= BufferPool::kMaxBytes) {
    bytes += bytes / 10;  // the image may have grown by then
  }
  for (std::size_t i = 0; i < (chunks ? 2U : 1U); ++i) {
    auto buffer = pool_.create(bytes);
    if (!buffer) {
      return buffer.error();
    }
    reserve_[i] = std::move(buffer.value());
  }
  Lock lock(*lock_);
  Segment segment;
  segment.head = stop_copy_size_record(reserve_[0]->bytes);
  appended_ += segment.head.size();
  initial_end_ = precopy ? appended_ : 0;
  segments_.push_back(std::move(segment));
  readable_->notify();
  return success();
}

Result<BufferPtr> SavingStream::take_reserve(std::uint64_t bytes) {
  if (reserve_[0] && reserve_[0]->bytes >= bytes) {
    return std::move(reserve_[0]);
  }
  pool_.put(std::move(reserve_[0]));
  return pool_.get(bytes);
}

Result<void> SavingStream::save(BufferPtr buffer, Purpose purpose, bool incremental,
                                std::uint32_t size) {
  return start_save(std::move(buffer), purpose, incremental, size,
                    purpose == Purpose::last && session_->caps.chunks ? 1 : 0);
}

Result<void> SavingStream::start_save(BufferPtr buffer, Purpose purpose, bool incremental,
                                      std::uint32_t size, unsigned chunk) {
  slot_.acquire();
  {
    Lock lock(*lock_);
    incremental = incremental && state_ != State::precopy_error;
    if (purpose == Purpose::last && state_ != State::error) {
      state_ = State::finishing;  // from here a read waits instead of answering ENOMSG
    }
  }
  SaveRequest request;
  request.vhca_id = session_->vhca_id;
  request.mkey = buffer->mkey;
  request.size = size != 0 ? size : static_cast<std::uint32_t>(buffer->bytes);
  request.incremental = incremental;
  request.set_track = purpose == Purpose::tracked;
  pending_ = Pending{std::move(buffer), purpose, chunk};
  auto channel = session_->channel();
  auto self = shared_from_this();
  auto posted = channel ? save_vhca_state_async(
                              *channel.value(), request,
                              [self](Result<SaveResult> result) { self->saved(std::move(result)); })
                        : Result<void>(channel.error());
  if (!posted) {
    pool_.put(std::move(pending_.buffer));
    slot_.release();
  }
  return posted;
}

void SavingStream::saved(Result<SaveResult> result) {
  {
    Lock lock(*lock_);
    Pending done = std::move(pending_);
    const Purpose purpose = done.purpose;
    const unsigned chunk = done.chunk;
    if (!result) {
      pool_.put(std::move(done.buffer));
      fail_save(result.error(), purpose);
      if (raw_) {
        release_raw_key();
      }
    } else if (purpose == Purpose::cleanup || state_ == State::error) {
      pool_.put(std::move(done.buffer));
    } else {
      append_image(std::move(done), result.value().actual_image_size);
      const std::uint32_t next = chunk != 0 ? result.value().next_required_umem_size : 0;
      if (purpose == Purpose::last && next == 0) {
        state_ = State::complete;
      } else if (next != 0) {
        next_chunk_ = 3 - chunk;
        next_chunk(next);
      }
    }
  }
  slot_.release();
  readable_->notify();
}

void SavingStream::append_image(Pending pending, std::size_t image_bytes) {
  Segment segment;
  if (!raw_) {
    const auto header = RecordHeader{image_bytes, 0, RecordHeader::kFwData}.encode();
    segment.head.assign(header.begin(), header.end());
  }
  segment.image_bytes = std::min(image_bytes, pending.buffer->bytes);
  segment.chunk = pending.chunk;
  segment.buffer = std::move(pending.buffer);
  appended_ += segment.head.size() + segment.image_bytes;
  if (pending.purpose == Purpose::tracked) {
    state_ = State::precopy;
    if (std::exchange(next_is_initial_, false)) {
      initial_end_ = appended_;
    }
  }
  segments_.push_back(std::move(segment));
  if (raw_) {
    release_raw_key();
  }
}

void SavingStream::fail_save(const Error& error, Purpose purpose) {
  const bool bad_state = error.status == VF_STATUS_BAD_RES_STATE;
  session_->os.log(LogLevel::warning,
                   "SAVE of VF " + std::to_string(session_->vf) + " failed: " + error.text);
  if (bad_state && purpose == Purpose::cleanup) {
    return;
  }
  state_ = bad_state && purpose == Purpose::tracked ? State::precopy_error : State::error;
}

// ---- chunks: the next one is saved while the user reads the last ----

void SavingStream::next_chunk(std::uint32_t bytes) {
  delayed_chunk_ = bytes;
  if (reserve_[next_chunk_ - 1]) {
    spawn_chunk_save();
  }
}

void SavingStream::spawn_chunk_save() {
  if (closing_ || delayed_chunk_ == 0) {
    return;
  }
  work_begin();
  // Commands block, and this may be the interrupt thread that completes them.
  session_->os.spawn("vf-chunk", [self = shared_from_this()] {
    self->chunk_worker();
    self->work_end();
  });
}

void SavingStream::chunk_worker() {
  lock_->lock();
  const unsigned chunk = std::exchange(next_chunk_, 0);
  const std::uint32_t bytes = std::exchange(delayed_chunk_, 0);
  BufferPtr buffer = std::move(reserve_[chunk - 1]);
  const bool closing = closing_;
  lock_->unlock();
  if (closing) {
    pool_.put(std::move(buffer));
    return;
  }
  if (buffer->bytes < bytes) {
    pool_.destroy(std::move(buffer));
    auto larger = pool_.create(bytes);
    if (!larger) {
      mark_error();
      return;
    }
    buffer = std::move(larger.value());
  }
  if (!start_save(std::move(buffer), Purpose::last, true, 0, chunk)) {
    mark_error();
  }
}

// ---- raw flow: key and domain go as soon as the image is there ----

void SavingStream::release_raw_key() {
  work_begin();
  DataBuffer* image = segments_.empty() ? nullptr : segments_.back().buffer.get();
  session_->os.spawn("vf-save-done", [self = shared_from_this(), image] {
    if (image != nullptr) {
      self->pool_.drop_key(*image);
      self->pool_.close_domain();
    } else {
      self->pool_.close();
    }
    self->work_end();
  });
}

void SavingStream::work_begin() {
  ++workers_;
}

void SavingStream::work_end() {
  {
    Lock lock(*lock_);
    --workers_;
  }
  work_done_->notify();
}

void SavingStream::mark_error() {
  {
    Lock lock(*lock_);
    state_ = State::error;
  }
  readable_->notify();
}

bool SavingStream::shut() {
  lock_->lock();
  closing_ = true;
  while (workers_ != 0) {
    lock_->unlock();
    work_done_->wait(kForever);
    lock_->lock();
  }
  lock_->unlock();
  slot_.acquire();  // the outstanding SAVE has ended
  lock_->lock();
  while (workers_ != 0) {  // begun by that completion
    lock_->unlock();
    work_done_->wait(kForever);
    lock_->lock();
  }
  const bool good = state_ != State::error;
  state_ = State::error;
  for (Segment& segment : segments_) {
    pool_.put(std::move(segment.buffer));
  }
  segments_.clear();
  for (BufferPtr& buffer : reserve_) {
    pool_.put(std::move(buffer));
  }
  lock_->unlock();
  readable_->notify();
  pool_.close();
  return good;
}

}  // namespace vfsim::driver
