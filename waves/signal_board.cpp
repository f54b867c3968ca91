#include "waves/signal_board.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "firmware/interface/tables.hpp"

namespace vfsim::waves {

using model::FnRef;
using model::Probe;
using model::Ps;
using model::Tlp;
using model::TlpKind;

namespace {

const char* tlp_class(const Tlp& tlp) {
  switch (tlp.kind) {
    case TlpKind::mem_write:
      return tlp.interrupt ? "MSI" : "MWr";
    case TlpKind::mem_read:
      return "MRd";
    default:
      return "CplD";
  }
}

using Text = std::array<char, 64>;

std::string_view transaction_text(const Tlp& tlp, Text& text) {
  int n = 0;
  if (tlp.kind == TlpKind::completion) {
    n = std::snprintf(text.data(), text.size(), "CplD tag %u +%u%s", tlp.tag, tlp.bytes,
                      tlp.status == model::CplStatus::successful ? "" : " failed");
  } else {
    n = std::snprintf(text.data(), text.size(), "%s 0x%llx+%u", tlp_class(tlp),
                      static_cast<unsigned long long>(tlp.addr), tlp.bytes);
    if (tlp.kind == TlpKind::mem_read) {
      n += std::snprintf(text.data() + n, text.size() - static_cast<std::size_t>(n), " tag %u",
                         tlp.tag);
    }
  }
  return {text.data(), static_cast<std::size_t>(n)};
}

}  // namespace

SignalBoard::SignalBoard(model::ProbeBus& bus, const SignalSpace& space, model::Rid base_rid)
    : space_(space),
      base_rid_(base_rid),
      values_(space.units() * kSignalCount),
      seen_(space.units()),
      newest_(SignalSpace::kHosts * space.functions),
      commands_(SignalSpace::kHosts * space.functions,
                std::vector<std::uint16_t>(1U << VF_LOG_CMDQ_SIZE)) {
  for (SignalId id = 0; id < values_.size(); ++id) {
    values_[id].number =
        info_of(id).kind == SignalKind::MIG_STATE ? std::uint64_t{VF_MIG_RUNNING} : 0;
  }
  bus.subscribe(*this, {Probe::tlp_sent, Probe::tlp_landed, Probe::tlp_received, Probe::msi,
                        Probe::command, Probe::function_reset, Probe::driver});
}

// ---- reading ---------------------------------------------------------------------------------

std::string SignalBoard::text(SignalId id, Ps now) const {
  const Value& value = values_[id];
  if (info_of(id).kind == SignalKind::MOMENT && over(value, now)) {
    return {};
  }
  if (row_of(id) == FUNCTION_transaction) {
    Text text;
    return std::string(transaction_text(newest_[unit_of(id)], text));
  }
  return value.text;
}

std::string SignalBoard::shown(SignalId id, Ps now) const {
  const SignalKind kind = info_of(id).kind;
  if (is_text(kind)) {
    return text(id, now);
  }
  const std::vector<std::string>& names = value_names(kind);
  return number(id) < names.size() ? names[number(id)] : std::to_string(number(id));
}

// ---- listeners -------------------------------------------------------------------------------

void SignalBoard::add(SignalListener& listener, RowMask rows, Ps now) {
  settle(now);
  for (SignalId id = 0; id < values_.size(); ++id) {
    Value& value = values_[id];
    if (info_of(id).kind == SignalKind::MOMENT && space_.holds(id) && !value.queued) {
      value.text = text(id, now);
      if (!value.text.empty()) {
        queue_end(id);
      }
    }
  }
  ears_.push_back({&listener, rows});
  wanted_ |= rows;
}

void SignalBoard::remove(SignalListener& listener) {
  for (Ear& ear : ears_) {
    if (ear.listener == &listener) {
      ear.listener = nullptr;
    }
  }
  sweep();
}

void SignalBoard::sweep() {
  if (telling_ != 0) {
    return;
  }
  ears_.erase(std::remove_if(ears_.begin(), ears_.end(),
                             [](const Ear& ear) { return ear.listener == nullptr; }),
              ears_.end());
  wanted_ = 0;
  for (const Ear& ear : ears_) {
    wanted_ |= ear.rows;
  }
}

void SignalBoard::tell(const SignalChange& change) {
  const RowMask bit = row_bit(row_of(change.id));
  bool removed = false;
  ++telling_;
  for (std::size_t i = 0, count = ears_.size(); i < count; ++i) {
    if (ears_[i].listener != nullptr && (ears_[i].rows & bit) != 0) {
      ears_[i].listener->changed(change);
    }
    removed |= ears_[i].listener == nullptr;
  }
  --telling_;
  if (removed) {
    sweep();
  }
}

// ---- values ----------------------------------------------------------------------------------

void SignalBoard::set(Ps t, SignalId id, std::uint64_t value) {
  settle(t);
  const std::uint64_t before = std::exchange(values_[id].number, value);
  if (before != value && wanted(id)) {
    tell({t, id, before, value, {}, {}});
  }
}

void SignalBoard::set_text(Ps t, SignalId id, std::string_view text) {
  settle(t);
  if (values_[id].text != text) {
    replace_text(t, id, text);
  }
}

void SignalBoard::happen(Ps t, SignalId id, std::string_view text) {
  settle(t);
  Value& value = values_[id];
  value.at = t;
  replace_text(t, id, text);
  if (wanted(id) && !value.queued) {
    queue_end(id);
  }
}

void SignalBoard::replace_text(Ps t, SignalId id, std::string_view text) {
  Value& value = values_[id];
  std::string before = std::move(spare_);  // buffers go round, so that nothing is allocated
  before.swap(value.text);
  value.text = text;
  if (wanted(id)) {
    tell({t, id, 0, 0, before, value.text});
  }
  spare_ = std::move(before);
}

void SignalBoard::count(Ps t, SignalId id, int change) {
  const std::uint64_t before = values_[id].number;
  if (change > 0 || before != 0) {
    set(t, id, static_cast<std::uint64_t>(static_cast<std::int64_t>(before) + change));
  }
}

void SignalBoard::queue_end(SignalId id) {
  values_[id].queued = true;
  const End later{values_[id].at + kHold, id};
  const auto place = std::upper_bound(ends_.begin(), ends_.end(), later,
                                      [](const End& a, const End& b) { return a.at < b.at; });
  ends_.insert(place, later);
}

void SignalBoard::settle(Ps now) {
  while (!ends_.empty() && ends_.front().at <= now) {
    const End first = ends_.front();
    ends_.pop_front();
    values_[first.id].queued = false;
    if (over(values_[first.id], first.at)) {
      replace_text(first.at, first.id, {});
    } else {
      queue_end(first.id);  // something came in between
    }
  }
}

// ---- observations ----------------------------------------------------------------------------

std::uint32_t SignalBoard::unit(std::uint8_t host, std::uint32_t fn) const {
  return fn < space_.functions && host < SignalSpace::kHosts ? space_.function_unit(host, fn)
                                                             : kNoUnit;
}

void SignalBoard::keep_transaction(Ps t, std::uint32_t u, const Tlp& tlp) {
  const SignalId id = id_of(u, FUNCTION_transaction);
  newest_[u] = tlp;
  if (wanted(id)) {
    Text text;
    happen(t, id, transaction_text(tlp, text));
  } else {
    values_[id].at = t;
  }
}

void SignalBoard::tlp_sent(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload) {
  (void)payload;
  const model::Rid rid = tlp.kind == TlpKind::completion ? tlp.completer : tlp.requester;
  const std::uint32_t u = unit(host, static_cast<std::uint32_t>(rid) - base_rid_);
  if (u == kNoUnit) {
    return;
  }
  seen_[u] = true;
  Value& shown = values_[id_of(u, FUNCTION_tlp)];
  if (const char* name = tlp_class(tlp); over(shown, t) || shown.text != name) {
    happen(t, id_of(u, FUNCTION_tlp), name);
  }
  shown.at = t;
  keep_transaction(t, u, tlp);
  if (tlp.kind == TlpKind::mem_read) {
    count(t, id_of(u, FUNCTION_outstanding_reads), 1);
  } else if (tlp.kind == TlpKind::mem_write && !tlp.interrupt) {
    count(t, id_of(u, FUNCTION_inflight_writes), 1);
  }
}

void SignalBoard::tlp_landed(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload,
                             bool ok) {
  (void)payload, (void)ok;
  const std::uint32_t u = unit(host, static_cast<std::uint32_t>(tlp.requester) - base_rid_);
  if (u != kNoUnit && tlp.kind == TlpKind::mem_write && !tlp.interrupt) {
    count(t, id_of(u, FUNCTION_inflight_writes), -1);
  }
}

void SignalBoard::tlp_received(Ps t, std::uint8_t host, const Tlp& tlp) {
  const std::uint32_t u = unit(host, static_cast<std::uint32_t>(tlp.requester) - base_rid_);
  if (u == kNoUnit || tlp.kind != TlpKind::completion) {
    return;
  }
  if (Value& shown = values_[id_of(u, FUNCTION_tlp)]; !over(shown, t)) {
    shown.at = t;
  }
  keep_transaction(t, u, tlp);
  if (tlp.last) {
    count(t, id_of(u, FUNCTION_outstanding_reads), -1);
  }
}

void SignalBoard::msi(Ps t, FnRef who, std::uint32_t vector, model::MsiAction action) {
  if (const std::uint32_t u = unit(who); u != kNoUnit) {
    happen(t, id_of(u, FUNCTION_interrupt),
           (action == model::MsiAction::delivered ? "v" : "refused v") + std::to_string(vector));
  }
}

void SignalBoard::show_command(Ps t, std::uint32_t u) {
  const auto open = std::find_if(commands_[u].begin(), commands_[u].end(),
                                 [](std::uint16_t opcode) { return opcode != 0; });
  set_text(t, id_of(u, FUNCTION_command),
           open == commands_[u].end() ? std::string_view() : contract::opcode_name(*open));
}

void SignalBoard::command_submitted(Ps t, const model::CommandView& view) {
  const std::uint32_t u = unit(view.who);
  if (u == kNoUnit || view.slot >= commands_[u].size()) {
    return;
  }
  seen_[u] = true;
  commands_[u][view.slot] = view.opcode;
  const std::string_view name = contract::opcode_name(view.opcode);
  set_text(t, id_of(u, FUNCTION_command), name.empty() ? std::string_view("unknown opcode") : name);
}

void SignalBoard::command_completed(Ps t, const model::CommandView& view) {
  const std::uint32_t u = unit(view.who);
  if (u == kNoUnit || view.slot >= commands_[u].size()) {
    return;
  }
  commands_[u][view.slot] = 0;
  show_command(t, u);
  if (view.delivery != VF_DELIVERY_OK || view.status != VF_STATUS_OK ||
      view.in_bytes < VF_CMD_INLINE_BYTES) {
    return;
  }
  if (view.opcode == VF_OP_QUERY_HCA_CAP) {
    learn_vhca(view);
  } else if (view.opcode == VF_OP_SUSPEND_VHCA || view.opcode == VF_OP_RESUME_VHCA) {
    run_state(t, view);
  }
}

void SignalBoard::learn_vhca(const model::CommandView& view) {
  if (view.op_mod >> 1 == VF_CAP_GENERAL &&
      VF_GET(query_hca_cap_in, view.in, other_function) != 0 &&
      VF_GET(query_hca_cap_in, view.in, function_id_type) == 0 &&
      view.out_bytes >= VF_BYTES(query_hca_cap_out)) {
    const std::uint8_t* cap = VF_PTR(query_hca_cap_out, view.out, capability);
    vhca_[view.who.host][static_cast<std::uint32_t>(VF_GET(cmd_hca_cap, cap, vhca_id))] =
        static_cast<std::uint32_t>(VF_GET(query_hca_cap_in, view.in, function_id));
  }
}

void SignalBoard::run_state(Ps t, const model::CommandView& view) {
  const auto& known = vhca_[view.who.host];
  const auto found =
      known.find(static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id)));
  const std::uint32_t u = found == known.end() ? kNoUnit : unit(view.who.host, found->second);
  if (u == kNoUnit) {
    return;
  }
  const bool stop = view.opcode == VF_OP_SUSPEND_VHCA;
  const bool initiator = view.op_mod == (stop ? VF_SUSPEND_INITIATOR : VF_RESUME_INITIATOR);
  seen_[u] = true;
  set(t, id_of(u, initiator ? FUNCTION_initiator_stopped : FUNCTION_responder_stopped),
      stop ? 1 : 0);
}

void SignalBoard::function_reset(Ps t, FnRef who) {
  const std::uint32_t u = unit(who);
  if (u == kNoUnit) {
    return;
  }
  std::fill(commands_[u].begin(), commands_[u].end(), std::uint16_t{0});
  show_command(t, u);
  set(t, id_of(u, FUNCTION_initiator_stopped), 0);
  set(t, id_of(u, FUNCTION_responder_stopped), 0);
  happen(t, id_of(u, FUNCTION_reset), "RESET");
}

void SignalBoard::vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) {
  if (const std::uint32_t u = unit(who); u != kNoUnit) {
    seen_[u] = true;
    set(t, id_of(u, FUNCTION_migration_state), error == 0 ? to : from);
  }
}

void SignalBoard::dirty_tracking(Ps t, FnRef who, bool on) {
  if (const std::uint32_t u = unit(who); u != kNoUnit) {
    seen_[u] = true;
    set(t, id_of(u, FUNCTION_dirty_tracking), on ? 1 : 0);
  }
}

void SignalBoard::vcpu(Ps t, std::uint32_t guest, bool running, std::uint8_t host) {
  if (guest < space_.guests) {
    set(t, id_of(space_.guest_unit(guest), GUEST_vcpus), running ? 1U + host : 0U);
  }
}

void SignalBoard::phase(Ps t, std::uint32_t guest, const char* name, bool begin) {
  if (guest < space_.guests) {
    set_text(t, id_of(space_.guest_unit(guest), GUEST_phase), begin ? name : "");
  }
}

}  // namespace vfsim::waves
