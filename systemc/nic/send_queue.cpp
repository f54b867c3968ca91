#include "systemc/nic/send_queue.hpp"

#include <algorithm>

#include "firmware/interface/faults.h"
#include "systemc/nic/page_run.hpp"

namespace vfsim::model {

namespace {
constexpr std::uint64_t kFetchCookie = 1ULL << 32;  // else the cookie is a context
constexpr std::uint32_t kUnitsPerBlock = 4;
constexpr std::uint8_t kEventQueueTypeSq = 2;

std::uint32_t blocks_of(std::uint32_t units) {
  return (units + kUnitsPerBlock - 1) / kUnitsPerBlock;
}
}  // namespace

SendQueues::SendQueues(NicCore& core, DmaEngine& engine, CompletionQueues& cqs, EventQueues& events,
                       TxArbiter& arbiter)
    : core_(core),
      engine_(engine),
      cqs_(cqs),
      events_(events),
      arbiter_(arbiter),
      contexts_(core.params.tx_contexts),
      port_(core, contexts_, *this),
      states_(static_cast<std::size_t>(core.functions()) * VF_SQ_COUNT),
      fetches_(kFetches),
      doorbells_(core.calendar, *this, core.params.doorbell_ns * kNs),
      decoder_(core.calendar, *this, core.params.wqe_ns * kNs) {
  for (std::uint32_t i = kFetches; i-- > 0;) {
    free_fetches_.push_back(i);
  }
}

bool SendQueues::gate_open(std::uint32_t fn) const {
  const FnRun& run = core_.run[fn];
  const bool ignored = core_.fault(VF_FAULT_dma_after_suspend) && run.present && !run.in_reset;
  const bool neighbour =
      fn > 1 && core_.fault(VF_FAULT_gate_of_neighbour) && core_.run[fn - 1].gate_closed;
  return (core_.may_start(fn) && !neighbour) || ignored;
}

void SendQueues::doorbell(std::uint32_t fn, const std::uint8_t* bytes) {
  const auto number = static_cast<std::uint32_t>(VF_GET(uar_send_db, bytes, sqn));
  vf_wq* sq = find_object(core_.context(fn).sq, number, VF_SQ_BASE);
  if (sq == nullptr || sq->state != VF_WQ_RDY) {
    return;
  }
  if (core_.run[fn].gate_closed && core_.fault(VF_FAULT_p2p_doorbell_lost)) {
    return;
  }
  const auto units = static_cast<std::uint32_t>(VF_GET(uar_send_db, bytes, ds));
  const auto index = static_cast<std::uint32_t>(VF_GET(uar_send_db, bytes, wqe_index));
  sq->sw_counter = static_cast<std::uint16_t>(index + std::max(1U, blocks_of(units)));
  doorbells_.push({static_cast<std::uint8_t>(fn), static_cast<std::uint8_t>(number - VF_SQ_BASE)});
}

void SendQueues::doorbell_due(Rung& rung) {
  schedule(rung.fn, rung.sq);
}

void SendQueues::schedule(std::uint32_t fn, std::uint32_t sq) {
  const vf_wq& queue = core_.context(fn).sq[sq];
  QueueState& s = state(fn, sq);
  if (queue.valid == 0 || queue.state != VF_WQ_RDY || s.queued || s.fetching || !gate_open(fn)) {
    return;
  }
  if (s.head == kNone) {
    s.fetch = queue.hw_counter;
    s.gen = queue.gen;
    s.failed = false;
  }
  // Another generation in work: its last context calls again.
  if (s.fetch == queue.sw_counter || s.failed || s.gen != queue.gen) {
    return;
  }
  s.queued = true;
  ready_[fn].push(static_cast<std::uint8_t>(sq));
  requests_[fn / 64] |= 1ULL << (fn % 64);
  grant();
}

void SendQueues::grant() {
  if (granting_) {
    return;
  }
  granting_ = true;
  while (contexts_.available() && !free_fetches_.empty() && (requests_[0] | requests_[1]) != 0) {
    const int picked = arbiter_.pick(requests_);
    if (picked < 0) {
      break;
    }
    const auto fn = static_cast<std::uint32_t>(picked);
    const std::uint32_t sq = take_front(ready_[fn]);
    if (ready_[fn].empty()) {
      requests_[fn / 64] &= ~(1ULL << (fn % 64));
    }
    state(fn, sq).queued = false;
    start_fetch(fn, sq);
  }
  granting_ = false;
}

void SendQueues::start_fetch(std::uint32_t fn, std::uint32_t sq) {
  vf_wq& queue = core_.context(fn).sq[sq];
  QueueState& s = state(fn, sq);
  const std::uint32_t posted = static_cast<std::uint16_t>(queue.sw_counter - s.fetch);
  if (queue.valid == 0 || queue.state != VF_WQ_RDY || posted == 0) {
    return;
  }
  // A counter further ahead than the ring is long is a broken driver: the ring is all there can be.
  const std::uint32_t most = std::min(std::max<std::uint32_t>(s.need, kFetchBlocks), kMaxWqeBlocks);
  const std::uint32_t slot = free_fetches_.back();
  free_fetches_.pop_back();
  Fetch& fetch = fetches_[slot];
  fetch.blocks = std::min({posted, most, 1U << (queue.log_size & 15U)});
  fetch.fn = static_cast<std::uint8_t>(fn);
  fetch.sq = static_cast<std::uint8_t>(sq);
  fetch.gen = queue.gen;
  fetch.taken = 0;
  fetch.reads = 0;
  fetch.failed = false;
  fetch.dead = false;
  s.fetching = true;
  ++work_[fn];
  if (!read_blocks(slot, queue, s.fetch)) {
    fetch.failed = true;
    if (fetch.reads == 0) {
      fetch_ended(slot);
    }
  }
}

bool SendQueues::read_blocks(std::uint32_t slot, const vf_wq& sq, std::uint16_t from) {
  Fetch& fetch = fetches_[slot];
  const std::uint32_t ring = (1U << (sq.log_size & 15U)) * kSendBlock;
  const std::uint32_t total = fetch.blocks * kSendBlock;
  for (std::uint32_t done = 0; done < total;) {
    const std::uint32_t offset = (from * kSendBlock + done) & (ring - 1);
    const BusRun run = page_run(*core_.ram, sq.ring, offset);
    const std::uint32_t bytes = std::min({run.bytes, ring - offset, total - done});
    if (bytes == 0) {
      return false;
    }
    DmaRequest read;
    read.client = this;
    read.cookie = kFetchCookie | slot;
    read.addr = run.addr;
    read.buffer = fetch.bytes.data() + done;
    read.bytes = bytes;
    read.fn = fetch.fn;
    ++fetch.reads;
    engine_.submit(read);
    done += bytes;
  }
  return true;
}

void SendQueues::dma_done(std::uint64_t cookie, DmaResult result) {
  if ((cookie & kFetchCookie) != 0) {
    const auto slot = static_cast<std::uint32_t>(cookie);
    Fetch& fetch = fetches_[slot];
    fetch.failed = fetch.failed || result != DmaResult::ok;
    if (--fetch.reads == 0 && !fetch.dead) {
      fetch_ended(slot);
    }
    return;
  }
  const auto index = static_cast<std::uint32_t>(cookie);
  SendContext& context = contexts_[index];
  --context.reads;
  if (result == DmaResult::aborted) {
    return;
  }
  if (result != DmaResult::ok && context.work.syndrome == CqeSyndrome::none) {
    context.work.syndrome =
        result == DmaResult::bad_key ? CqeSyndrome::local_protection : CqeSyndrome::local_operation;
  }
  if (context.reads == 0) {
    forward(context.fn, context.sq);
  }
}

void SendQueues::fetch_ended(std::uint32_t slot) {
  decoder_.push(slot);
}

void SendQueues::free_fetch(std::uint32_t slot) {
  const std::uint32_t fn = fetches_[slot].fn;
  free_fetches_.push_back(slot);
  --work_[fn];
}

void SendQueues::decode(std::uint32_t& slot) {
  const Fetch& fetch = fetches_[slot];
  const std::uint32_t fn = fetch.fn;
  const std::uint32_t sq = fetch.sq;
  if (fetch.dead) {
    free_fetches_.push_back(slot);
    grant();
    return;
  }
  const vf_wq& queue = core_.context(fn).sq[sq];
  const bool current = queue.valid != 0 && queue.gen == fetch.gen && queue.state == VF_WQ_RDY;
  if (current && !fetch.failed && gate_open(fn)) {
    waiting_.push(slot);
    admit();
    return;
  }
  if (current && fetch.failed) {
    fail_queue(fn, sq, CqeSyndrome::local_operation, state(fn, sq).fetch);
  }
  end_fetch(slot);
}

/// Fetched WQEs go into work in the order of the fetches: a fetch keeps its turn while it waits for
/// contexts, or functions whose fetches always end when all are taken would never be served.
void SendQueues::admit() {
  if (admitting_) {
    return;
  }
  admitting_ = true;
  while (!waiting_.empty() && contexts_.available()) {
    const std::uint32_t slot = waiting_.front();
    if (take_in(slot)) {
      waiting_.pop();
      end_fetch(slot);
    }
  }
  admitting_ = false;
}

/// False: there are more WQEs than contexts.
bool SendQueues::take_in(std::uint32_t slot) {
  Fetch& fetch = fetches_[slot];
  vf_wq& queue = core_.context(fetch.fn).sq[fetch.sq];
  QueueState& s = state(fetch.fn, fetch.sq);
  if (queue.valid == 0 || queue.gen != fetch.gen || queue.state != VF_WQ_RDY) {
    return true;  // while it waited
  }
  s.need = 0;
  bool more = true;
  while (more && contexts_.available()) {
    const std::uint32_t used = decode_one(fetch, fetch.taken, queue, s);
    fetch.taken += used;
    more = used != 0 && fetch.taken < fetch.blocks;
  }
  forward(fetch.fn, fetch.sq);
  return !more;
}

void SendQueues::end_fetch(std::uint32_t slot) {
  const std::uint32_t fn = fetches_[slot].fn;
  const std::uint32_t sq = fetches_[slot].sq;
  state(fn, sq).fetching = false;
  free_fetch(slot);
  schedule(fn, sq);
  grant();
  core_.work_ended(fn);
}

/// What the function has fetched and not taken into work is left for a rescan.
void SendQueues::drop_waiting(std::uint32_t fn) {
  for (std::size_t left = waiting_.size(); left-- > 0;) {
    const std::uint32_t slot = take_front(waiting_);
    if (fetches_[slot].fn != fn) {
      waiting_.push(slot);
      continue;
    }
    state(fn, fetches_[slot].sq).fetching = false;
    free_fetch(slot);
  }
}

/// Takes the WQE at `block` into work. Returns its blocks, 0 if it is not complete or the queue has
/// failed.
std::uint32_t SendQueues::decode_one(const Fetch& fetch, std::uint32_t block, vf_wq& sq,
                                     QueueState& s) {
  const std::uint8_t* wqe = fetch.bytes.data() + block * kSendBlock;
  const auto units = static_cast<std::uint32_t>(VF_GET(wqe_ctrl, wqe, ds));
  const std::uint32_t blocks = std::max(1U, blocks_of(units));
  const std::uint32_t posted = static_cast<std::uint16_t>(sq.sw_counter - s.fetch);
  if (units == 0 || blocks > posted) {
    fail_queue(fetch.fn, fetch.sq, CqeSyndrome::local_operation, s.fetch);
    return 0;
  }
  if (blocks > fetch.blocks - block) {
    s.need = static_cast<std::uint8_t>(blocks);
    return 0;
  }
  const std::uint32_t index = new_context(fetch, s, blocks);
  SendContext& context = contexts_[index];
  decode_send_wqe(wqe, units, context.frame.get(), context.work);
  if (context.work.opcode == VF_WQE_SEND && context.work.bytes > core_.params.mtu + 22U) {
    context.work.syndrome = CqeSyndrome::local_length;
  }
  if (context.work.syndrome == CqeSyndrome::none) {
    gather(index, sq);
  }
  return blocks;
}

std::uint32_t SendQueues::new_context(const Fetch& fetch, QueueState& s, std::uint32_t blocks) {
  const std::uint32_t index = contexts_.take();
  SendContext& context = contexts_[index];
  context.fn = fetch.fn;
  context.sq = fetch.sq;
  context.gen = fetch.gen;
  context.position = s.fetch;
  context.blocks = static_cast<std::uint8_t>(blocks);
  context.next = kNone;
  context.reads = 0;
  context.on_port = false;
  context.dead = false;
  s.fetch = static_cast<std::uint16_t>(s.fetch + blocks);
  (s.head == kNone ? s.head : contexts_[s.tail].next) = index;
  s.tail = index;
  if (s.to_port == kNone) {
    s.to_port = index;
  }
  ++work_[fetch.fn];
  return index;
}

void SendQueues::gather(std::uint32_t index, const vf_wq& sq) {
  SendContext& context = contexts_[index];
  for (std::uint32_t i = 0; i < context.work.pieces; ++i) {
    const GatherPiece& piece = context.work.piece[i];
    DmaRequest read;
    read.client = this;
    read.cookie = index;
    read.addr = piece.addr;
    read.buffer = context.frame.get() + piece.offset;
    read.bytes = piece.bytes;
    read.mkey = piece.lkey;
    read.pd = sq.pd;
    read.fn = context.fn;
    read.by_key = true;
    ++context.reads;
    engine_.submit(read);
  }
}

/// Hands gathered contexts to the port, in the order of the queue.
void SendQueues::forward(std::uint32_t fn, std::uint32_t sq) {
  QueueState& s = state(fn, sq);
  while (s.to_port != kNone && contexts_[s.to_port].reads == 0) {
    const std::uint32_t index = s.to_port;
    s.to_port = contexts_[index].next;
    port_.push(index);
  }
}

bool SendQueues::may_transmit(const SendContext& context) const {
  const vf_wq& sq = core_.context(context.fn).sq[context.sq];
  return !context.dead && sq.valid != 0 && sq.gen == context.gen && sq.state == VF_WQ_RDY;
}

void SendQueues::transmitted(std::uint32_t index) {
  SendContext& context = contexts_[index];
  const std::uint32_t fn = context.fn;
  const std::uint32_t sq = context.sq;
  if (context.dead) {
    contexts_.release(index);
    admit();
    grant();
    return;
  }
  vf_wq& queue = core_.context(fn).sq[sq];
  if (queue.valid != 0 && queue.gen == context.gen) {
    complete(context, queue);
  }
  QueueState& s = state(fn, sq);
  s.head = context.next;
  contexts_.release(index);
  --work_[fn];
  admit();
  schedule(fn, sq);
  grant();
  core_.work_ended(fn);
}

void SendQueues::complete(const SendContext& context, vf_wq& sq) {
  sq.hw_counter = static_cast<std::uint16_t>(context.position + context.blocks);
  if (sq.state != VF_WQ_RDY) {
    post_cqe(context, sq, CqeSyndrome::flushed);
  } else if (context.work.syndrome != CqeSyndrome::none) {
    sq.state = VF_WQ_ERR;
    post_cqe(context, sq, context.work.syndrome);
  } else if (context.work.completion) {
    post_cqe(context, sq, CqeSyndrome::none);
  }
}

void SendQueues::post_cqe(const SendContext& context, const vf_wq& sq, CqeSyndrome syndrome) {
  Cqe cqe{};
  const bool error = syndrome != CqeSyndrome::none;
  VF_SET(cqe, cqe.data(), opcode, error ? VF_CQE_REQ_ERR : VF_CQE_REQ);
  VF_SET(cqe, cqe.data(), qpn, VF_SQ_BASE + context.sq);
  VF_SET(cqe, cqe.data(), wqe_counter, context.position);
  VF_SET(cqe, cqe.data(), byte_cnt, context.work.bytes);
  VF_SET(cqe, cqe.data(), solicited, context.work.solicited);
  cqe[56] = context.work.opcode;
  if (error) {
    VF_SET(cqe, cqe.data(), syndrome, static_cast<std::uint8_t>(syndrome));
  } else {
    VF_SET(cqe, cqe.data(), timestamp, core_.time_ns());
  }
  if (!cqs_.post(context.fn, sq.cqn, cqe)) {
    queue_error_event(context.fn, context.sq);
  }
}

/// An error before there is a WQE to complete.
void SendQueues::fail_queue(std::uint32_t fn, std::uint32_t sq, CqeSyndrome syndrome,
                            std::uint16_t position) {
  QueueState& s = state(fn, sq);
  if (!contexts_.available()) {
    core_.context(fn).sq[sq].state = VF_WQ_ERR;
    queue_error_event(fn, sq);
    return;
  }
  Fetch origin;
  origin.fn = static_cast<std::uint8_t>(fn);
  origin.sq = static_cast<std::uint8_t>(sq);
  origin.gen = core_.context(fn).sq[sq].gen;
  const std::uint32_t index = new_context(origin, s, 1);
  SendContext& context = contexts_[index];
  context.work = SendWork{};
  context.work.syndrome = syndrome;
  context.position = position;
  s.failed = true;
  forward(fn, sq);
}

void SendQueues::queue_error_event(std::uint32_t fn, std::uint32_t sq) {
  std::array<std::uint8_t, 28> data{};
  VF_SET(eqe_wq_error, data.data(), queue_type, kEventQueueTypeSq);
  VF_SET(eqe_wq_error, data.data(), number, VF_SQ_BASE + sq);
  events_.post_by_type(fn, VF_EVENT_WQ_CATAS_ERROR, 0, data.data());
}

void SendQueues::hold(std::uint32_t fn) {
  if (core_.fault(VF_FAULT_dma_after_suspend)) {
    return;
  }
  while (!ready_[fn].empty()) {
    state(fn, take_front(ready_[fn])).queued = false;
  }
  requests_[fn / 64] &= ~(1ULL << (fn % 64));
  drop_waiting(fn);
}

void SendQueues::rescan(std::uint32_t fn) {
  for (std::uint32_t sq = 0; sq < VF_SQ_COUNT; ++sq) {
    schedule(fn, sq);
  }
}

void SendQueues::reset(std::uint32_t fn) {
  while (!ready_[fn].empty()) {
    ready_[fn].pop();
  }
  requests_[fn / 64] &= ~(1ULL << (fn % 64));
  drop_waiting(fn);
  for (std::uint32_t i = 0; i < contexts_.size(); ++i) {
    SendContext& context = contexts_[i];
    if (context.used && !context.dead && context.fn == fn) {
      context.dead = true;
      if (!context.on_port) {
        contexts_.release(i);
      }
    }
  }
  for (Fetch& fetch : fetches_) {
    fetch.dead = fetch.dead || fetch.fn == fn;
  }
  work_[fn] = 0;
  for (std::uint32_t sq = 0; sq < VF_SQ_COUNT; ++sq) {
    state(fn, sq) = QueueState{};
  }
  admit();
  grant();
}

}  // namespace vfsim::model
