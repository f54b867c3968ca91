#include "host_driver/guest/eth_channel.hpp"

#include <algorithm>
#include <array>
#include <mutex>

namespace vfsim::driver {
namespace {

constexpr std::uint32_t kMinFrame = 14;     // an Ethernet header
constexpr std::uint32_t kPublishEvery = 8;  // receive buffers that are handed back together

}  // namespace

EthChannel::EthChannel(EthShared& shared, std::uint32_t index)
    : shared_(shared), index_(index), lock_(shared.core.platform().os().make_mutex()) {}

Result<void> EthChannel::open() {
  auto opened = [this]() -> Result<void> {
    BOOST_OUTCOME_TRYV(make_buffers());
    BOOST_OUTCOME_TRYV(make_queues());
    return fill_receive_ring();
  }();
  if (!opened) {
    (void)!undo_.unwind();
  }
  return opened;
}

Result<void> EthChannel::close() {
  return undo_.unwind();
}

Result<void> EthChannel::make_buffers() {
  const EthOptions& options = shared_.options;
  const std::size_t slots =
      (std::size_t{1} << options.log_sq_size) + (std::size_t{1} << options.log_rq_size);
  BOOST_OUTCOME_TRY(memory,
                    DmaBuffer::allocate(shared_.core.platform(), slots * options.buffer_bytes));
  memory_ = std::move(memory);
  undo_.push([this]() -> Result<void> {
    memory_.reset();
    return ok();
  });
  MkeySpec spec;
  spec.pd = shared_.pd;
  spec.access = kLocalRead | kLocalWrite;
  spec.length = memory_.bytes();
  spec.pages = memory_.pages();
  spec.relaxed_ordering = options.relaxed_ordering;
  BOOST_OUTCOME_TRY(key, Mkey::create(shared_.core.commands(), spec));
  key_ = std::move(key);
  undo_.push([this] { return key_.destroy(); });
  frame_.resize(options.buffer_bytes);
  buffered_ = options.buffer_bytes;
  return ok();
}

Result<void> EthChannel::make_queues() {
  FunctionCore& core = shared_.core;
  const auto make_cq = [&](std::unique_ptr<CompletionQueue>& cq, std::uint8_t log_size,
                           void (EthChannel::*handler)()) -> Result<void> {
    BOOST_OUTCOME_TRY(made, CompletionQueue::create(core.platform(), core.commands(), log_size,
                                                    core.completion_eqn(index_), core.uar()));
    cq = std::move(made);
    core.on_completion(cq->number(), [this, handler] { (this->*handler)(); });
    undo_.push([this, &cq] {
      auto destroyed = cq->destroy();
      shared_.core.forget_completion(cq->number());
      return destroyed;
    });
    return ok();
  };
  BOOST_OUTCOME_TRYV(
      make_cq(send_cq_, shared_.options.log_sq_size, &EthChannel::on_send_completions));
  BOOST_OUTCOME_TRYV(
      make_cq(receive_cq_, shared_.options.log_rq_size, &EthChannel::on_receive_completions));

  WorkQueueSpec spec;
  spec.log_size = shared_.options.log_sq_size;
  spec.pd = shared_.pd;
  spec.uar = core.uar();
  spec.cqn = send_cq_->number();
  spec.tisn = shared_.tisn;
  spec.min_inline_mode = shared_.min_inline_mode;
  BOOST_OUTCOME_TRY(sq, SendQueue::create(core.platform(), core.commands(), spec));
  sq_ = std::move(sq);
  undo_.push([this] { return sq_->destroy(); });

  spec = {};
  spec.log_size = shared_.options.log_rq_size;
  spec.pd = shared_.pd;
  spec.cqn = receive_cq_->number();
  spec.counter_set = shared_.counter_set;
  BOOST_OUTCOME_TRY(rq, ReceiveQueue::create(core.platform(), core.commands(), spec,
                                             shared_.options.split_tails ? 1 : 0));
  rq_ = std::move(rq);
  undo_.push([this] { return rq_->destroy(); });
  return ok();
}

Result<void> EthChannel::fill_receive_ring() {
  for (std::uint32_t i = 0; i < rq_->size(); ++i) {
    const Buffer slot = buffer(sq_->size() + i);
    rq_->set_buffer(i, slot.key, slot.key_address, buffered_);
  }
  rq_->post(rq_->size());
  rq_->publish();
  BOOST_OUTCOME_TRYV(rq_->set_ready());
  send_cq_->arm();
  receive_cq_->arm();
  return ok();
}

Result<void> EthChannel::split_tails(const PeerTail& tail) {
  const std::uint64_t in_page = tail.address % VF_PAGE_BYTES;
  if (!shared_.options.split_tails || tail.bytes == 0 || tail.bytes > VF_PAGE_BYTES - in_page ||
      tail.frame_bytes <= tail.bytes || tail.frame_bytes > shared_.options.buffer_bytes) {
    return fail(EINVAL, "frames of " + std::to_string(tail.frame_bytes) + " bytes with a tail of " +
                            std::to_string(tail.bytes));
  }
  MkeySpec spec;
  spec.pd = shared_.pd;
  spec.access = kLocalWrite;
  spec.length = VF_PAGE_BYTES;
  spec.pages = {tail.address - in_page};
  BOOST_OUTCOME_TRY(key, Mkey::create(shared_.core.commands(), spec));
  tail_key_ = std::move(key);
  undo_.push([this] { return tail_key_.destroy(); });
  buffered_ = tail.frame_bytes - tail.bytes;
  for (std::uint32_t i = 0; i < rq_->size(); ++i) {
    const Buffer slot = buffer(sq_->size() + i);
    rq_->set_buffer(i, slot.key, slot.key_address, buffered_);
    rq_->set_buffer(i, tail_key_.key(), in_page, tail.bytes, 1);
  }
  return ok();
}

/// Both kinds of key take part, so that both kinds of translation migrate under load.
EthChannel::Buffer EthChannel::buffer(std::uint32_t slot) const {
  const std::size_t offset = std::size_t{slot} * shared_.options.buffer_bytes;
  const std::uint32_t every = shared_.options.pa_key_every;
  if (every != 0 && slot % every == every - 1) {
    return {shared_.physical_key, memory_.address() + offset, offset};
  }
  return {key_.key(), offset, offset};
}

Result<void> EthChannel::send(const std::uint8_t* frame, std::uint32_t length, bool ring) {
  if (length <= std::max(kMinFrame, sq_->inline_bytes()) || length > shared_.options.buffer_bytes) {
    return fail(EINVAL, "frame of " + std::to_string(length) + " bytes");
  }
  const std::lock_guard guard(*lock_);
  if (sq_->full()) {
    return fail(EAGAIN, "send ring is full");
  }
  const Buffer slot = buffer(sq_->next_slot());
  memory_.write(slot.offset, frame, length);
  sq_->post(frame, slot.key, slot.key_address, length);
  ++shared_.counters.sends_posted;
  if (ring) {
    sq_->ring();
  }
  return ok();
}

Result<void> EthChannel::send_raw(std::uint32_t lkey, std::uint64_t address, std::uint32_t length) {
  const std::lock_guard guard(*lock_);
  if (sq_->full()) {
    return fail(EAGAIN, "send ring is full");
  }
  const std::array<std::uint8_t, SendQueue::kInlineBytes> header{};
  sq_->post(header.data(), lkey, address, length);
  ++shared_.counters.sends_posted;
  sq_->ring();
  return ok();
}

void EthChannel::report(bool send, const Cqe& entry) {
  WorkError error;
  error.send = send;
  error.queue = static_cast<std::uint32_t>(VF_GET(cqe, entry.data(), qpn));
  error.wqe_counter = static_cast<std::uint16_t>(VF_GET(cqe, entry.data(), wqe_counter));
  error.syndrome = static_cast<std::uint8_t>(VF_GET(cqe, entry.data(), syndrome));
  ++(send ? shared_.counters.send_errors : shared_.counters.receive_errors);
  if (shared_.error_handler) {
    shared_.error_handler(error);
  }
}

void EthChannel::take_send(const Cqe& entry) {
  std::uint32_t done = 0;
  {
    const std::lock_guard guard(*lock_);
    done = sq_->complete(static_cast<std::uint16_t>(VF_GET(cqe, entry.data(), wqe_counter)));
    shared_.counters.sends_completed += done;
  }
  shared_.counters.unexpected += done == 0 ? 1 : 0;
  if (VF_GET(cqe, entry.data(), opcode) != VF_CQE_REQ) {
    report(true, entry);
  }
}

void EthChannel::take_receive(const Cqe& entry) {
  const std::uint32_t index =
      rq_->consume(static_cast<std::uint16_t>(VF_GET(cqe, entry.data(), wqe_counter)));
  if (index == rq_->size()) {
    ++shared_.counters.unexpected;
    return;
  }
  if (VF_GET(cqe, entry.data(), opcode) != VF_CQE_RESP_SEND) {
    report(false, entry);
  } else {
    const auto length = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(VF_GET(cqe, entry.data(), byte_cnt), buffered_));
    memory_.read(buffer(sq_->size() + index).offset, frame_.data(), length);
    ++shared_.counters.received;
    if (shared_.receiver) {
      shared_.receiver(frame_.data(), length);
    }
  }
  rq_->post(1);
}

void EthChannel::on_send_completions() {
  ++shared_.counters.interrupts;
  send_cq_->event_seen();
  for (Cqe entry; send_cq_->next(entry);) {
    take_send(entry);
  }
  send_cq_->arm();
}

void EthChannel::on_receive_completions() {
  ++shared_.counters.interrupts;
  receive_cq_->event_seen();
  std::uint32_t taken = 0;
  for (Cqe entry; receive_cq_->next(entry);) {
    take_receive(entry);
    if (++taken % kPublishEvery == 0) {
      receive_cq_->update();  // before the buffers: the device may fill no more of them than the CQ
                              // can take
      rq_->publish();
    }
  }
  receive_cq_->update();
  rq_->publish();
  receive_cq_->arm();
}

void EthChannel::check(std::vector<std::string>& findings) const {
  const std::string who = "channel " + std::to_string(index_) + ": ";
  for (const auto* cq : {send_cq_.get(), receive_cq_.get()}) {
    const std::uint32_t pending = cq->pending();
    if (pending != 0 && cq->armed()) {
      findings.push_back(who + "completion queue " + std::to_string(cq->number()) +
                         " is armed, but " + std::to_string(pending) + " completions wait");
    } else if (!cq->armed()) {
      findings.push_back(who + "completion queue " + std::to_string(cq->number()) +
                         " is not armed");
    }
  }
  if (rq_->outstanding() != rq_->size()) {
    findings.push_back(who + std::to_string(rq_->size() - rq_->outstanding()) +
                       " receive buffers are lost");
  }
}

}  // namespace vfsim::driver
