// The command side of the view: run states, objects, images.
#include <algorithm>
#include <xxhash.h>

#include "testbench/checkers/function_view.hpp"

namespace vfsim::bench {

using model::FnRef;
using model::Ps;

namespace {

constexpr std::size_t kImages = 1024;           // saved images remembered
constexpr std::uint64_t kImageMax = 64U << 20;  // longer ones are not gathered

Half suspend_half(std::uint16_t op_mod) {
  return op_mod == VF_SUSPEND_INITIATOR ? Half::initiator : Half::responder;
}
Half resume_half(std::uint16_t op_mod) {
  return op_mod == VF_RESUME_INITIATOR ? Half::initiator : Half::responder;
}

}  // namespace

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
  if (view.op_mod >> 1 != VF_CAP_GENERAL ||
      VF_GET(query_hca_cap_in, view.in, function_id_type) != 0 ||
      view.out_bytes < VF_BYTES(query_hca_cap_out)) {
    return;
  }
  const std::uint8_t* cap = VF_PTR(query_hca_cap_out, view.out, capability);
  const auto function =
      other ? static_cast<std::uint8_t>(VF_GET(query_hca_cap_in, view.in, function_id))
            : view.who.fn;
  vhca_[view.who.host][static_cast<std::uint32_t>(VF_GET(cmd_hca_cap, cap, vhca_id))] = function;
}

void FunctionView::set_stopped(Ps t, FnRef who, Half half, bool stopped) {
  RunState& run = runs_[function_index(who)];
  (half == Half::initiator ? run.initiator_stopped : run.responder_stopped) = stopped;
  (half == Half::initiator ? run.initiator_at : run.responder_at) = t;
  resumes_[function_index(who)][static_cast<std::size_t>(half)].open = false;
  std::uint8_t& interest = hot_[function_index(who)].interest;
  const bool any = run.initiator_stopped || run.responder_stopped;
  interest = static_cast<std::uint8_t>(any ? interest | kStopped : interest & ~kStopped);
}

void FunctionView::command_submitted(Ps t, const model::CommandView& view) {
  if (view.opcode == VF_OP_RESUME_VHCA) {
    resume_submitted(t, view);
  } else if (view.opcode == VF_OP_SUSPEND_VHCA) {
    suspend_submitted(t, view);
  } else if (view.opcode == VF_OP_LOAD_VHCA_STATE) {
    load_submitted(t, view);
  }
}

void FunctionView::command_completed(Ps t, const model::CommandView& view) {
  if (view.opcode == VF_OP_RESUME_VHCA) {
    resume_completed(t, view);
    return;
  }
  if (view.opcode == VF_OP_SUSPEND_VHCA) {
    suspend_completed(t, view);
    return;
  }
  if (view.opcode == VF_OP_LOAD_VHCA_STATE) {
    load_ended(t, view);
  }
  if (view.delivery != VF_DELIVERY_OK || view.status != VF_STATUS_OK ||
      view.in_bytes < VF_CMD_INLINE_BYTES) {
    return;
  }
  switch (view.opcode) {
    case VF_OP_QUERY_HCA_CAP:
      learn_vhca(view);
      break;
    case VF_OP_SAVE_VHCA_STATE:
      save_completed(t, view);
      break;
    case VF_OP_LOAD_VHCA_STATE:
      load_completed(t, view);
      break;
    default:
      if (objects_[function_index(view.who)].apply(view)) {
        accesses_[function_index(view.who)].stale = true;
      }
      break;
  }
}

void FunctionView::suspend_submitted(Ps t, const model::CommandView& view) {
  FnRef who;
  if (view.in_bytes >= VF_BYTES(suspend_vhca_in) &&
      function_of_vhca(view.who.host,
                       static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id)),
                       who)) {
    for (FunctionEvents* listener : listeners_) {
      listener->quiescing(t, who, suspend_half(view.op_mod));
    }
  }
}

void FunctionView::suspend_completed(Ps t, const model::CommandView& view) {
  FnRef who;
  if (view.in_bytes < VF_BYTES(suspend_vhca_in) ||
      !function_of_vhca(view.who.host,
                        static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id)),
                        who)) {
    return;
  }
  const Half half = suspend_half(view.op_mod);
  if (view.delivery != VF_DELIVERY_OK || view.status != VF_STATUS_OK) {
    for (FunctionEvents* listener : listeners_) {
      listener->not_quiesced(t, who, half);
    }
    return;
  }
  set_stopped(t, who, half, true);
  for (FunctionEvents* listener : listeners_) {
    listener->quiesced(t, who, half);
  }
}

void FunctionView::resume_submitted(Ps t, const model::CommandView& view) {
  FnRef who;
  if (view.in_bytes >= VF_BYTES(resume_vhca_in) &&
      function_of_vhca(view.who.host,
                       static_cast<std::uint32_t>(VF_GET(resume_vhca_in, view.in, vhca_id)), who)) {
    const Half half = resume_half(view.op_mod);
    const RunState& run = runs_[function_index(who)];
    if (half == Half::initiator ? run.initiator_stopped : run.responder_stopped) {
      for (FunctionEvents* listener : listeners_) {
        listener->resuming(t, who, half);
      }
      const Ps stopped_at = half == Half::initiator ? run.initiator_at : run.responder_at;
      set_stopped(t, who, half, false);
      resumes_[function_index(who)][static_cast<std::size_t>(half)] = {true, view.who.fn, view.slot,
                                                                       stopped_at};
    }
  }
}

void FunctionView::resume_completed(Ps t, const model::CommandView& view) {
  FnRef who;
  if (view.in_bytes < VF_BYTES(resume_vhca_in) ||
      !function_of_vhca(view.who.host,
                        static_cast<std::uint32_t>(VF_GET(resume_vhca_in, view.in, vhca_id)),
                        who)) {
    return;
  }
  const Half half = resume_half(view.op_mod);
  if (view.delivery != VF_DELIVERY_OK || view.status != VF_STATUS_OK) {
    resume_refused(t, view, who, half);
    return;
  }
  const RunState& run = runs_[function_index(who)];
  if (half == Half::initiator ? run.initiator_stopped : run.responder_stopped) {
    set_stopped(t, who, half, false);  // another one was refused meanwhile
  }
  resumes_[function_index(who)][static_cast<std::size_t>(half)].open = false;
  for (FunctionEvents* listener : listeners_) {
    listener->resumed(t, who, half);
  }
}

/// Only the RESUME that made the function count as running gives its stop back: a reset or another
/// command may have come between.
void FunctionView::resume_refused(Ps t, const model::CommandView& view, FnRef who, Half half) {
  const Resume resume = resumes_[function_index(who)][static_cast<std::size_t>(half)];
  if (!resume.open || resume.issuer != view.who.fn || resume.slot != view.slot) {
    return;
  }
  set_stopped(resume.stopped_at, who, half, true);
  for (FunctionEvents* listener : listeners_) {
    listener->not_resumed(t, who, half);
  }
}

void FunctionView::gather(FnRef who, const KeyView& key, std::uint64_t offset, std::uint64_t count,
                          std::vector<std::uint8_t>& to) const {
  to.clear();
  while (to.size() < count) {
    const std::uint64_t at = offset + to.size();
    const auto address =
        key.physical ? std::optional<std::uint64_t>(at) : key.pages.address(at - key.start);
    if (!address) {
      return;
    }
    const std::size_t have = to.size();
    const std::size_t part = std::min<std::size_t>(
        count - have, static_cast<std::size_t>(VF_PAGE_BYTES - (*address & (VF_PAGE_BYTES - 1))));
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
      !function_of_vhca(view.who.host,
                        static_cast<std::uint32_t>(VF_GET(save_vhca_state_in, view.in, vhca_id)),
                        who)) {
    return;
  }
  gather(view.who, *key, VF_GET(save_vhca_state_in, view.in, va), bytes, scratch_);
  const std::uint64_t hash = XXH3_64bits(scratch_.data(), scratch_.size());
  const std::uint32_t index = function_index(who);
  if (images_
          .insert_or_assign(hash,
                            SavedImage{who, objects_[index], monitor_.queue(who), msi_data_[index]})
          .second) {
    image_order_.push_back(hash);
  }
  if (image_order_.size() > kImages) {
    images_.erase(image_order_.front());
    image_order_.pop_front();
  }
  const ImageView image{scratch_.data(), scratch_.size(),
                        VF_GET(save_vhca_state_in, view.in, incremental) != 0,
                        VF_GET(save_vhca_state_in, view.in, set_track) != 0};
  for (FunctionEvents* listener : listeners_) {
    listener->image_saved(t, who, image);
  }
}

bool FunctionView::gather_load(const model::CommandView& view, FnRef& who) const {
  if (view.in_bytes < VF_BYTES(load_vhca_state_in) ||
      !function_of_vhca(view.who.host,
                        static_cast<std::uint32_t>(VF_GET(load_vhca_state_in, view.in, vhca_id)),
                        who)) {
    return false;
  }
  scratch_.clear();
  const std::uint64_t bytes = VF_GET(load_vhca_state_in, view.in, size);
  const KeyView* key = objects_[function_index(view.who)].key(
      static_cast<std::uint32_t>(VF_GET(load_vhca_state_in, view.in, mkey)));
  if (key != nullptr && bytes <= kImageMax) {
    gather(view.who, *key, VF_GET(load_vhca_state_in, view.in, va), bytes, scratch_);
  }
  return true;
}

void FunctionView::load_submitted(Ps t, const model::CommandView& view) {
  FnRef who;
  if (!gather_load(view, who)) {
    return;
  }
  loading_[function_index(who)] =
      scratch_.empty() ? 0 : XXH3_64bits(scratch_.data(), scratch_.size());
  const ImageView image{scratch_.data(), scratch_.size(), false, false};
  for (FunctionEvents* listener : listeners_) {
    listener->image_loading(t, who);
    listener->load_submitted(t, who, view, image);
  }
}

void FunctionView::load_ended(Ps t, const model::CommandView& view) {
  FnRef who;
  if (gather_load(view, who)) {
    const ImageView image{scratch_.data(), scratch_.size(), false, false};
    for (FunctionEvents* listener : listeners_) {
      listener->load_ended(t, who, view, image);
    }
  }
}

void FunctionView::load_completed(Ps t, const model::CommandView& view) {
  FnRef who;
  if (!function_of_vhca(view.who.host,
                        static_cast<std::uint32_t>(VF_GET(load_vhca_state_in, view.in, vhca_id)),
                        who)) {
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
  if (std::all_of(msi_data_[index].begin(), msi_data_[index].end(),
                  [](std::uint32_t data) { return data == ~0U; })) {
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

}  // namespace vfsim::bench
