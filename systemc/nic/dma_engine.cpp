#include "systemc/nic/dma_engine.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/interface/faults.h"

namespace vfsim::model {

namespace {
// The cookie of a posted TLP names its operation, with a serial so that a late landing finds no
// stranger.
constexpr std::uint32_t kNoCookie = ~0U;
constexpr std::uint32_t kIndexBits = 20;
constexpr std::uint16_t kSerialMask = 0x7ff;
constexpr std::uint32_t kBusPage = 4096;  // no TLP crosses it

constexpr std::uint32_t cookie_of(std::uint32_t index, std::uint16_t serial) {
  return static_cast<std::uint32_t>(serial) << kIndexBits | index;
}
}  // namespace

DmaEngine::DmaEngine(NicCore& core)
    : core_(core),
      walker_(*core.ram),
      write_round_(kNicFunctions),
      read_round_(kNicFunctions),
      tags_(core.params.dma_tags),
      free_tags_(256),
      stage_(core.calendar, *this, core.params.translation_ns * kNs) {
  ops_.reserve(1024);
  inline_.reserve(1024);
  free_ops_.reserve(1024);
  for (std::uint32_t tag = 0; tag < core.params.dma_tags; ++tag) {
    free_tags_.push(static_cast<std::uint16_t>(tag));
  }
}

std::uint32_t DmaEngine::allocate() {
  if (free_ops_.empty()) {
    ops_.push_back(Op{});
    inline_.emplace_back();
    return static_cast<std::uint32_t>(ops_.size() - 1);
  }
  const std::uint32_t index = free_ops_.back();
  free_ops_.pop_back();
  return index;
}

void DmaEngine::release(std::uint32_t index) {
  Op& op = ops_[index];
  op.serial = static_cast<std::uint16_t>((op.serial + 1) & kSerialMask);
  op.used = false;
  free_ops_.push_back(index);
}

void DmaEngine::submit(const DmaRequest& request) {
  const std::uint32_t index = allocate();
  Op& op = ops_[index];
  op.key = KeyCursor{request.addr, request.addr, request.by_key ? 0 : ~0ULL, 0};
  op.buffer = request.buffer;
  op.client = request.notify == DmaNotify::never ? nullptr : request.client;
  op.cookie = request.cookie;
  op.left = request.bytes;
  op.mkey = request.mkey;
  op.pd = request.pd;
  op.fn = request.fn;
  op.to_host = request.to_host;
  op.by_key = request.by_key;
  op.copied = request.copied;
  op.data_path = request.data_path;
  op.interrupt = false;
  op.notify = request.notify;
  if (request.copied) {
    std::memcpy(inline_[index].bytes.data(), request.buffer, std::min(request.bytes, kInlineBytes));
  }
  stage(index);
}

void DmaEngine::submit_interrupt(std::uint32_t fn, std::uint64_t addr, std::uint32_t data) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(data >> (8 * i));
  }
  DmaRequest request;
  request.addr = addr;
  request.buffer = bytes.data();
  request.bytes = 4;
  request.fn = static_cast<std::uint8_t>(fn);
  request.to_host = true;
  request.copied = true;
  request.notify = DmaNotify::never;
  const std::uint32_t index =
      free_ops_.empty() ? static_cast<std::uint32_t>(ops_.size()) : free_ops_.back();
  submit(request);
  ops_[index].interrupt = true;
}

void DmaEngine::stage(std::uint32_t index) {
  Op& op = ops_[index];
  op.done = 0;
  op.out = 0;
  op.next = kNone;
  op.staged = true;
  op.aborted = false;
  op.used = true;
  op.result = DmaResult::ok;
  ++functions_[op.fn].ops;
  stage_.push(index);
}

bool DmaEngine::start_key(Op& op) const {
  if (op.data_path && core_.fault(VF_FAULT_mkey_unchecked)) {
    walker_.start_unchecked(op.fn, op.mkey, op.key.at, op.key);
    return true;
  }
  return walker_.start(op.fn, op.mkey, op.pd, op.key.at, op.left, op.to_host, op.key);
}

void DmaEngine::leave_stage(std::uint32_t& index) {
  Op& op = ops_[index];
  op.staged = false;
  if (op.aborted) {
    release(index);
    return;
  }
  if (op.by_key && !start_key(op)) {
    end(index, DmaResult::bad_key);
    return;
  }
  if (op.left == 0) {
    end(index, DmaResult::ok);
    return;
  }
  const bool write = op.to_host;
  enqueue(index);
  if (write) {
    pump_writes();
  } else {
    pump_reads();
  }
}

void DmaEngine::enqueue(std::uint32_t index) {
  Op& op = ops_[index];
  Function& f = functions_[op.fn];
  Queue& queue = op.to_host ? f.writes : f.reads;
  if (queue.head == kNone) {
    queue.head = index;
  } else {
    ops_[queue.tail].next = index;
  }
  queue.tail = index;
  activate(op.fn, queue, op.to_host ? write_round_ : read_round_);
}

/// The queue has something to send: it takes its turns from now on, unless the function is no bus
/// master.
void DmaEngine::activate(std::uint32_t fn, Queue& queue, Ring<std::uint8_t>& round) {
  Function& f = functions_[fn];
  if (!f.master) {
    hold(f);
  } else if (!queue.active) {
    queue.active = true;
    round.push(static_cast<std::uint8_t>(fn));
  }
}

void DmaEngine::hold(Function& f) {
  if (f.held_until == 0) {
    f.held_until = core_.now() + core_.params.completion_timeout_us * kUs;
    core_.calendar.arm_earlier(held_, f.held_until);
  }
}

void DmaEngine::set_master(std::uint32_t fn, bool master) {
  Function& f = functions_[fn];
  f.master = master;
  f.held_until = 0;
  if (f.writes.head != kNone) {
    activate(fn, f.writes, write_round_);
  }
  if (f.reads.head != kNone) {
    activate(fn, f.reads, read_round_);
  }
  if (master) {
    pump_writes();
    pump_reads();
  }
}

// Rare: only a driver that takes bus mastering away under work in progress gets here.
void DmaEngine::release_held() {
  Ps next = kNever;
  for (std::uint32_t fn = 0; fn < core_.functions(); ++fn) {
    Function& f = functions_[fn];
    if (f.held_until != 0 && f.held_until <= core_.now()) {
      f.held_until = 0;
      core_.run[fn].cpl_timeout = core_.run[fn].cpl_timeout || core_.run[fn].gate_closed;
      give_up(f.reads);
      give_up(f.writes);
    }
    next = f.held_until != 0 ? std::min(next, f.held_until) : next;
  }
  core_.calendar.arm_earlier(held_, next);
}

/// Ends what waits in the queue now; what its end starts waits for the next time-out.
void DmaEngine::give_up(Queue& queue) {
  std::uint32_t index = queue.head;
  queue.head = kNone;
  while (index != kNone) {
    Op& op = ops_[index];
    const std::uint32_t next = op.next;
    op.left = 0;
    op.result = DmaResult::timeout;
    if (op.out == 0) {
      end(index, DmaResult::timeout);
    }
    index = next;
  }
}

std::uint32_t DmaEngine::drop_head(Queue& queue) {
  const std::uint32_t index = queue.head;
  queue.head = ops_[index].next;
  return index;
}

void DmaEngine::rotate(Ring<std::uint8_t>& round, const Function& f, Queue& queue) {
  const std::uint8_t fn = take_front(round);
  queue.active = f.master && queue.head != kNone;
  if (queue.active) {
    round.push(fn);
  }
}

void DmaEngine::pump_writes() {
  while (!write_round_.empty()) {
    Function& f = functions_[write_round_.front()];
    if (f.master && f.writes.head != kNone && !send_write(f.writes.head)) {
      return;
    }
    rotate(write_round_, f, f.writes);
  }
}

void DmaEngine::pump_reads() {
  while (!read_round_.empty()) {
    Function& f = functions_[read_round_.front()];
    if (f.master && f.reads.head != kNone && !send_read(f.reads.head)) {
      return;
    }
    rotate(read_round_, f, f.reads);
  }
}

/// Bytes of the next TLP of at most `limit`; 0 if the key went away under the transfer.
std::uint32_t DmaEngine::segment(Op& op, std::uint32_t limit) const {
  if (op.key.run == 0 && !walker_.next_page(op.fn, op.mkey, op.key)) {
    return 0;
  }
  const auto to_boundary = static_cast<std::uint32_t>(kBusPage - (op.key.addr & (kBusPage - 1)));
  const std::uint32_t most = std::min({op.left, limit, to_boundary});
  return op.key.run < most ? static_cast<std::uint32_t>(op.key.run) : most;
}

void DmaEngine::advance(Op& op, std::uint32_t bytes) {
  op.key.addr += bytes;
  op.key.at += bytes;
  op.key.run -= op.key.run == ~0ULL ? 0 : bytes;
  op.left -= bytes;
  op.done += bytes;
}

/// False: no credits. The operation is at the head of its queue.
bool DmaEngine::send_write(std::uint32_t index) {
  Op& op = ops_[index];
  const std::uint32_t bytes = segment(op, core_.pcie.max_payload);
  if (bytes == 0) {
    drop_unissued(index, DmaResult::bad_key);
    if (op.out == 0) {
      end(index, DmaResult::bad_key);
    }
    return true;
  }
  if (!core_.port->can_send(TlpKind::mem_write, bytes)) {
    return false;
  }
  Function& f = functions_[op.fn];
  Tlp tlp;
  tlp.kind = TlpKind::mem_write;
  tlp.interrupt = op.interrupt;
  tlp.relaxed = relaxed_ && op.key.relaxed;
  tlp.requester = core_.rid_of(op.fn);
  tlp.bytes = bytes;
  tlp.addr = op.key.addr;
  const bool landed = op.notify == DmaNotify::landed;
  tlp.cookie = landed ? cookie_of(index, op.serial) : kNoCookie;
  const std::uint8_t* from = (op.copied ? inline_[index].bytes.data() : op.buffer) + op.done;
  ++f.inflight_writes;
  ++core_.stats.fn[op.fn].writes_sent;
  if (!op.interrupt) {
    f.tracker.mark(tlp.addr, bytes);
  }
  core_.port->send(tlp, from);
  advance(op, bytes);
  op.out += landed ? 1 : 0;
  if (op.left == 0) {
    drop_head(f.writes);
    if (!landed) {
      end(index, DmaResult::ok);
    }
  }
  return true;
}

/// False: no tag or no credits.
bool DmaEngine::send_read(std::uint32_t index) {
  Op& op = ops_[index];
  const std::uint32_t bytes = segment(op, core_.pcie.max_read_request);
  if (bytes == 0) {
    drop_unissued(index, DmaResult::bad_key);
    if (op.out == 0) {
      end(index, DmaResult::bad_key);
    }
    return true;
  }
  if (free_tags_.empty() || !core_.port->can_send(TlpKind::mem_read, 0)) {
    return false;
  }
  const std::uint16_t number = take_front(free_tags_);
  Tag& tag = tags_[number];
  tag.buffer = op.buffer + op.done;
  tag.op = index;
  tag.bytes = bytes;
  tag.received = 0;
  tag.fn = op.fn;
  tag.state = TagState::busy;
  link_deadline(number);
  Tlp tlp;
  tlp.kind = TlpKind::mem_read;
  tlp.relaxed = relaxed_ && op.key.relaxed;
  tlp.requester = core_.rid_of(op.fn);
  tlp.tag = number;
  tlp.bytes = bytes;
  tlp.addr = op.key.addr;
  Function& f = functions_[op.fn];
  ++f.outstanding_reads;
  ++core_.stats.fn[op.fn].reads_sent;
  core_.port->send(tlp, nullptr);
  advance(op, bytes);
  ++op.out;
  if (op.left == 0) {
    drop_head(f.reads);
  }
  return true;
}

/// An error: what was not issued is given up. A partly issued operation is the head of its queue.
void DmaEngine::drop_unissued(std::uint32_t index, DmaResult result) {
  Op& op = ops_[index];
  op.result = result;
  if (op.left != 0) {
    op.left = 0;
    Function& f = functions_[op.fn];
    drop_head(op.to_host ? f.writes : f.reads);
  }
}

void DmaEngine::end(std::uint32_t index, DmaResult result) {
  const Op& op = ops_[index];
  DmaClient* client = op.client;
  const std::uint64_t cookie = op.cookie;
  const std::uint32_t fn = op.fn;
  --functions_[fn].ops;
  release(index);
  if (client != nullptr) {
    client->dma_done(cookie, result);
  }
  core_.work_ended(fn);
}

void DmaEngine::write_landed(const Tlp& tlp, bool ok) {
  const std::uint32_t fn = static_cast<std::uint32_t>(tlp.requester - core_.rid);
  if (fn >= kNicFunctions) {
    return;
  }
  Function& f = functions_[fn];
  --f.inflight_writes;
  if (ok && !tlp.interrupt) {
    f.tracker.mark(tlp.addr, tlp.bytes);
  }
  if (tlp.cookie != kNoCookie) {
    const std::uint32_t index = tlp.cookie & ((1U << kIndexBits) - 1);
    Op& op = ops_[index];
    if (op.used && cookie_of(index, op.serial) == tlp.cookie) {
      --op.out;
      if (!ok) {
        drop_unissued(index, DmaResult::bus_error);
      }
      if (op.out == 0 && op.left == 0) {
        end(index, op.result);
      }
    }
  }
  core_.work_ended(fn);
}

void DmaEngine::completion(const Tlp& tlp, const std::uint8_t* payload) {
  ++core_.stats.completions;
  const std::uint16_t number = tlp.tag;
  if (number >= tags_.size() || tags_[number].state == TagState::free ||
      tlp.requester != core_.rid_of(tags_[number].fn)) {
    ++core_.stats.unexpected_completions;
    return;
  }
  Tag& tag = tags_[number];
  const bool good = tlp.status == CplStatus::successful;
  if (tag.state == TagState::quarantined) {
    ++core_.stats.unexpected_completions;
    if (tlp.last || !good) {
      unlink_deadline(number);
      free_tag(number);
      pump_reads();
    }
    return;
  }
  if (good) {
    if (tlp.offset != tag.received || tlp.bytes > tag.bytes - tag.received) {
      ++core_.stats.unexpected_completions;
      return;
    }
    std::memcpy(tag.buffer + tag.received, payload, tlp.bytes);
    tag.received += tlp.bytes;
    if (tag.received != tag.bytes && !tlp.last) {
      return;
    }
  }
  const bool complete = good && tag.received == tag.bytes;
  unlink_deadline(number);
  free_tag(number);
  end_of_tag(number, complete ? DmaResult::ok : DmaResult::bus_error);
}

void DmaEngine::end_of_tag(std::uint16_t number, DmaResult result) {
  const std::uint32_t index = tags_[number].op;
  Op& op = ops_[index];
  --functions_[op.fn].outstanding_reads;
  --op.out;
  if (result != DmaResult::ok) {
    drop_unissued(index, result);
  }
  if (op.out == 0 && op.left == 0) {
    end(index, op.result);
  }
  pump_reads();
}

void DmaEngine::credits_returned() {
  pump_writes();
  pump_reads();
}

void DmaEngine::abort(std::uint32_t fn) {
  Function& f = functions_[fn];
  struct Ended {
    DmaClient* client;
    std::uint64_t cookie;
  };
  std::vector<Ended> ended;
  for (std::uint32_t i = 0; i < ops_.size(); ++i) {
    Op& op = ops_[i];
    if (!op.used || op.fn != fn || op.aborted) {
      continue;
    }
    if (op.client != nullptr) {
      ended.push_back({op.client, op.cookie});
    }
    op.aborted = true;
    if (!op.staged) {
      release(i);
    }
  }
  f.writes.head = kNone;
  f.reads.head = kNone;
  f.ops = 0;
  f.outstanding_reads = 0;
  f.held_until = 0;
  for (std::size_t i = 0; i < tags_.size(); ++i) {
    if (tags_[i].state == TagState::busy && tags_[i].fn == fn) {
      unlink_deadline(static_cast<std::uint16_t>(i));
      quarantine(static_cast<std::uint16_t>(i));
    }
  }
  for (const Ended& e : ended) {
    e.client->dma_done(e.cookie, DmaResult::aborted);
  }
}

void DmaEngine::quarantine(std::uint16_t number) {
  Tag& tag = tags_[number];
  tag.state = TagState::quarantined;
  tag.op = kNone;
  link_deadline(number);
}

void DmaEngine::free_tag(std::uint16_t number) {
  tags_[number].state = TagState::free;
  free_tags_.push(number);
}

// One constant time-out: the order of issue is the order of deadlines, a list is enough.
void DmaEngine::link_deadline(std::uint16_t number) {
  Tag& tag = tags_[number];
  tag.deadline = core_.now() + core_.params.completion_timeout_us * kUs;
  tag.next = kNoTag;
  tag.prev = last_deadline_;
  if (last_deadline_ == kNoTag) {
    first_deadline_ = number;
  } else {
    tags_[last_deadline_].next = number;
  }
  last_deadline_ = number;
  if (!timeout_.armed()) {
    core_.calendar.arm(timeout_, tags_[first_deadline_].deadline);
  }
}

void DmaEngine::unlink_deadline(std::uint16_t number) {
  const Tag& tag = tags_[number];
  (tag.prev == kNoTag ? first_deadline_ : tags_[tag.prev].next) = tag.next;
  (tag.next == kNoTag ? last_deadline_ : tags_[tag.next].prev) = tag.prev;
}

// The timer is not moved when a read completes: it fires at most once per time-out and looks at the
// oldest tag.
void DmaEngine::expire() {
  while (first_deadline_ != kNoTag && tags_[first_deadline_].deadline <= core_.now()) {
    const std::uint16_t number = first_deadline_;
    unlink_deadline(number);
    if (tags_[number].state == TagState::quarantined) {
      free_tag(number);
      pump_reads();
      continue;
    }
    ++core_.stats.completion_timeouts;
    FnRun& run = core_.run[tags_[number].fn];
    run.cpl_timeout = run.cpl_timeout || run.gate_closed;
    const std::uint32_t op = tags_[number].op;
    quarantine(number);
    tags_[number].op = op;
    end_of_tag(number, DmaResult::timeout);
  }
  if (first_deadline_ != kNoTag && !timeout_.armed()) {
    core_.calendar.arm(timeout_, tags_[first_deadline_].deadline);
  }
}

}  // namespace vfsim::model
