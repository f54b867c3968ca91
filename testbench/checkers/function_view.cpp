#include "testbench/checkers/function_view.hpp"

#include <algorithm>

namespace vfsim::bench {

using model::FnRef;
using model::Ps;
using model::Tlp;
using model::TlpKind;

namespace {

constexpr std::uint32_t kMsixEntry = 16;
constexpr std::uint32_t kMsixData = 8;  // offset of the message data in an entry
constexpr std::uint64_t kFirstUar = static_cast<std::uint64_t>(VF_BAR_FIRST_UAR) << VF_PAGE_SHIFT;

FnRef reference(std::uint8_t host, std::uint32_t fn) {
  return {host, static_cast<std::uint8_t>(fn)};
}

}  // namespace

FunctionView::FunctionView(const CheckContext& context, model::ProbeBus& bus,
                           CommandMonitor& monitor)
    : context_(context),
      monitor_(monitor),
      hot_(kFunctionIndices),
      marks_(kFunctionIndices),
      peer_writes_(kFunctionIndices),
      runs_(kFunctionIndices),
      resumes_(kFunctionIndices),
      objects_(kFunctionIndices),
      accesses_(kFunctionIndices),
      grants_(kFunctionIndices),
      msi_data_(kFunctionIndices),
      loading_(kFunctionIndices) {
  for (auto& data : msi_data_) {
    data.fill(~0U);
  }
  bus.subscribe(*this, {model::Probe::tlp_sent, model::Probe::tlp_landed,
                        model::Probe::tlp_received, model::Probe::msi, model::Probe::access,
                        model::Probe::command, model::Probe::function_reset});
}

// ---- TLPs

void FunctionView::tlp_sent(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload) {
  const bool answer = tlp.kind == TlpKind::completion;
  const std::uint32_t fn = function_of(context_, answer ? tlp.completer : tlp.requester);
  if (fn >= context_.functions) {
    peer_sent(t, host, tlp, payload);
    return;
  }
  const std::uint32_t index = function_index(reference(host, fn));
  Hot& hot = hot_[index];
  const bool to_peer = tlp.addr - hot.peer_from < hot.peer_bytes && !answer;
  if (tlp.kind == TlpKind::mem_write) {
    if (tlp.interrupt) {
      marks_[index][hot.msi_sent++ % kMarks] = hot.writes_sent;
    } else {
      ++(to_peer ? hot.peer_writes_sent : hot.writes_sent);
    }
  } else if (tlp.kind == TlpKind::mem_read) {
    Tag& tag = tags_[host][tlp.tag % kTags];
    if (tag.open) {  // used again after a time-out
      Hot& loser = hot_[function_index({host, tag.fn})];
      --loser.reads;
      loser.lost_read = std::max(loser.lost_read, tag.sent);
    }
    tag = {t, static_cast<std::uint8_t>(fn), true};
    ++hot.reads;
    ++hot.reads_sent;
  }
  if (hot.interest != 0) {
    quiet_.emit<model::Probe::tlp_sent>(&model::Observer::tlp_sent, t, host, tlp, payload);
  }
  if (to_peer) {
    peer_sent(t, host, tlp, payload);
  }
}

void FunctionView::tlp_landed(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload,
                              bool ok) {
  const std::uint32_t fn = function_of(context_, tlp.requester);
  const bool write = tlp.kind == TlpKind::mem_write && !tlp.interrupt;
  if (fn >= context_.functions) {
    peer_landed(t, host, tlp, payload, ok);
    return;
  }
  Hot& hot = hot_[function_index(reference(host, fn))];
  const bool to_peer = tlp.addr - hot.peer_from < hot.peer_bytes;
  if (to_peer) {
    peer_landed(t, host, tlp, payload, ok);
  }
  if (!write) {
    return;
  }
  ++(to_peer ? hot.peer_writes_landed : hot.writes_landed);
  if (hot.interest != 0) {
    quiet_.emit<model::Probe::tlp_landed>(&model::Observer::tlp_landed, t, host, tlp, payload, ok);
  }
  if (fn == 0) {
    pf_.emit<model::Probe::tlp_landed>(&model::Observer::tlp_landed, t, host, tlp, payload, ok);
  }
}

void FunctionView::peer_sent(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload) {
  const auto phys = tlp.kind == TlpKind::mem_write && !tlp.interrupt
                        ? context_.translate(host, tlp.requester, tlp.addr, tlp.bytes)
                        : std::nullopt;
  if (phys) {
    peer_write(host, *phys, true);
  }
  peers_.emit<model::Probe::tlp_sent>(&model::Observer::tlp_sent, t, host, tlp, payload);
}

void FunctionView::peer_landed(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload,
                               bool ok) {
  if (tlp.kind == TlpKind::mem_write && !tlp.interrupt) {
    peer_write(host, tlp.phys, false);
  }
  peers_.emit<model::Probe::tlp_landed>(&model::Observer::tlp_landed, t, host, tlp, payload, ok);
}

void FunctionView::peer_write(std::uint8_t host, std::uint64_t phys, bool sent) {
  FnRef who;
  std::uint64_t offset = 0;
  if (window_at(host, phys, who, offset) && is_nic(context_, who)) {
    std::uint64_t& count = peer_writes_[function_index(who)];
    count = sent ? count + 1 : count - (count != 0 ? 1 : 0);
  }
}

void FunctionView::tlp_received(Ps t, std::uint8_t host, const Tlp& tlp) {
  if (tlp.kind != TlpKind::completion) {
    if (tlp.addr == VF_BAR_CMD_DB && function_of(context_, tlp.completer) == 0) {
      pf_.emit<model::Probe::tlp_received>(&model::Observer::tlp_received, t, host, tlp);
    }
    return;
  }
  if (tlp.completer != model::kCpuRid) {
    peers_.emit<model::Probe::tlp_received>(&model::Observer::tlp_received, t, host, tlp);
  }
  if (!tlp.last || function_of(context_, tlp.requester) >= context_.functions) {
    return;
  }
  Tag& tag = tags_[host][tlp.tag % kTags];
  if (tag.open) {
    Hot& hot = hot_[function_index({host, tag.fn})];
    if (hot.interest != 0) {
      quiet_.emit<model::Probe::tlp_received>(&model::Observer::tlp_received, t, host, tlp);
    }
    tag.open = false;
    --hot.reads;
  }
}

void FunctionView::msi(Ps t, FnRef who, std::uint32_t vector, model::MsiAction action) {
  (void)t, (void)vector, (void)action;
  if (!is_nic(context_, who)) {
    return;
  }
  const std::uint32_t index = function_index(who);
  Hot& hot = hot_[index];
  hot.behind = 0;
  if (hot.msi_landed != hot.msi_sent) {
    const std::uint64_t mark = marks_[index][hot.msi_landed++ % kMarks];
    hot.behind = mark > hot.writes_landed ? mark - hot.writes_landed : 0;
  }
}

std::uint32_t FunctionView::outstanding_reads(FnRef who, Ps now) const {
  if (hot_[function_index(who)].reads == 0) {
    return 0;
  }
  const auto waits = [&](const Tag& tag) {
    return tag.open && tag.fn == who.fn && now - tag.sent < context_.completion_timeout;
  };
  return static_cast<std::uint32_t>(
      std::count_if(tags_[who.host].begin(), tags_[who.host].end(), waits));
}

Ps FunctionView::oldest_read(FnRef who) const {
  Ps oldest = model::kNever;
  if (hot_[function_index(who)].reads != 0) {
    for (const Tag& tag : tags_[who.host]) {
      oldest = tag.open && tag.fn == who.fn ? std::min(oldest, tag.sent) : oldest;
    }
  }
  return oldest;
}

std::uint64_t FunctionView::reads_of_all(std::uint8_t host) const {
  std::uint64_t sum = 0;
  for (std::uint32_t fn = 0; fn < context_.functions; ++fn) {
    sum += hot_[function_index(reference(host, fn))].reads;
  }
  return sum;
}

std::uint64_t FunctionView::writes_of_all(std::uint8_t host) const {
  std::uint64_t sum = 0;
  for (std::uint32_t fn = 0; fn < context_.functions; ++fn) {
    sum += writes_in_flight(reference(host, fn));
  }
  return sum;
}

bool FunctionView::lost_read(FnRef who, Ps since, Ps now) const {
  const Hot& hot = hot_[function_index(who)];
  const auto lost = [&](const Tag& tag) {
    return tag.open && tag.fn == who.fn && tag.sent >= since &&
           now - tag.sent >= context_.completion_timeout;
  };
  return (hot.lost_read != 0 && hot.lost_read >= since) ||
         (hot.reads != 0 && std::any_of(tags_[who.host].begin(), tags_[who.host].end(), lost));
}

std::uint64_t FunctionView::writes_in_flight(FnRef who) const {
  const Hot& hot = hot_[function_index(who)];
  return hot.writes_sent - hot.writes_landed + hot.peer_writes_sent - hot.peer_writes_landed;
}

std::uint64_t FunctionView::writes_behind_interrupt(FnRef who) const {
  return hot_[function_index(who)].behind;
}

void FunctionView::watch(FnRef who, Watch what, bool on) {
  std::uint8_t& interest = hot_[function_index(who)].interest;
  const auto bit = static_cast<std::uint8_t>(kWatched << static_cast<std::uint8_t>(what));
  interest = static_cast<std::uint8_t>(on ? interest | bit : interest & ~bit);
}

std::uint64_t FunctionView::activity(FnRef who) const {
  const Hot& hot = hot_[function_index(who)];
  return hot.writes_sent + hot.peer_writes_sent + hot.reads_sent + hot.msi_sent + hot.accesses;
}

// ---- CPU accesses

void FunctionView::access(Ps t, const model::AccessView& view) {
  (void)t;
  if (!is_nic(context_, view.who)) {
    return;
  }
  ++hot_[function_index(view.who)].accesses;
  if (!view.write || view.config) {
    return;
  }
  if (view.offset >= kFirstUar) {
    track_doorbell(view);
  } else if (view.offset >= VF_BAR_MSIX_TABLE &&
             view.offset < VF_BAR_MSIX_TABLE + VF_MSIX_VECTORS * kMsixEntry) {
    track_msix(view);
  }
}

void FunctionView::track_doorbell(const model::AccessView& view) {
  const std::uint64_t offset = view.offset & (VF_PAGE_BYTES - 1);
  if ((offset != VF_UAR_EQ_ARM && offset != VF_UAR_EQ_UPDATE) || view.bytes != 4) {
    return;
  }
  std::uint8_t bytes[4];
  vf_be32_store(bytes, static_cast<std::uint32_t>(register_value(view)));
  auto& queues = objects_[function_index(view.who)].eq;
  const auto queue = queues.find(static_cast<std::uint32_t>(VF_GET(uar_eq_db, bytes, eqn)));
  if (queue != queues.end()) {
    EventQueueView& eq = queue->second;
    const auto ci = static_cast<std::uint32_t>(VF_GET(uar_eq_db, bytes, ci));
    const bool first = eq.armed_at == ~0U;
    if (offset == VF_UAR_EQ_ARM && (first || ci == eq.ci)) {
      eq.rearms += first ? 0 : 1;
      eq.armed_at = ci;
    }
    eq.ci = ci;
  }
}

void FunctionView::track_msix(const model::AccessView& view) {
  const std::uint64_t at = view.offset - VF_BAR_MSIX_TABLE;
  const std::uint64_t in_entry = at % kMsixEntry;
  if (in_entry == kMsixData) {
    msi_data_[function_index(view.who)][at / kMsixEntry] = static_cast<std::uint32_t>(view.value);
  }
}

std::uint32_t FunctionView::vector_of(FnRef who, std::uint32_t data) const {
  const auto& table = msi_data_[function_index(who)];
  const auto entry = std::find(table.begin(), table.end(), data);
  return entry == table.end() ? data : static_cast<std::uint32_t>(entry - table.begin());
}

// ---- memory

FunctionView::Access& FunctionView::access_of(FnRef who) {
  Access& access = accesses_[function_index(who)];
  if (access.stale) {
    const FunctionObjects& objects = objects_[function_index(who)];
    access.writable.clear();
    access.readable.clear();
    access.completions.clear();
    objects.collect(access.writable, access.readable, access.completions);
    access.writable.seal();
    access.readable.seal();
    access.completions.seal();
    access.anywhere = !objects.known || objects.physical_key();
    access.stale = false;
  }
  return access;
}

bool FunctionView::anywhere(FnRef who) {
  return access_of(who).anywhere;
}
const RangeSet& FunctionView::writable(FnRef who) {
  return access_of(who).writable;
}
const RangeSet& FunctionView::readable(FnRef who) {
  return access_of(who).readable;
}
const RangeSet& FunctionView::completion_rings(FnRef who) {
  return access_of(who).completions;
}

void FunctionView::grant(FnRef who, std::uint64_t phys, std::uint64_t bytes) {
  Grants& grants = grants_[function_index(who)];
  grants.list.push_back({phys, bytes});
  grants.ranges.clear();
  for (const auto& [start, length] : grants.list) {
    grants.ranges.add(start, length);
  }
  grants.ranges.seal();
}

void FunctionView::revoke(FnRef who) {
  grants_[function_index(who)] = Grants{};
}

void FunctionView::map_window(FnRef who, std::uint64_t phys, std::uint64_t bytes) {
  const auto same = [&](const Window& w) { return w.who.host == who.host && w.who.fn == who.fn; };
  windows_.erase(std::remove_if(windows_.begin(), windows_.end(), same), windows_.end());
  windows_.push_back({phys, bytes, who});
}

void FunctionView::map_peers(FnRef who, std::uint64_t iova, std::uint64_t bytes) {
  Hot& hot = hot_[function_index(who)];
  const std::uint64_t end = std::max(iova + bytes, hot.peer_from + hot.peer_bytes);
  hot.peer_from = hot.peer_bytes == 0 ? iova : std::min(iova, hot.peer_from);
  hot.peer_bytes = end - hot.peer_from;
}

bool FunctionView::window_at(std::uint8_t host, std::uint64_t phys, FnRef& who,
                             std::uint64_t& offset) const {
  for (const Window& window : windows_) {
    if (window.who.host == host && phys - window.phys < window.bytes) {
      who = window.who;
      offset = phys - window.phys;
      return true;
    }
  }
  return false;
}

}  // namespace vfsim::bench
