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
      queues_(SignalSpace::kHosts * space.functions),
      moving_(SignalSpace::kHosts * space.functions, Moving::no) {
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

void SignalBoard::violated(Ps now, const std::string& rule, const std::string& who) {
  happen(now, id_of(space_.rules_unit(), RULES_violation), rule + " " + who);
  count(now, id_of(space_.rules_unit(), RULES_violations), 1);
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

void SignalBoard::function_reset(Ps t, FnRef who) {
  const std::uint32_t u = unit(who);
  if (u == kNoUnit) {
    return;
  }
  for (Slot& slot : queues_[u]) {
    if (const std::uint32_t worked_on = std::exchange(slot, {}).target; worked_on != kNoUnit) {
      moving_[worked_on] = Moving::no;
      set_text(t, id_of(worked_on, FUNCTION_work), {});
      show_run_state(t, worked_on);
    }
  }
  show_command(t, u);
  set(t, id_of(u, FUNCTION_initiator_stopped), 0);
  set(t, id_of(u, FUNCTION_responder_stopped), 0);
  show_run_state(t, u);
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
    set(t, id_of(space_.guest_unit(guest), GUEST_vcpus),
        running ? VCPU_RUN_A + host : VCPU_STOPPED);
  }
}

void SignalBoard::phase(Ps t, std::uint32_t guest, const char* name, bool begin) {
  if (guest < space_.guests) {
    set_text(t, id_of(space_.guest_unit(guest), GUEST_phase), begin ? name : "");
  }
}

}  // namespace vfsim::waves
