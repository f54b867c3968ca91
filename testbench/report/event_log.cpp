#include "testbench/report/event_log.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <iterator>
#include <xxhash.h>

namespace vfsim::bench {

using model::FnRef;
using model::Probe;
using model::Ps;
using model::Tlp;

namespace {

constexpr std::uint8_t kHostBit = 1;
constexpr std::uint8_t kSecond = 2;  // ok, write, on, running, begin, interrupt
constexpr std::uint8_t kThird = 4;   // config, last
constexpr std::uint32_t kStatusShift = 4;

std::uint8_t host_bits(std::uint8_t host) {
  return host & kHostBit;
}
std::uint8_t flag(bool set, std::uint8_t bit) {
  return set ? bit : std::uint8_t{0};
}

template <class Value>
std::uint8_t status_bits(Value value) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(value) << kStatusShift);
}

constexpr const char* kKindNames[] = {
    "tlp_sent",       "tlp_landed",        "tlp_received",      "iommu_fault",    "msi",
    "access",         "command_submitted", "command_completed", "frame_sent",     "frame_received",
    "function_reset", "vfio_state",        "dirty_report",      "dirty_tracking", "vcpu",
    "phase",
};
constexpr const char* kTlpNames[] = {"mem_write", "mem_read", "completion", "cfg_read",
                                     "cfg_write"};

std::string tlp_text(const EventRecord& r) {
  const std::uint32_t kind = std::min<std::uint32_t>(r.detail >> 24, std::size(kTlpNames) - 1);
  return fmt::format(
      R"("tlp":"{}","requester":"{:04x}","completer":"{:04x}","tag":{},"bytes":{},"addr":"{:#x}","offset":{},"data":"{:016x}","ok":{},"status":{})",
      kTlpNames[kind], r.function, r.extra, r.tag, r.length, r.address, r.detail & 0xffffff, r.data,
      (r.flags & kSecond) != 0, r.flags >> kStatusShift);
}

std::string body_text(const EventRecord& r) {
  const bool second = (r.flags & kSecond) != 0;
  switch (r.kind) {
    case EventKind::tlp_sent:
    case EventKind::tlp_landed:
    case EventKind::tlp_received:
      return tlp_text(r);
    case EventKind::iommu_fault:
      return fmt::format(R"("requester":"{:04x}","iova":"{:#x}","write":{})", r.function, r.address,
                         second);
    case EventKind::msi:
      return fmt::format(R"("fn":{},"vector":{},"delivered":{})", r.function, r.detail, second);
    case EventKind::access:
      return fmt::format(
          R"("fn":{},"write":{},"config":{},"offset":"{:#x}","bytes":{},"value":"{:#x}","status":{})",
          r.function, second, (r.flags & kThird) != 0, r.address, r.length, r.data,
          r.flags >> kStatusShift);
    case EventKind::command_submitted:
      return fmt::format(
          R"("fn":{},"slot":{},"opcode":"{:#x}","op_mod":{},"bytes":{},"hash":"{:016x}")",
          r.function, r.detail, r.tag, r.extra, r.length, r.data);
    case EventKind::command_completed:
      return fmt::format(
          R"("fn":{},"slot":{},"opcode":"{:#x}","op_mod":{},"bytes":{},"hash":"{:016x}","delivery":{},"status":{},"syndrome":"{:#x}")",
          r.function, r.detail, r.tag, r.extra, r.length, r.data, r.address >> 40 & 0xff,
          r.address >> 32 & 0xff, r.address & 0xffffffff);
    case EventKind::frame_sent:
    case EventKind::frame_received:
      return fmt::format(R"("fn":{},"bytes":{},"hash":"{:016x}","drop":{})", r.function, r.length,
                         r.data, r.detail);
    case EventKind::vfio_state:
      return fmt::format(R"("fn":{},"from":{},"to":{},"error":{})", r.function, r.address, r.data,
                         r.detail);
    case EventKind::dirty_report:
      return fmt::format(R"("fn":{},"pages":{},"hash":"{:016x}")", r.function, r.length, r.data);
    case EventKind::vcpu:
      return fmt::format(R"("guest":{},"running":{})", r.detail, second);
    case EventKind::phase:
      return fmt::format(R"("guest":{},"begin":{},"name":"{:016x}")", r.detail, second, r.data);
    default:
      return fmt::format(R"("fn":{},"on":{})", r.function, second);
  }
}

std::string line_text(const EventRecord& r) {
  return fmt::format(R"({{"t_ps":{},"kind":"{}","host":"{}",{}}})", r.time, to_string(r.kind),
                     (r.flags & kHostBit) != 0 ? 'B' : 'A', body_text(r));
}

}  // namespace

const char* to_string(EventKind kind) {
  return kKindNames[static_cast<std::size_t>(kind)];
}

struct EventLog::Hash {
  XXH3_state_t* state = XXH3_createState();
  Hash() { XXH3_64bits_reset(state); }
  ~Hash() { XXH3_freeState(state); }
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;
};

EventLog::EventLog(model::ProbeBus& bus) : hash_(std::make_unique<Hash>()), block_(kBlock) {
  bus.subscribe(*this, {Probe::tlp_sent, Probe::tlp_landed, Probe::tlp_received, Probe::iommu_fault,
                        Probe::msi, Probe::access, Probe::command, Probe::frame,
                        Probe::function_reset, Probe::driver});
}

EventLog::~EventLog() {
  (void)close_lines();
}

bool EventLog::write_lines(const std::string& path) {
  if (!close_lines()) {
    return false;
  }
  write_failed_ = false;
  file_ = std::fopen(path.c_str(), "w");
  return file_ != nullptr;
}

bool EventLog::close_lines() {
  if (file_ != nullptr && std::fclose(file_) != 0) {
    write_failed_ = true;
  }
  file_ = nullptr;
  return !write_failed_;
}

void EventLog::write_line(const EventRecord& record) {
  const std::string line = line_text(record) + '\n';
  write_failed_ |= std::fwrite(line.data(), 1, line.size(), file_) != line.size();
}

std::string EventLog::digest() {
  // The state is copied, so that asking in between changes nothing.
  XXH3_state_t* state = XXH3_createState();
  XXH3_copyState(state, hash_->state);
  XXH3_64bits_update(state, block_.data(), used_ * sizeof(EventRecord));
  const std::uint64_t digest = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return fmt::format("{:016x}", digest);
}

std::vector<std::string> EventLog::last(std::size_t count) const {
  std::vector<std::string> lines;
  const std::size_t there = blocks_ == 0 ? used_ : kBlock;
  for (std::size_t back = std::min(count, there); back != 0; --back) {
    lines.push_back(line_text(block_[(used_ + kBlock - back) % kBlock]));
  }
  return lines;
}

void EventLog::flush_block() {
  XXH3_64bits_update(hash_->state, block_.data(), kBlock * sizeof(EventRecord));
  used_ = 0;
  ++blocks_;
}

EventRecord& EventLog::next(Ps t, EventKind kind, std::uint8_t flags) {
  if (used_ == kBlock) {
    flush_block();
  }
  EventRecord& record = block_[used_++];
  record = EventRecord{};
  record.time = t;
  record.kind = kind;
  record.flags = flags;
  return record;
}

EventRecord& EventLog::tlp_record(Ps t, EventKind kind, std::uint8_t flags, const Tlp& tlp,
                                  const std::uint8_t* payload) {
  EventRecord& record = next(
      t, kind, static_cast<std::uint8_t>(flags | flag(tlp.last, kThird) | status_bits(tlp.status)));
  record.address = tlp.addr;
  record.length = tlp.bytes;
  record.detail = static_cast<std::uint32_t>(tlp.kind) << 24 | (tlp.offset & 0xffffff);
  record.function = tlp.requester;
  record.tag = tlp.tag;
  record.extra = static_cast<std::uint16_t>(tlp.completer ^ (tlp.interrupt ? 0x8000 : 0) ^
                                            (tlp.relaxed ? 0x4000 : 0));
  if (payload != nullptr && tlp.bytes >= sizeof record.data) {
    std::memcpy(&record.data, payload, sizeof record.data);
  } else if (payload != nullptr) {
    std::memcpy(&record.data, payload, tlp.bytes);
  }
  return record;
}

void EventLog::tlp_sent(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload) {
  ++tlps_;
  done(tlp_record(t, EventKind::tlp_sent, host_bits(host), tlp, payload));
}

void EventLog::tlp_landed(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload,
                          bool ok) {
  done(tlp_record(t, EventKind::tlp_landed,
                  static_cast<std::uint8_t>(host_bits(host) | flag(ok, kSecond)), tlp, payload));
}

void EventLog::tlp_received(Ps t, std::uint8_t host, const Tlp& tlp) {
  ++tlps_;
  done(tlp_record(t, EventKind::tlp_received, host_bits(host), tlp, nullptr));
}

void EventLog::iommu_fault(Ps t, std::uint8_t host, model::Rid requester, std::uint64_t iova,
                           bool write) {
  EventRecord& record = next(t, EventKind::iommu_fault,
                             static_cast<std::uint8_t>(host_bits(host) | flag(write, kSecond)));
  record.function = requester;
  record.address = iova;
  done(record);
}

void EventLog::msi(Ps t, FnRef who, std::uint32_t vector, model::MsiAction action) {
  const bool delivered = action == model::MsiAction::delivered;
  EventRecord& record = next(
      t, EventKind::msi, static_cast<std::uint8_t>(host_bits(who.host) | flag(delivered, kSecond)));
  record.function = who.fn;
  record.detail = vector;
  done(record);
}

void EventLog::access(Ps t, const model::AccessView& view) {
  EventRecord& record =
      next(t, EventKind::access,
           static_cast<std::uint8_t>(host_bits(view.who.host) | flag(view.write, kSecond) |
                                     flag(view.config, kThird) | status_bits(view.status)));
  record.function = view.who.fn;
  record.address = view.offset;
  record.data = view.value;
  record.length = view.bytes;
  done(record);
}

void EventLog::command_record(Ps t, EventKind kind, const model::CommandView& view,
                              const std::uint8_t* bytes, std::uint32_t count) {
  EventRecord& record = next(t, kind, host_bits(view.who.host));
  record.function = view.who.fn;
  record.detail = view.slot;
  record.tag = view.opcode;
  record.extra = view.op_mod;
  record.length = count;
  record.data = bytes == nullptr ? 0 : XXH3_64bits(bytes, count);
  record.address = static_cast<std::uint64_t>(view.token) << 48 |
                   static_cast<std::uint64_t>(view.delivery) << 40 |
                   static_cast<std::uint64_t>(view.status) << 32 | view.syndrome;
  done(record);
}

void EventLog::command_submitted(Ps t, const model::CommandView& view) {
  command_record(t, EventKind::command_submitted, view, view.in, view.in_bytes);
}

void EventLog::command_completed(Ps t, const model::CommandView& view) {
  command_record(t, EventKind::command_completed, view, view.out, view.out_bytes);
}

void EventLog::frame_sent(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length) {
  EventRecord& record = next(t, EventKind::frame_sent, host_bits(who.host));
  record.function = who.fn;
  record.length = length;
  record.data = XXH3_64bits(bytes, length);
  done(record);
}

void EventLog::frame_received(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length,
                              model::FrameDrop drop) {
  EventRecord& record = next(t, EventKind::frame_received, host_bits(who.host));
  record.function = who.fn;
  record.length = length;
  record.detail = static_cast<std::uint32_t>(drop);
  record.data = XXH3_64bits(bytes, length);
  done(record);
}

void EventLog::function_reset(Ps t, FnRef who) {
  EventRecord& record =
      next(t, EventKind::function_reset, static_cast<std::uint8_t>(host_bits(who.host) | kSecond));
  record.function = who.fn;
  done(record);
}

void EventLog::vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) {
  EventRecord& record = next(t, EventKind::vfio_state, host_bits(who.host));
  record.function = who.fn;
  record.address = from;
  record.data = to;
  record.detail = static_cast<std::uint32_t>(error);
  done(record);
}

void EventLog::dirty_report(Ps t, FnRef who, const std::uint64_t* pages, std::size_t count) {
  EventRecord& record = next(t, EventKind::dirty_report, host_bits(who.host));
  record.function = who.fn;
  record.length = static_cast<std::uint32_t>(count);
  record.data = XXH3_64bits(pages, count * sizeof *pages);
  done(record);
}

void EventLog::dirty_tracking(Ps t, FnRef who, bool on) {
  EventRecord& record = next(t, EventKind::dirty_tracking,
                             static_cast<std::uint8_t>(host_bits(who.host) | flag(on, kSecond)));
  record.function = who.fn;
  done(record);
}

void EventLog::vcpu(Ps t, std::uint32_t guest, bool running, std::uint8_t host) {
  EventRecord& record =
      next(t, EventKind::vcpu, static_cast<std::uint8_t>(host_bits(host) | flag(running, kSecond)));
  record.detail = guest;
  done(record);
}

void EventLog::phase(Ps t, std::uint32_t guest, const char* name, bool begin) {
  EventRecord& record = next(t, EventKind::phase, flag(begin, kSecond));
  record.detail = guest;
  record.data = XXH3_64bits(name, std::strlen(name));
  done(record);
}

}  // namespace vfsim::bench
