#include "systemc/nic/dma_engine.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/interface/faults.h"
#include "systemc/nic/mkey_walker_tlm.hpp"

namespace vfsim::model {

namespace {
// The cookie of a posted TLP names its operation, and the resets of its function until then: what
// was sent before a reset finds no stranger.
constexpr std::uint32_t kIndexBits = 20;
constexpr std::uint32_t kNoIndex = (1U << kIndexBits) - 1;
constexpr std::uint16_t kEpochMask = 0xfff;
constexpr std::uint32_t kBusPage = 4096;  // no TLP crosses it

constexpr std::uint32_t cookie_of(std::uint32_t index, std::uint16_t epoch) {
  return static_cast<std::uint32_t>(epoch) << kIndexBits | index;
}
}  // namespace

DmaEngine::DmaEngine(NicCore& core, DmaGate& gate, MkeyWalker& walker)
    : core_(core),
      gate_(gate),
      walker_(walker),
      reads_(core.params.dma_tags),
      stage_(core.calendar, *this, core.params.translation_ns * kNs) {
  ops_.reserve(1024);
  inline_.reserve(1024);
  free_ops_.reserve(1024);
  gate_.set_client(*this);
  walker_.set_client(*this);
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
  ops_[index].used = false;
  if (!ops_[index].walking) {
    free_ops_.push_back(index);
  }
}

void DmaEngine::submit(const DmaRequest& request) {
  const std::uint32_t index = allocate();
  Op& op = ops_[index];
  op.key = Cursor{request.addr, request.addr, request.by_key ? 0 : kWholeRun, 0};
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
  op.walking = false;
  op.result = DmaResult::ok;
  ++functions_[op.fn].ops;
  stage_.push(index);
}

/// Asks the walker for where the next byte is. False: the answer comes later, by walked().
bool DmaEngine::walk(std::uint32_t index, bool resume) {
  Op& op = ops_[index];
  const WalkRequest request{op.key.at,  op.mkey, op.pd,      op.left,
                            op.key.gen, op.fn,   op.to_host, resume};
  WalkAnswer answer;
  if (!resume && op.data_path && core_.fault(VF_FAULT_mkey_unchecked)) {
    answer = unchecked_walk(*core_.ram, request);
  } else if (!walker_.walk(request, index, answer)) {
    op.walking = true;
    return false;
  }
  take(op, answer);
  return true;
}

void DmaEngine::take(Op& op, const WalkAnswer& answer) {
  op.key.addr = answer.addr;
  op.key.run = answer.run;
  op.key.gen = answer.gen;
  op.key.relaxed = answer.relaxed;
  if (answer.result != VF_WALK_OK) {
    op.result = DmaResult::bad_key;
  }
}

void DmaEngine::leave_stage(std::uint32_t& index) {
  const Op& op = ops_[index];
  const bool known = !op.by_key || op.aborted || walk(index, false);
  if (known && line_.empty()) {
    translated(index);
  } else {
    line_.push(index);
  }
}

void DmaEngine::translated(std::uint32_t index) {
  Op& op = ops_[index];
  op.staged = false;
  if (op.aborted) {
    release(index);
  } else if (op.result != DmaResult::ok) {
    end(index, op.result);
  } else if (op.left == 0) {
    end(index, DmaResult::ok);
  } else {
    enqueue(index);
  }
}

void DmaEngine::walked(std::uint32_t index, const WalkAnswer& answer) {
  Op& op = ops_[index];
  op.walking = false;
  if (!op.used) {
    free_ops_.push_back(index);
    return;
  }
  take(op, answer);
  if (op.staged) {
    while (!line_.empty() && !ops_[line_.front()].walking) {
      translated(take_front(line_));
    }
  } else if (op.left != 0) {
    const std::uint32_t fn = op.fn;
    const bool write = op.to_host;
    if (op.result != DmaResult::ok) {
      drop_unissued(index, op.result);  // the key went away under the transfer
    }
    if (write) {
      ask_posted(fn);
    } else {
      ask_read(fn);
    }
  }
}

void DmaEngine::enqueue(std::uint32_t index) {
  Op& op = ops_[index];
  Function& f = functions_[op.fn];
  Queue& queue = op.to_host ? f.writes : f.reads;
  const bool first = queue.head == kNone;
  (first ? queue.head : ops_[queue.tail].next) = index;
  queue.tail = index;
  if (!f.master) {
    hold(f);
  } else if (!first) {
    return;  // what the head asked for stands
  } else if (op.to_host) {
    ask_posted(op.fn);
  } else {
    ask_read(op.fn);
  }
}

/// The transfer at the head asks for its next page; one whose key went away ends. True: the head
/// knows it.
bool DmaEngine::find_page(const Queue& queue) {
  while (queue.head != kNone) {
    const std::uint32_t index = queue.head;
    if (ops_[index].key.run != 0) {
      return true;
    }
    if (ops_[index].walking || !walk(index, true)) {
      return false;
    }
    if (ops_[index].key.run == 0) {
      drop_unissued(index, DmaResult::bad_key);
    }
  }
  return false;
}

bool DmaEngine::next_read(Function& f) {
  f.read_asked = f.master && sendable(f.reads);
  return f.read_asked;
}

GatePosted DmaEngine::next_posted(Function& f) {
  const bool any = f.master && sendable(f.writes);
  f.posted_asked = !any                            ? GatePosted::none
                   : ops_[f.writes.head].interrupt ? GatePosted::message
                                                   : GatePosted::write;
  return f.posted_asked;
}

void DmaEngine::ask_read(std::uint32_t fn) {
  Function& f = functions_[fn];
  const bool before = f.read_asked;
  if (next_read(f) != before) {
    gate_.request_read(fn, f.read_asked);
  }
}

void DmaEngine::ask_posted(std::uint32_t fn) {
  Function& f = functions_[fn];
  const GatePosted before = f.posted_asked;
  if (next_posted(f) != before) {
    gate_.request_posted(fn, f.posted_asked);
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
  if (!master && (f.writes.head != kNone || f.reads.head != kNone)) {
    hold(f);
  }
  ask_posted(fn);
  ask_read(fn);
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

/// Bytes of the next TLP of at most `limit`.
std::uint32_t DmaEngine::segment(const Op& op, std::uint32_t limit) {
  const auto to_boundary = static_cast<std::uint32_t>(kBusPage - (op.key.addr & (kBusPage - 1)));
  const std::uint32_t most = std::min({op.left, limit, to_boundary});
  return op.key.run < most ? static_cast<std::uint32_t>(op.key.run) : most;
}

void DmaEngine::advance(Op& op, std::uint32_t bytes) {
  op.key.addr += bytes;
  op.key.at += bytes;
  op.key.run -= op.key.run == kWholeRun ? 0 : bytes;
  op.left -= bytes;
  op.done += bytes;
}

GatePosted DmaEngine::posted_granted(std::uint32_t fn, GatePosted kind) {
  Function& f = functions_[fn];
  if (f.posted_asked != kind) {
    gate_.landed(fn);
    return f.posted_asked;
  }
  const std::uint32_t index = f.writes.head;
  send_write(index, segment(ops_[index], core_.pcie.max_payload));
  return next_posted(f);
}

bool DmaEngine::read_granted(std::uint32_t fn, std::uint16_t tag) {
  Function& f = functions_[fn];
  if (!f.read_asked) {
    gate_.completed(tag);
    return false;
  }
  const std::uint32_t index = f.reads.head;
  send_read(index, segment(ops_[index], core_.pcie.max_read_request), tag);
  return next_read(f);
}

void DmaEngine::send_write(std::uint32_t index, std::uint32_t bytes) {
  Op& op = ops_[index];
  Function& f = functions_[op.fn];
  Tlp tlp;
  tlp.kind = TlpKind::mem_write;
  tlp.interrupt = op.interrupt;
  tlp.relaxed = relaxed_ && op.key.relaxed;
  tlp.requester = core_.rid_of(op.fn);
  tlp.bytes = bytes;
  tlp.addr = op.key.addr;
  const bool landed = op.notify == DmaNotify::landed;
  tlp.cookie = cookie_of(landed ? index : kNoIndex, f.epoch);
  const std::uint8_t* from = (op.copied ? inline_[index].bytes.data() : op.buffer) + op.done;
  ++core_.stats.fn[op.fn].writes_sent;
  if (!op.interrupt) {
    f.tracker.mark(tlp.addr, bytes);
  }
  core_.port->send(tlp, from);
  advance(op, bytes);
  op.out += landed ? 1 : 0;
  if (op.left == 0) {
    f.writes.head = op.next;
    if (!landed) {
      end(index, DmaResult::ok);
    }
  }
}

void DmaEngine::send_read(std::uint32_t index, std::uint32_t bytes, std::uint16_t tag) {
  Op& op = ops_[index];
  Function& f = functions_[op.fn];
  reads_[tag] = {op.buffer + op.done, index, bytes, 0, op.fn};
  Tlp tlp;
  tlp.kind = TlpKind::mem_read;
  tlp.relaxed = relaxed_ && op.key.relaxed;
  tlp.requester = core_.rid_of(op.fn);
  tlp.tag = tag;
  tlp.bytes = bytes;
  tlp.addr = op.key.addr;
  ++core_.stats.fn[op.fn].reads_sent;
  core_.port->send(tlp, nullptr);
  advance(op, bytes);
  ++op.out;
  if (op.left == 0) {
    f.reads.head = op.next;
  }
}

/// An error: what was not issued is given up, and the operation ends if nothing of it is under way.
/// A partly issued operation is the head of its queue.
void DmaEngine::drop_unissued(std::uint32_t index, DmaResult result) {
  Op& op = ops_[index];
  op.result = result;
  if (op.left != 0) {
    op.left = 0;
    Function& f = functions_[op.fn];
    (op.to_host ? f.writes : f.reads).head = op.next;
  }
  if (op.out == 0) {
    end(index, result);
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
  if (ok && !tlp.interrupt) {
    f.tracker.mark(tlp.addr, tlp.bytes);
  }
  const std::uint32_t index = tlp.cookie & kNoIndex;
  if (index != kNoIndex && tlp.cookie >> kIndexBits == f.epoch) {
    end_of_write(index, ok);
  }
  gate_.landed(fn);
}

void DmaEngine::end_of_write(std::uint32_t index, bool ok) {
  Op& op = ops_[index];
  const std::uint32_t fn = op.fn;
  --op.out;
  if (!ok) {
    drop_unissued(index, DmaResult::bus_error);
    ask_posted(fn);
  } else if (op.out == 0 && op.left == 0) {
    end(index, op.result);
  }
}

void DmaEngine::completion(const Tlp& tlp, const std::uint8_t* payload) {
  ++core_.stats.completions;
  const std::uint16_t tag = tlp.tag;
  if (tag >= reads_.size() || tlp.requester != core_.rid_of(reads_[tag].fn)) {
    ++core_.stats.unexpected_completions;
    return;
  }
  Read& read = reads_[tag];
  const bool good = tlp.status == CplStatus::successful;
  if (read.op == kNone) {  // late
    ++core_.stats.unexpected_completions;
    if (tlp.last || !good) {
      gate_.completed(tag);
    }
    return;
  }
  if (good) {
    if (tlp.offset != read.received || tlp.bytes > read.bytes - read.received) {
      ++core_.stats.unexpected_completions;
      return;
    }
    std::memcpy(read.buffer + read.received, payload, tlp.bytes);
    read.received += tlp.bytes;
    if (read.received != read.bytes && !tlp.last) {
      return;
    }
  }
  const bool complete = good && read.received == read.bytes;
  end_of_read(tag, complete ? DmaResult::ok : DmaResult::bus_error);
  gate_.completed(tag);
}

void DmaEngine::read_expired(std::uint16_t tag) {
  ++core_.stats.completion_timeouts;
  end_of_read(tag, DmaResult::timeout);
}

void DmaEngine::end_of_read(std::uint16_t tag, DmaResult result) {
  const std::uint32_t index = reads_[tag].op;
  reads_[tag].op = kNone;
  Op& op = ops_[index];
  const std::uint32_t fn = op.fn;
  --op.out;
  if (result != DmaResult::ok) {
    drop_unissued(index, result);
    ask_read(fn);
  } else if (op.out == 0 && op.left == 0) {
    end(index, op.result);
  }
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
  f.held_until = 0;
  f.read_asked = false;
  f.posted_asked = GatePosted::none;
  f.epoch = static_cast<std::uint16_t>((f.epoch + 1) & kEpochMask);
  for (Read& read : reads_) {
    read.op = read.fn == fn ? kNone : read.op;
  }
  gate_.reset(fn);
  for (const Ended& e : ended) {
    e.client->dma_done(e.cookie, DmaResult::aborted);
  }
}

}  // namespace vfsim::model
