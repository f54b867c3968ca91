#include "systemc/nic/receive_queue.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "firmware/interface/faults.h"
#include "systemc/nic/port_counters.hpp"
#include "systemc/nic/page_run.hpp"

namespace vfsim::model {

namespace {
constexpr std::uint64_t kRecordCookie = 1ULL << 32;  // else the cookie is a context
constexpr std::uint32_t kScatterEntry = 16;
constexpr std::uint32_t kTerminateKey = 0x100;  // ends a scatter list
constexpr std::uint8_t kEventQueueTypeRq = 1;
constexpr std::uint32_t kLargestHeader = 22;  // Ethernet with two VLAN tags
constexpr std::uint8_t kEmptyReads = 2;
// CQE: header types and checks.
constexpr std::uint8_t kL2Good = 1, kL3Good = 2, kL4Good = 4;
constexpr std::uint8_t kTypeIpv6 = 1 << 2, kTypeIpv4 = 2 << 2;
constexpr std::uint8_t kTypeTcp = 1 << 4, kTypeUdp = 2 << 4, kTypeTcpAckNoData = 3 << 4,
                       kTypeTcpAckData = 4 << 4;

std::uint8_t header_types(const std::uint8_t* frame, const PacketView& view) {
  unsigned type = view.l3 == L3::ipv4 ? kTypeIpv4 : view.l3 == L3::ipv6 ? kTypeIpv6 : 0U;
  if (view.l4 == L4::udp) {
    type |= kTypeUdp;
  } else if (view.l4 == L4::tcp) {
    const bool ack = (frame[view.l4_offset + 13] & 0x10) != 0;
    const bool data = view.ip_end > view.payload_offset;
    type |= !ack ? kTypeTcp : data ? kTypeTcpAckData : kTypeTcpAckNoData;
  }
  return static_cast<std::uint8_t>(type);
}

std::uint8_t checks(const std::uint8_t* frame, const PacketView& view) {
  unsigned good = kL2Good;
  if (view.l3 != L3::other && l3_checksum_good(frame, view)) {
    good |= kL3Good;
    good |= l4_checksum_good(frame, view) ? kL4Good : 0U;
  }
  return static_cast<std::uint8_t>(good);
}
}  // namespace

ReceiveQueues::ReceiveQueues(NicCore& core, DmaEngine& engine, CompletionQueues& cqs,
                             EventQueues& events)
    : core_(core),
      engine_(engine),
      cqs_(cqs),
      events_(events),
      steering_(core),
      contexts_(core.params.rx_contexts),
      states_(static_cast<std::size_t>(core.functions()) * VF_RQ_COUNT) {
  for (std::uint32_t i = core.params.rx_contexts; i-- > 0;) {
    contexts_[i].frame.reset(new std::uint8_t[kMaxFrame]);
    free_.push_back(i);
  }
}

bool ReceiveQueues::owns(const std::uint8_t* mac) const {
  const int fn = steering_.exact_owner(mac);
  return fn >= 0 && admit(static_cast<std::uint32_t>(fn)) == FrameDrop::none;
}

FrameDrop ReceiveQueues::frame(const std::uint8_t* bytes, std::uint32_t length) {
  if (length < kEthHeader || length > kMaxFrame || length > core_.params.mtu + kLargestHeader) {
    return refuse(0, bytes, length, FrameDrop::too_long);
  }
  if (!core_.link_up) {
    return refuse(0, bytes, length, FrameDrop::link_down);
  }
  if (is_multicast(bytes)) {
    return multicast(bytes, length);
  }
  const int fn = steering_.owner(bytes);
  return fn < 0 ? refuse(0, bytes, length, FrameDrop::no_owner)
                : offer(static_cast<std::uint32_t>(fn), bytes, length);
}

// One taker is enough: a frame cannot be given back for the others. A switch that is a reflective
// relay brings a function's own frames back: they are not for it.
FrameDrop ReceiveQueues::multicast(const std::uint8_t* bytes, std::uint32_t length) {
  FrameDrop result = FrameDrop::no_owner;
  for (std::uint32_t fn = 0; fn < core_.functions(); ++fn) {
    if (!core_.run[fn].present || core_.context(fn).enabled == 0 ||
        steering_.lists(fn, bytes + kMacBytes)) {
      continue;
    }
    FrameDrop one = offer(fn, bytes, length);
    if (one == FrameDrop::not_ready && reads_record(fn) && late_.size() < kMaxLate) {
      late_.push_back({{bytes, bytes + length}, fn});
      one = FrameDrop::none;
    }
    result = result == FrameDrop::none ? result : one;
  }
  return result;
}

bool ReceiveQueues::reads_record(std::uint32_t fn) const {
  const auto first = states_.begin() + static_cast<std::ptrdiff_t>(fn * VF_RQ_COUNT);
  return std::any_of(first, first + VF_RQ_COUNT, [](const QueueState& s) { return s.reading; });
}

void ReceiveQueues::offer_late(std::uint32_t fn) {
  std::vector<Late> rest;
  bool waits = false;  // those behind it wait, too
  for (Late& late : std::exchange(late_, {})) {
    if (late.fn == fn && !waits) {
      waits = offer(fn, late.frame.data(), static_cast<std::uint32_t>(late.frame.size())) ==
                  FrameDrop::not_ready &&
              reads_record(fn);
    }
    if (late.fn != fn || waits) {
      rest.push_back(std::move(late));
    }
  }
  late_ = std::move(rest);
}

FrameDrop ReceiveQueues::refuse(std::uint32_t fn, const std::uint8_t* bytes, std::uint32_t length,
                                FrameDrop why) {
  ++core_.stats.frames_refused[static_cast<std::size_t>(why)];
  core_.probes.emit<Probe::frame>(&Observer::frame_received, core_.now(), core_.ref(fn), bytes,
                                  length, why);
  return why;
}

FrameDrop ReceiveQueues::admit(std::uint32_t fn) const {
  const FnRun& run = core_.run[fn];
  const vf_function& context = core_.ram->fn[fn];
  if (!run.present || run.in_reset || context.enabled == 0) {
    return FrameDrop::no_owner;
  }
  if (!core_.link_up || context.link_up == 0) {
    return FrameDrop::link_down;
  }
  const bool closed = run.gate_closed && !core_.fault(VF_FAULT_rx_after_suspend);
  return closed ? FrameDrop::suspended : FrameDrop::none;
}

FrameDrop ReceiveQueues::offer(std::uint32_t fn, const std::uint8_t* bytes, std::uint32_t length) {
  const FrameDrop closed = admit(fn);
  if (closed != FrameDrop::none) {
    return refuse(fn, bytes, length, closed);
  }
  const PacketView view = parse_packet(bytes, length);
  RxTarget target = steering_.target(fn, bytes, view);
  const FrameDrop buffer = find_buffer(fn, target);
  if (buffer != FrameDrop::none) {
    return refuse(fn, bytes, length, buffer);
  }
  if (free_.empty()) {
    return refuse(fn, bytes, length, FrameDrop::not_ready);
  }
  accept(fn, bytes, length, target, view);
  core_.probes.emit<Probe::frame>(&Observer::frame_received, core_.now(), core_.ref(fn), bytes,
                                  length, FrameDrop::none);
  return FrameDrop::none;
}

/// Strides that are known to hold a buffer and are not given to a frame yet.
std::uint32_t ReceiveQueues::known_free(std::uint32_t fn, std::uint32_t rq) {
  const vf_wq& queue = core_.context(fn).rq[rq];
  QueueState& s = state(fn, rq);
  if (s.gen != queue.gen && s.head == kNone && !s.reading) {
    s.gen = queue.gen;
    s.empty_reads = 0;
  }
  if (s.gen != queue.gen) {
    return 0;
  }
  return static_cast<std::uint16_t>(queue.sw_counter - queue.hw_counter - s.in_work);
}

/// Whether the queue has a buffer; starts reading the record in time.
FrameDrop ReceiveQueues::check_buffer(std::uint32_t fn, std::uint32_t rq) {
  const std::uint32_t known = known_free(fn, rq);
  QueueState& s = state(fn, rq);
  if (known > (1U << (core_.context(fn).rq[rq].log_size & 15U)) / 2) {
    return FrameDrop::none;
  }
  if (!s.reading && s.gen == core_.context(fn).rq[rq].gen) {
    read_record(fn, rq);
  }
  if (known != 0) {
    return FrameDrop::none;
  }
  return s.empty_reads >= kEmptyReads ? FrameDrop::no_buffer : FrameDrop::not_ready;
}

/// The target's queue, or else the first ready one that has a buffer.
FrameDrop ReceiveQueues::find_buffer(std::uint32_t fn, RxTarget& target) {
  if (target.rq >= 0) {
    const auto rq = static_cast<std::uint32_t>(target.rq);
    const FrameDrop result = check_buffer(fn, rq);
    if (result == FrameDrop::no_buffer) {
      count_no_buffer(fn, rq);
    }
    return result;
  }
  FrameDrop result = FrameDrop::no_buffer;
  const vf_function& context = core_.context(fn);
  for (std::uint32_t rq = 0; rq < VF_RQ_COUNT; ++rq) {
    if (context.rq[rq].valid == 0 || context.rq[rq].state != VF_WQ_RDY) {
      continue;
    }
    const FrameDrop one = check_buffer(fn, rq);
    if (one == FrameDrop::none) {
      target.rq = static_cast<int>(rq);
      return one;
    }
    result = one == FrameDrop::not_ready ? one : result;
  }
  if (result == FrameDrop::no_buffer) {
    ++core_.context(fn).counters.rx_dropped;
  }
  return result;
}

void ReceiveQueues::count_no_buffer(std::uint32_t fn, std::uint32_t rq) {
  vf_function& context = core_.context(fn);
  ++context.counters.rx_dropped;
  vf_q_counter* counter = find_object(context.qc, context.rq[rq].q_counter, VF_QC_BASE);
  if (counter != nullptr) {
    ++counter->out_of_buffer;
  }
}

void ReceiveQueues::read_record(std::uint32_t fn, std::uint32_t rq) {
  QueueState& s = state(fn, rq);
  s.reading = true;
  DmaRequest read;
  read.client = this;
  read.cookie = kRecordCookie | (fn * VF_RQ_COUNT + rq);
  read.addr = core_.context(fn).rq[rq].dbr_addr;
  read.buffer = s.record.data();
  read.bytes = static_cast<std::uint32_t>(s.record.size());
  read.fn = static_cast<std::uint8_t>(fn);
  engine_.submit(read);
}

void ReceiveQueues::record_read(std::uint32_t fn, std::uint32_t rq, DmaResult result) {
  QueueState& s = state(fn, rq);
  vf_wq& queue = core_.context(fn).rq[rq];
  s.reading = false;
  if (queue.valid == 0 || queue.gen != s.gen || result == DmaResult::aborted) {
    return;
  }
  const auto counter = static_cast<std::uint16_t>(VF_GET(wq_dbr, s.record.data(), rq_counter));
  // More buffers than the ring has strides is a broken record: keep what is known.
  const std::uint32_t posted = static_cast<std::uint16_t>(counter - queue.hw_counter);
  if (result == DmaResult::ok && posted >= s.in_work && posted <= 1U << (queue.log_size & 15U)) {
    queue.sw_counter = counter;
  }
  const bool empty = known_free(fn, rq) == 0;
  s.empty_reads = empty ? static_cast<std::uint8_t>(std::min(s.empty_reads + 1, 255))
                        : static_cast<std::uint8_t>(0);
}

void ReceiveQueues::accept(std::uint32_t fn, const std::uint8_t* bytes, std::uint32_t length,
                           const RxTarget& target, const PacketView& view) {
  const auto rq = static_cast<std::uint32_t>(target.rq);
  const vf_wq& queue = core_.context(fn).rq[rq];
  QueueState& s = state(fn, rq);
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Context& context = contexts_[index];
  std::memcpy(context.frame.get(), bytes, length);
  context.next = kNone;
  context.length = length;
  context.dmas = 0;
  context.target = target;
  context.view = view;
  context.gen = queue.gen;
  context.position = static_cast<std::uint16_t>(queue.hw_counter + s.in_work);
  context.fn = static_cast<std::uint8_t>(fn);
  context.rq = static_cast<std::uint8_t>(rq);
  context.syndrome = CqeSyndrome::none;
  context.used = true;
  context.scattered = false;
  (s.head == kNone ? s.head : contexts_[s.tail].next) = index;
  s.tail = index;
  ++s.in_work;
  ++work_[fn];
  read_wqe(index, queue);
}

void ReceiveQueues::read_wqe(std::uint32_t index, const vf_wq& rq) {
  Context& context = contexts_[index];
  const std::uint32_t shift = std::min<std::uint32_t>(rq.log_stride, 10);
  const std::uint64_t slot = context.position & ((1U << (rq.log_size & 15U)) - 1);
  const BusRun at = page_run(*core_.ram, rq.ring, slot << shift);
  if (at.bytes < 1U << shift) {
    context.syndrome = CqeSyndrome::local_operation;
    advance(context.fn, context.rq);
    return;
  }
  DmaRequest read;
  read.client = this;
  read.cookie = index;
  read.addr = at.addr;
  read.buffer = context.wqe.data();
  read.bytes = 1U << shift;
  read.fn = context.fn;
  ++context.dmas;
  engine_.submit(read);
}

void ReceiveQueues::dma_done(std::uint64_t cookie, DmaResult result) {
  if ((cookie & kRecordCookie) != 0) {
    const auto queue = static_cast<std::uint32_t>(cookie);
    record_read(queue / VF_RQ_COUNT, queue % VF_RQ_COUNT, result);
    if (!late_.empty()) {
      offer_late(queue / VF_RQ_COUNT);
    }
    return;
  }
  const auto index = static_cast<std::uint32_t>(cookie);
  Context& context = contexts_[index];
  --context.dmas;
  if (result == DmaResult::aborted) {
    return;
  }
  if (result != DmaResult::ok && context.syndrome == CqeSyndrome::none) {
    context.syndrome =
        result == DmaResult::bad_key ? CqeSyndrome::local_protection : CqeSyndrome::local_operation;
  }
  if (context.dmas == 0) {
    advance(context.fn, context.rq);
  }
}

void ReceiveQueues::scatter(std::uint32_t index) {
  Context& context = contexts_[index];
  const vf_wq& rq = core_.context(context.fn).rq[context.rq];
  const std::uint32_t stride = 1U << std::min<std::uint32_t>(rq.log_stride, 10);
  context.scattered = true;
  std::uint32_t done = 0;
  for (std::uint32_t pos = 0; pos + kScatterEntry <= stride && done < context.length;
       pos += kScatterEntry) {
    const std::uint8_t* entry = context.wqe.data() + pos;
    const auto room = static_cast<std::uint32_t>(VF_GET(wqe_data, entry, byte_count));
    const auto lkey = static_cast<std::uint32_t>(VF_GET(wqe_data, entry, lkey));
    if (room == 0 || lkey == kTerminateKey) {
      break;
    }
    DmaRequest write;
    write.client = this;
    write.cookie = index;
    write.addr = VF_GET(wqe_data, entry, addr);
    write.buffer = context.frame.get() + done;
    write.bytes = std::min(room, context.length - done);
    write.mkey = lkey;
    write.pd = rq.pd;
    write.fn = context.fn;
    write.by_key = true;
    write.to_host = true;
    write.notify = DmaNotify::issued;
    ++context.dmas;
    engine_.submit(write);
    done += write.bytes;
  }
  if (done < context.length) {
    context.syndrome = CqeSyndrome::local_length;
  }
}

/// Moves the frames of a queue on: the first ones complete in order, each scatters as soon as its
/// WQE is known.
void ReceiveQueues::advance(std::uint32_t fn, std::uint32_t rq) {
  QueueState& s = state(fn, rq);
  vf_wq& queue = core_.context(fn).rq[rq];
  for (std::uint32_t i = s.head; i != kNone; i = contexts_[i].next) {
    Context& context = contexts_[i];
    if (context.dmas != 0 || context.scattered || context.syndrome != CqeSyndrome::none) {
      continue;
    }
    if (queue.valid != 0 && queue.gen == context.gen && queue.state == VF_WQ_RDY) {
      scatter(i);
    } else {
      context.syndrome = CqeSyndrome::flushed;
    }
  }
  while (s.head != kNone && contexts_[s.head].dmas == 0) {
    const std::uint32_t index = s.head;
    Context& context = contexts_[index];
    s.head = context.next;
    --s.in_work;
    if (queue.valid != 0 && queue.gen == context.gen) {
      complete(context, queue);
    }
    context.used = false;
    free_.push_back(index);
    --work_[fn];
  }
  core_.work_ended(fn);
}

void ReceiveQueues::complete(Context& context, vf_wq& rq) {
  rq.hw_counter = static_cast<std::uint16_t>(context.position + 1);
  if (rq.state != VF_WQ_RDY) {
    context.syndrome = CqeSyndrome::flushed;
  } else if (context.syndrome != CqeSyndrome::none) {
    rq.state = VF_WQ_ERR;
  }
  Cqe cqe{};
  VF_SET(cqe, cqe.data(), qpn, VF_RQ_BASE + context.rq);
  VF_SET(cqe, cqe.data(), wqe_counter, context.position);
  if (context.syndrome != CqeSyndrome::none) {
    VF_SET(cqe, cqe.data(), opcode, VF_CQE_RESP_ERR);
    VF_SET(cqe, cqe.data(), syndrome, static_cast<std::uint8_t>(context.syndrome));
  } else {
    fill_success(context, cqe);
    ++core_.stats.fn[context.fn].frames_received;
    vf_port_counters& c = core_.context(context.fn).counters;
    count_frame(context.frame.get(), context.length,
                {c.rx_unicast_packets, c.rx_unicast_octets, c.rx_multicast_packets,
                 c.rx_multicast_octets, c.rx_broadcast_packets, c.rx_broadcast_octets});
  }
  if (!cqs_.post(context.fn, rq.cqn, cqe)) {
    rq.state = VF_WQ_ERR;
    queue_error_event(context.fn, context.rq);
  }
}

void ReceiveQueues::fill_success(const Context& context, Cqe& cqe) const {
  const std::uint8_t* frame = context.frame.get();
  VF_SET(cqe, cqe.data(), opcode, VF_CQE_RESP_SEND);
  VF_SET(cqe, cqe.data(), byte_cnt, context.length);
  VF_SET(cqe, cqe.data(), check_sum, ones_sum(frame + kEthHeader, context.length - kEthHeader));
  VF_SET(cqe, cqe.data(), hds_ip_ext, checks(frame, context.view));
  VF_SET(cqe, cqe.data(), l4_l3_hdr_type, header_types(frame, context.view));
  VF_SET(cqe, cqe.data(), rx_hash_result, context.target.hash);
  VF_SET(cqe, cqe.data(), rx_hash_type, context.target.hash_type);
  VF_SET(cqe, cqe.data(), timestamp, core_.time_ns());
}

void ReceiveQueues::queue_error_event(std::uint32_t fn, std::uint32_t rq) {
  std::array<std::uint8_t, 28> data{};
  VF_SET(eqe_wq_error, data.data(), queue_type, kEventQueueTypeRq);
  VF_SET(eqe_wq_error, data.data(), number, VF_RQ_BASE + rq);
  events_.post_by_type(fn, VF_EVENT_WQ_CATAS_ERROR, 0, data.data());
}

void ReceiveQueues::reset(std::uint32_t fn) {
  for (std::uint32_t i = 0; i < contexts_.size(); ++i) {
    if (contexts_[i].used && contexts_[i].fn == fn) {
      contexts_[i].used = false;
      free_.push_back(i);
    }
  }
  work_[fn] = 0;
  late_.erase(std::remove_if(late_.begin(), late_.end(), [fn](const Late& l) { return l.fn == fn; }),
              late_.end());
  for (std::uint32_t rq = 0; rq < VF_RQ_COUNT; ++rq) {
    state(fn, rq) = QueueState{};
  }
}

}  // namespace vfsim::model
