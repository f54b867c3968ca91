#include "testbench/checkers/function_view.hpp"

#include <algorithm>

#include <xxhash.h>

namespace vfsim::bench {

using model::FnRef;
using model::Ps;
using model::Tlp;
using model::TlpKind;

namespace {

constexpr std::uint8_t kStopped = 1;
constexpr std::uint8_t kWatched = 2;
constexpr std::size_t kImages = 1024;          // saved images remembered
constexpr std::uint64_t kImageMax = 64U << 20; // longer ones are not gathered
constexpr std::uint32_t kMsixEntry = 16;
constexpr std::uint32_t kMsixData = 8;         // offset of the message data in an entry
constexpr std::uint64_t kFirstUar = static_cast<std::uint64_t>(VF_BAR_FIRST_UAR) << VF_PAGE_SHIFT;

FnRef reference(std::uint8_t host, std::uint32_t fn) { return {host, static_cast<std::uint8_t>(fn)}; }

Half suspend_half(std::uint16_t op_mod) { return op_mod == VF_SUSPEND_INITIATOR ? Half::initiator : Half::responder; }
Half resume_half(std::uint16_t op_mod) { return op_mod == VF_RESUME_INITIATOR ? Half::initiator : Half::responder; }

}  // namespace

FunctionView::FunctionView(const CheckContext& context, model::ProbeBus& bus, CommandMonitor& monitor)
    : context_(context), monitor_(monitor), hot_(kFunctionIndices), marks_(kFunctionIndices), runs_(kFunctionIndices), objects_(kFunctionIndices), accesses_(kFunctionIndices), grants_(kFunctionIndices),
      msi_data_(kFunctionIndices), loading_(kFunctionIndices) {
  for (auto& data : msi_data_) {
    data.fill(~0U);
  }
  bus.subscribe(*this, {model::Probe::tlp_sent, model::Probe::tlp_landed, model::Probe::tlp_received, model::Probe::msi,
                        model::Probe::access, model::Probe::command, model::Probe::function_reset});
}

// ---- TLPs

void FunctionView::tlp_sent(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload) {
  const bool answer = tlp.kind == TlpKind::completion;
  const std::uint32_t fn = function_of(context_, answer ? tlp.completer : tlp.requester);
  if (fn >= context_.functions) {
    return;
  }
  const std::uint32_t index = function_index(reference(host, fn));
  Hot& hot = hot_[index];
  if (tlp.kind == TlpKind::mem_write) {
    if (tlp.interrupt) {
      marks_[index][hot.msi_sent++ % kMarks] = hot.writes_sent;
    } else {
      ++hot.writes_sent;
    }
  } else if (tlp.kind == TlpKind::mem_read) {
    Tag& tag = tags_[host][tlp.tag % kTags];
    if (tag.open) {  // used again after a time-out
      --hot_[function_index({host, tag.fn})].reads;
    }
    tag = {t, static_cast<std::uint8_t>(fn), true};
    ++hot.reads;
  }
  if (hot.interest != 0) {
    quiet_.emit<model::Probe::tlp_sent>(&model::Observer::tlp_sent, t, host, tlp, payload);
  }
}

void FunctionView::tlp_landed(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload, bool ok) {
  const std::uint32_t fn = function_of(context_, tlp.requester);
  if (fn >= context_.functions || tlp.kind != TlpKind::mem_write || tlp.interrupt) {
    return;
  }
  ++hot_[function_index(reference(host, fn))].writes_landed;
  if (fn == 0) {
    pf_.emit<model::Probe::tlp_landed>(&model::Observer::tlp_landed, t, host, tlp, payload, ok);
  }
}

void FunctionView::tlp_received(Ps t, std::uint8_t host, const Tlp& tlp) {
  (void)t;
  if (tlp.kind != TlpKind::completion || !tlp.last || function_of(context_, tlp.requester) >= context_.functions) {
    return;
  }
  Tag& tag = tags_[host][tlp.tag % kTags];
  if (tag.open) {
    tag.open = false;
    --hot_[function_index({host, tag.fn})].reads;
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
  return static_cast<std::uint32_t>(std::count_if(tags_[who.host].begin(), tags_[who.host].end(), waits));
}

std::uint64_t FunctionView::writes_in_flight(FnRef who) const {
  const Hot& hot = hot_[function_index(who)];
  return hot.writes_sent - hot.writes_landed;
}

std::uint64_t FunctionView::writes_behind_interrupt(FnRef who) const { return hot_[function_index(who)].behind; }

void FunctionView::watch(FnRef who, bool on) {
  std::uint8_t& interest = hot_[function_index(who)].interest;
  interest = static_cast<std::uint8_t>(on ? interest | kWatched : interest & ~kWatched);
}

// ---- CPU accesses

void FunctionView::access(Ps t, const model::AccessView& view) {
  (void)t;
  if (!view.write || view.config || !is_nic(context_, view.who)) {
    return;
  }
  if (view.offset >= kFirstUar) {
    track_doorbell(view);
  } else if (view.offset >= VF_BAR_MSIX_TABLE && view.offset < VF_BAR_MSIX_TABLE + VF_MSIX_VECTORS * kMsixEntry) {
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
    queue->second.ci = static_cast<std::uint32_t>(VF_GET(uar_eq_db, bytes, ci));
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

// ---- commands

bool FunctionView::function_of_vhca(std::uint8_t host, std::uint32_t vhca_id, FnRef& who) const {
  const auto found = vhca_[host].find(vhca_id);
  if (found == vhca_[host].end()) {
    return false;
  }
  who = {host, found->second};
  return true;
}

void FunctionView::learn_vhca(const model::CommandView& view) {
  const bool other = VF_GET(query_hca_cap_in, view.in, other_function) != 0;
  if (view.op_mod >> 1 != VF_CAP_GENERAL || VF_GET(query_hca_cap_in, view.in, function_id_type) != 0 ||
      view.out_bytes < VF_BYTES(query_hca_cap_out)) {
    return;
  }
  const std::uint8_t* cap = VF_PTR(query_hca_cap_out, view.out, capability);
  const auto function =
      other ? static_cast<std::uint8_t>(VF_GET(query_hca_cap_in, view.in, function_id)) : view.who.fn;
  vhca_[view.who.host][static_cast<std::uint32_t>(VF_GET(cmd_hca_cap, cap, vhca_id))] = function;
}

void FunctionView::set_stopped(Ps t, FnRef who, Half half, bool stopped) {
  RunState& run = runs_[function_index(who)];
  (half == Half::initiator ? run.initiator_stopped : run.responder_stopped) = stopped;
  (half == Half::initiator ? run.initiator_at : run.responder_at) = t;
  std::uint8_t& interest = hot_[function_index(who)].interest;
  const bool any = run.initiator_stopped || run.responder_stopped;
  interest = static_cast<std::uint8_t>(any ? interest | kStopped : interest & ~kStopped);
}

void FunctionView::command_submitted(Ps t, const model::CommandView& view) {
  if (view.opcode == VF_OP_RESUME_VHCA) {
    resume_submitted(t, view);
  } else if (view.opcode == VF_OP_LOAD_VHCA_STATE) {
    load_submitted(t, view);
  }
}

void FunctionView::command_completed(Ps t, const model::CommandView& view) {
  if (view.opcode == VF_OP_RESUME_VHCA) {
    resume_completed(t, view);
    return;
  }
  if (view.delivery != VF_DELIVERY_OK || view.status != VF_STATUS_OK || view.in_bytes < VF_CMD_INLINE_BYTES) {
    return;
  }
  switch (view.opcode) {
    case VF_OP_QUERY_HCA_CAP: learn_vhca(view); break;
    case VF_OP_SUSPEND_VHCA: suspend_completed(t, view); break;
    case VF_OP_SAVE_VHCA_STATE: save_completed(t, view); break;
    case VF_OP_LOAD_VHCA_STATE: load_completed(t, view); break;
    default:
      if (objects_[function_index(view.who)].apply(view)) {
        accesses_[function_index(view.who)].stale = true;
      }
      break;
  }
}

void FunctionView::suspend_completed(Ps t, const model::CommandView& view) {
  FnRef who;
  if (function_of_vhca(view.who.host, static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id)), who)) {
    set_stopped(t, who, suspend_half(view.op_mod), true);
    for (FunctionEvents* listener : listeners_) {
      listener->quiesced(t, who, suspend_half(view.op_mod));
    }
  }
}

void FunctionView::resume_submitted(Ps t, const model::CommandView& view) {
  FnRef who;
  if (view.in_bytes >= VF_BYTES(resume_vhca_in) &&
      function_of_vhca(view.who.host, static_cast<std::uint32_t>(VF_GET(resume_vhca_in, view.in, vhca_id)), who)) {
    const Half half = resume_half(view.op_mod);
    const RunState& run = runs_[function_index(who)];
    if (half == Half::initiator ? run.initiator_stopped : run.responder_stopped) {
      for (FunctionEvents* listener : listeners_) {
        listener->resuming(t, who, half);
      }
      set_stopped(t, who, half, false);
    }
  }
}

void FunctionView::resume_completed(Ps t, const model::CommandView& view) {
  FnRef who;
  if (view.in_bytes < VF_BYTES(resume_vhca_in) ||
      !function_of_vhca(view.who.host, static_cast<std::uint32_t>(VF_GET(resume_vhca_in, view.in, vhca_id)), who)) {
    return;
  }
  // A refused RESUME says nothing about the state before it: rules take the function as running until the next SUSPEND.
  if (view.delivery == VF_DELIVERY_OK && view.status == VF_STATUS_OK) {
    for (FunctionEvents* listener : listeners_) {
      listener->resumed(t, who, resume_half(view.op_mod));
    }
  }
}

void FunctionView::gather(FnRef who, const KeyView& key, std::uint64_t offset, std::uint64_t count,
                          std::vector<std::uint8_t>& to) const {
  to.clear();
  while (to.size() < count) {
    const std::uint64_t at = offset + to.size();
    const auto address = key.physical ? std::optional<std::uint64_t>(at) : key.pages.address(at - key.start);
    if (!address) {
      return;
    }
    const std::size_t have = to.size();
    const std::size_t part =
        std::min<std::size_t>(count - have, static_cast<std::size_t>(VF_PAGE_BYTES - (*address & (VF_PAGE_BYTES - 1))));
    to.resize(have + part);
    if (!read_bus(context_, who, *address, to.data() + have, part)) {
      to.resize(have);
      return;
    }
  }
}

void FunctionView::save_completed(Ps t, const model::CommandView& view) {
  FnRef who;
  const std::uint64_t bytes = VF_GET(save_vhca_state_out, view.out, actual_image_size);
  const KeyView* key = objects_[function_index(view.who)].key(
      static_cast<std::uint32_t>(VF_GET(save_vhca_state_in, view.in, mkey)));
  if (key == nullptr || bytes > kImageMax ||
      !function_of_vhca(view.who.host, static_cast<std::uint32_t>(VF_GET(save_vhca_state_in, view.in, vhca_id)), who)) {
    return;
  }
  gather(view.who, *key, VF_GET(save_vhca_state_in, view.in, va), bytes, scratch_);
  const std::uint64_t hash = XXH3_64bits(scratch_.data(), scratch_.size());
  const std::uint32_t index = function_index(who);
  if (images_.insert_or_assign(hash, SavedImage{who, objects_[index], monitor_.queue(who), msi_data_[index]}).second) {
    image_order_.push_back(hash);
  }
  if (image_order_.size() > kImages) {
    images_.erase(image_order_.front());
    image_order_.pop_front();
  }
  const ImageView image{scratch_.data(), scratch_.size(), VF_GET(save_vhca_state_in, view.in, incremental) != 0,
                        VF_GET(save_vhca_state_in, view.in, set_track) != 0};
  for (FunctionEvents* listener : listeners_) {
    listener->image_saved(t, who, image);
  }
}

void FunctionView::load_submitted(Ps t, const model::CommandView& view) {
  FnRef who;
  if (view.in_bytes < VF_BYTES(load_vhca_state_in) ||
      !function_of_vhca(view.who.host, static_cast<std::uint32_t>(VF_GET(load_vhca_state_in, view.in, vhca_id)), who)) {
    return;
  }
  const std::uint64_t bytes = VF_GET(load_vhca_state_in, view.in, size);
  const KeyView* key = objects_[function_index(view.who)].key(
      static_cast<std::uint32_t>(VF_GET(load_vhca_state_in, view.in, mkey)));
  loading_[function_index(who)] = 0;
  if (key != nullptr && bytes <= kImageMax) {
    gather(view.who, *key, VF_GET(load_vhca_state_in, view.in, va), bytes, scratch_);
    loading_[function_index(who)] = XXH3_64bits(scratch_.data(), scratch_.size());
  }
  for (FunctionEvents* listener : listeners_) {
    listener->image_loading(t, who);
  }
}

void FunctionView::load_completed(Ps t, const model::CommandView& view) {
  FnRef who;
  if (!function_of_vhca(view.who.host, static_cast<std::uint32_t>(VF_GET(load_vhca_state_in, view.in, vhca_id)), who)) {
    return;
  }
  const std::uint32_t index = function_index(who);
  accesses_[index].stale = true;
  const auto found = images_.find(loading_[index]);
  if (found == images_.end()) {  // from a file, say: what it contains was never seen
    objects_[index] = FunctionObjects{};
    objects_[index].known = false;
    return;
  }
  const SavedImage& image = found->second;
  objects_[index] = image.objects;
  monitor_.install(who, image.queue);
  if (std::all_of(msi_data_[index].begin(), msi_data_[index].end(), [](std::uint32_t data) { return data == ~0U; })) {
    msi_data_[index] = image.msi_data;
  }
  for (FunctionEvents* listener : listeners_) {
    listener->image_loaded(t, image.who, who);
  }
}

void FunctionView::function_reset(Ps t, FnRef who) {
  if (!is_nic(context_, who)) {
    return;
  }
  const std::uint32_t index = function_index(who);
  set_stopped(t, who, Half::initiator, false);
  set_stopped(t, who, Half::responder, false);
  objects_[index] = FunctionObjects{};
  accesses_[index].stale = true;
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

bool FunctionView::anywhere(FnRef who) { return access_of(who).anywhere; }
const RangeSet& FunctionView::writable(FnRef who) { return access_of(who).writable; }
const RangeSet& FunctionView::readable(FnRef who) { return access_of(who).readable; }
const RangeSet& FunctionView::completion_rings(FnRef who) { return access_of(who).completions; }

void FunctionView::grant(FnRef who, std::uint64_t phys, std::uint64_t bytes) {
  Grants& grants = grants_[function_index(who)];
  grants.list.push_back({phys, bytes});
  grants.ranges.clear();
  for (const auto& [start, length] : grants.list) {
    grants.ranges.add(start, length);
  }
  grants.ranges.seal();
}

void FunctionView::revoke(FnRef who) { grants_[function_index(who)] = Grants{}; }

void FunctionView::map_window(FnRef who, std::uint64_t phys, std::uint64_t bytes) {
  const auto same = [&](const Window& w) { return w.who.host == who.host && w.who.fn == who.fn; };
  windows_.erase(std::remove_if(windows_.begin(), windows_.end(), same), windows_.end());
  windows_.push_back({phys, bytes, who});
}

bool FunctionView::window_at(std::uint8_t host, std::uint64_t phys, FnRef& who, std::uint64_t& offset) const {
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
