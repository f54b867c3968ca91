#include "systemc/nic/completion_queue.hpp"

#include <cstring>

#include "systemc/nic/page_run.hpp"
#include "systemc/nic/queue_index.hpp"

namespace vfsim::model {

namespace {
constexpr std::uint32_t kCqeBytes = 64;
constexpr std::uint8_t kSyndromeOverrun = 1;
}  // namespace

CompletionQueues::CompletionQueues(NicCore& core, DmaEngine& engine, EventQueues& events)
    : core_(core),
      engine_(engine),
      events_(events),
      states_(static_cast<std::size_t>(core.functions()) * VF_CQ_COUNT) {}

bool CompletionQueues::full(const vf_cq& cq) {
  return cq.oi == 0 && cq.cc == 0 && ((cq.pi - cq.ci) & kIndexMask) >= 1U << (cq.log_size & 31U);
}

bool CompletionQueues::post(std::uint32_t fn, std::uint32_t cqn, Cqe& cqe) {
  vf_cq* cq = find_object(core_.context(fn).cq, cqn, VF_CQ_BASE);
  if (cq == nullptr || cq->error != 0 || core_.run[fn].in_reset) {
    return false;
  }
  const std::uint32_t index = cqn - VF_CQ_BASE;
  State& s = state(fn, index);
  if (s.gen != cq->gen) {
    drop_waiting(fn, s);
    s.gen = cq->gen;
  }
  if (s.head != kNone || full(*cq)) {
    wait(fn, s, cqe);
    if (!s.reading) {
      read_record(fn, index);
    }
    return true;
  }
  write(fn, *cq, cqe);
  const std::uint32_t used = (cq->pi - cq->ci) & kIndexMask;
  const bool half = cq->oi == 0 && cq->cc == 0 && used >= (1U << (cq->log_size & 31U)) / 2;
  // Learning the consumer index in time keeps completions from waiting for the record.
  if (half && !s.reading && cq->dbr_addr != 0 && core_.may_start(fn)) {
    read_record(fn, index);
  }
  return true;
}

void CompletionQueues::post_staged(std::uint32_t fn, std::uint32_t cqn) {
  Cqe cqe;
  std::memcpy(cqe.data(), core_.context(fn).cqe_stage, cqe.size());
  post(fn, cqn, cqe);
}

void CompletionQueues::write(std::uint32_t fn, vf_cq& cq, Cqe& cqe) {
  const std::uint32_t log_size = cq.log_size & 31U;
  const std::uint32_t stride = cq.log_stride == 7 ? 128 : kCqeBytes;
  const std::uint64_t slot = cq.cc != 0 ? 0 : cq.pi & ((1U << log_size) - 1);
  // A 128-byte entry has its meaning in the second half.
  const std::uint64_t offset = cq.page_offset * 64ULL + slot * stride + (stride - kCqeBytes);
  const BusRun at = page_run(*core_.ram, cq.ring, offset);
  VF_SET(cqe, cqe.data(), owner, cq.pi >> log_size & 1U);
  cq.pi = (cq.pi + 1) & kIndexMask;
  if (at.bytes < kCqeBytes) {
    cq.error = 1;
    return;
  }
  DmaRequest request;
  request.addr = at.addr;
  request.buffer = cqe.data();
  request.bytes = kCqeBytes;
  request.fn = static_cast<std::uint8_t>(fn);
  request.to_host = true;
  request.copied = true;
  request.notify = DmaNotify::never;
  engine_.submit(request);
  ++core_.stats.fn[fn].cqes;
  const auto opcode = VF_GET(cqe, cqe.data(), opcode);
  const bool error = opcode == VF_CQE_REQ_ERR || opcode == VF_CQE_RESP_ERR;
  const bool wanted = cq.solicited == 0 || error || VF_GET(cqe, cqe.data(), solicited) != 0;
  if (cq.st == VF_QUEUE_ALWAYS_ARMED || (cq.st == VF_QUEUE_ARMED && wanted)) {
    fire(fn, cq);
  }
}

void CompletionQueues::fire(std::uint32_t fn, vf_cq& cq) {
  cq.st = cq.st == VF_QUEUE_ARMED ? static_cast<std::uint8_t>(VF_QUEUE_FIRED) : cq.st;
  const auto index = static_cast<std::uint32_t>(&cq - core_.context(fn).cq);
  std::array<std::uint8_t, 28> data{};
  VF_SET(eqe_completion, data.data(), cqn, VF_CQ_BASE + index);
  events_.post(fn, cq.eqn, VF_EVENT_COMPLETION, 0, data.data());
}

void CompletionQueues::arm(std::uint32_t fn, const std::uint8_t* bytes) {
  vf_cq* cq = find_object(core_.context(fn).cq,
                          static_cast<std::uint32_t>(VF_GET(uar_cq_arm, bytes, cqn)), VF_CQ_BASE);
  if (cq == nullptr) {
    return;
  }
  cq->ci = static_cast<std::uint32_t>(VF_GET(uar_cq_arm, bytes, ci));
  cq->arm_sn = static_cast<std::uint32_t>(VF_GET(uar_cq_arm, bytes, arm_sn));
  cq->solicited = static_cast<std::uint8_t>(VF_GET(uar_cq_arm, bytes, solicited));
  if (cq->st != VF_QUEUE_ALWAYS_ARMED) {
    cq->st = VF_QUEUE_ARMED;
  }
  if (core_.may_start(fn) && cq->st == VF_QUEUE_ARMED && cq->ci != cq->pi) {
    fire(fn, *cq);
  }
}

void CompletionQueues::rescan(std::uint32_t fn) {
  for (vf_cq& cq : core_.context(fn).cq) {
    if (cq.valid != 0 && cq.st == VF_QUEUE_ARMED && cq.ci != cq.pi) {
      fire(fn, cq);
    }
  }
}

void CompletionQueues::wait(std::uint32_t fn, State& s, const Cqe& cqe) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(pool_.size()));
    pool_.push_back({});
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  pool_[slot] = {cqe, kNone};
  (s.head == kNone ? s.head : pool_[s.tail].next) = slot;
  s.tail = slot;
  ++waiting_[fn];
}

std::uint32_t CompletionQueues::pop_waiting(std::uint32_t fn, State& s) {
  const std::uint32_t slot = s.head;
  s.head = pool_[slot].next;
  free_.push_back(slot);
  --waiting_[fn];
  return slot;
}

void CompletionQueues::drop_waiting(std::uint32_t fn, State& s) {
  while (s.head != kNone) {
    pop_waiting(fn, s);
  }
}

void CompletionQueues::read_record(std::uint32_t fn, std::uint32_t index) {
  State& s = state(fn, index);
  s.reading = true;
  s.decisive = s.head != kNone;
  DmaRequest request;
  request.client = this;
  request.cookie = static_cast<std::uint64_t>(fn) * VF_CQ_COUNT + index;
  request.addr = core_.context(fn).cq[index].dbr_addr;
  request.buffer = s.record.data();
  request.bytes = static_cast<std::uint32_t>(s.record.size());
  request.fn = static_cast<std::uint8_t>(fn);
  engine_.submit(request);
}

void CompletionQueues::dma_done(std::uint64_t cookie, DmaResult result) {
  const auto fn = static_cast<std::uint32_t>(cookie / VF_CQ_COUNT);
  const auto index = static_cast<std::uint32_t>(cookie % VF_CQ_COUNT);
  State& s = state(fn, index);
  vf_cq& cq = core_.context(fn).cq[index];
  s.reading = false;
  if (result == DmaResult::aborted || cq.valid == 0 || cq.gen != s.gen) {
    drop_waiting(fn, s);
    return;
  }
  if (result == DmaResult::ok) {
    const auto ci = static_cast<std::uint32_t>(VF_GET(cq_dbr, s.record.data(), ci));
    // The record may be older than an arm doorbell; an index never goes back.
    if (((ci - cq.ci) & kIndexMask) <= ((cq.pi - cq.ci) & kIndexMask)) {
      cq.ci = ci;
    }
  }
  while (s.head != kNone && !full(cq)) {
    Cqe cqe = pool_[pop_waiting(fn, s)].cqe;
    write(fn, cq, cqe);
  }
  if (s.head != kNone && !s.decisive) {
    read_record(fn, index);
  } else if (s.head != kNone) {
    overrun(fn, index);
  }
}

void CompletionQueues::overrun(std::uint32_t fn, std::uint32_t index) {
  core_.context(fn).cq[index].error = 1;
  drop_waiting(fn, state(fn, index));
  std::array<std::uint8_t, 28> data{};
  VF_SET(eqe_cq_error, data.data(), cqn, VF_CQ_BASE + index);
  VF_SET(eqe_cq_error, data.data(), syndrome, kSyndromeOverrun);
  events_.post_by_type(fn, VF_EVENT_CQ_ERROR, 0, data.data());
}

void CompletionQueues::reset(std::uint32_t fn) {
  for (std::uint32_t i = 0; i < VF_CQ_COUNT; ++i) {
    State& s = state(fn, i);
    drop_waiting(fn, s);
    s.gen = 0;
    s.reading = false;
  }
}

}  // namespace vfsim::model
