#include "waves/wave_recorder.hpp"

#include <algorithm>
#include <cstdio>

#include "firmware/interface/tables.hpp"
#include "waves/views/gtkw_view.hpp"

namespace vfsim::waves {

using model::FnRef;
using model::Probe;
using model::Ps;
using model::Tlp;
using model::TlpKind;

namespace {

constexpr Ps kIdleAfter =
    500 * model::kNs;  // a text of an event stays this long; a burst shows as one box
constexpr Ps kSampleEvery = 200 * model::kNs;  // counters inside a burst
constexpr std::uint32_t kStateBits = 3;
constexpr std::uint32_t kVcpuBits = 2;

std::string function_scope(std::uint32_t fn) {
  return fn == 0 ? "pf" : "vf" + std::to_string(fn - 1);
}
std::string host_scope(std::uint32_t host) {
  return std::string(1, static_cast<char>('A' + host));
}

std::vector<std::string> state_names() {
  std::vector<std::string> names;
  for (std::uint32_t value = 0; value < 1U << kStateBits; ++value) {
    names.emplace_back(contract::enum_name("MIG", value));
  }
  return names;
}

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

}  // namespace

WaveRecorder::WaveRecorder(model::ProbeBus& bus, const std::string& fst_path,
                           const WaveScope& scope)
    : scope_(scope),
      file_(fst_path),
      wave_(file_, scope.span),
      functions_(kHosts * scope.functions),
      guests_(scope.guests) {
  if (!file_.ok()) {
    return;
  }
  declare(scope);
  initial_values();
  bus.subscribe(*this, {Probe::tlp_sent, Probe::tlp_landed, Probe::tlp_received, Probe::msi,
                        Probe::command, Probe::function_reset, Probe::driver});
}

FstFile::Signal WaveRecorder::declare_signal(const SignalInfo& info, FstFile::EnumTable states,
                                             FstFile::EnumTable vcpus) {
  if ((scope_.groups & mask_of(info.group)) == 0) {
    return 0;
  }
  switch (info.kind) {
    case SignalKind::TEXT:
      return file_.add_text(info.name);
    case SignalKind::MIG_STATE:
      return file_.add_enum_signal(info.name, info.bits, states);
    case SignalKind::VCPU:
      return file_.add_enum_signal(info.name, info.bits, vcpus);
    default:
      return file_.add_bits(info.name, info.bits);
  }
}

void WaveRecorder::declare(const WaveScope& scope) {
  file_.enter_scope("vfsim");
  const FstFile::EnumTable states = file_.add_enum("mig_state", state_names(), kStateBits);
  const FstFile::EnumTable vcpus =
      file_.add_enum("vcpu", {"STOPPED", "RUN_A", "RUN_B", "NONE"}, kVcpuBits);
  for (std::uint32_t i = 0; i < functions_.size(); ++i) {
    const std::uint32_t fn = i % scope.functions;
    if (fn == 0) {
      file_.enter_scope(host_scope(i / scope.functions));
    }
    file_.enter_scope(function_scope(fn));
    for (std::uint32_t s = 0; s < kSignalCount; ++s) {
      if (kSignals[s].scope == SignalScope::FUNCTION) {
        functions_[i].signal[s] = declare_signal(kSignals[s], states, vcpus);
      }
    }
    file_.leave_scope();
    if (fn + 1 == scope.functions) {
      file_.leave_scope();
    }
    functions_[i].commands.resize(1U << VF_LOG_CMDQ_SIZE);
  }
  for (std::uint32_t g = 0; g < guests_.size(); ++g) {
    file_.enter_scope("guest" + std::to_string(g));
    for (std::uint32_t s = 0; s < kSignalCount; ++s) {
      if (kSignals[s].scope == SignalScope::GUEST) {
        guests_[g].signal[s] = declare_signal(kSignals[s], states, vcpus);
      }
    }
    file_.leave_scope();
  }
  file_.leave_scope();
}

void WaveRecorder::initial_values() {
  const auto start = [&](const std::array<FstFile::Signal, kSignalCount>& signals,
                         SignalScope scope) {
    for (std::uint32_t s = 0; s < kSignalCount; ++s) {
      if (kSignals[s].scope != scope) {
        continue;
      }
      if (kSignals[s].kind == SignalKind::TEXT) {
        wave_.set_text(signals[s], "");
      } else {
        wave_.set(signals[s],
                  kSignals[s].kind == SignalKind::MIG_STATE ? std::uint64_t{VF_MIG_RUNNING} : 0);
      }
    }
  };
  wave_.time(0);
  for (const Function& function : functions_) {
    start(function.signal, SignalScope::FUNCTION);
  }
  for (const Guest& guest : guests_) {
    start(guest.signal, SignalScope::GUEST);
  }
}

/// Moves the file's time on; texts whose time is over become empty on the way.
void WaveRecorder::at(Ps t) {
  while (!idle_.empty() && idle_.front().at <= t) {
    const Idle idle = idle_.front();
    idle_.pop_front();
    end_idle(idle);
  }
  wave_.time(t);
}

void WaveRecorder::end_idle(const Idle& idle) {
  Function& function = functions_[idle.function];
  const Ps last = idle.signal == FUNCTION_interrupt ? function.interrupt_at : function.tlp_at;
  if (idle.signal != FUNCTION_reset && last + kIdleAfter > idle.at) {
    // Something came in between. For TLPs one entry serves a whole burst and is queued anew.
    if (idle.signal == FUNCTION_tlp) {
      const Idle later{last + kIdleAfter, idle.function, idle.signal};
      const auto place = std::upper_bound(idle_.begin(), idle_.end(), later,
                                          [](const Idle& a, const Idle& b) { return a.at < b.at; });
      idle_.insert(place, later);
    }
    return;
  }
  wave_.time(idle.at);
  wave_.set_text(function.signal[idle.signal], "");
  if (idle.signal == FUNCTION_tlp) {
    wave_.set_text(function.signal[FUNCTION_transaction], "");
    function.tlp = "";
    function.idle_queued = false;
  }
}

WaveRecorder::Function* WaveRecorder::function(std::uint8_t host, std::uint32_t fn) {
  return fn < scope_.functions && host < kHosts ? &functions_[host * scope_.functions + fn]
                                                : nullptr;
}

void WaveRecorder::count(Ps t, Function& function, Counter& counter, SignalIndex signal,
                         int change) {
  if (change < 0 && counter.value == 0) {
    return;
  }
  counter.value = static_cast<std::uint32_t>(static_cast<int>(counter.value) + change);
  if (counter.value == counter.shown ||
      (counter.value != 0 && counter.shown != 0 && t < counter.next_sample)) {
    return;
  }
  at(t);
  wave_.set(function.signal[signal], counter.value);
  counter.shown = counter.value;
  counter.next_sample = t + kSampleEvery;
}

void WaveRecorder::show_transaction(Ps t, Function& f, const Tlp& tlp) {
  const FstFile::Signal signal = f.signal[FUNCTION_transaction];
  if (signal == 0) {
    return;
  }
  char text[64];
  if (tlp.kind == TlpKind::completion) {
    std::snprintf(text, sizeof text, "CplD tag %u +%u%s", tlp.tag, tlp.bytes,
                  tlp.status == model::CplStatus::successful ? "" : " failed");
  } else {
    const int n = std::snprintf(text, sizeof text, "%s 0x%llx+%u", tlp_class(tlp),
                                static_cast<unsigned long long>(tlp.addr), tlp.bytes);
    if (tlp.kind == TlpKind::mem_read) {
      std::snprintf(text + n, sizeof text - static_cast<std::size_t>(n), " tag %u", tlp.tag);
    }
  }
  at(t);
  wave_.set_text(signal, text);
  if (!f.idle_queued) {
    f.idle_queued = true;
    idle_.push_back({t + kIdleAfter, index(f), FUNCTION_tlp});
  }
}

void WaveRecorder::tlp_sent(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload) {
  (void)payload;
  const model::Rid rid = tlp.kind == TlpKind::completion ? tlp.completer : tlp.requester;
  Function* f = function(host, static_cast<std::uint32_t>(rid) - scope_.base_rid);
  if (f == nullptr) {
    return;
  }
  f->seen = true;
  f->tlp_at = t;
  if (const char* name = tlp_class(tlp); name != f->tlp) {
    at(t);
    wave_.set_text(f->signal[FUNCTION_tlp], name);
    f->tlp = name;
    if (!f->idle_queued) {
      f->idle_queued = true;
      idle_.push_back({t + kIdleAfter, index(*f), FUNCTION_tlp});
    }
  }
  show_transaction(t, *f, tlp);
  if (tlp.kind == TlpKind::mem_read) {
    count(t, *f, f->reads, FUNCTION_outstanding_reads, 1);
  } else if (tlp.kind == TlpKind::mem_write && !tlp.interrupt) {
    count(t, *f, f->writes, FUNCTION_inflight_writes, 1);
  }
}

void WaveRecorder::tlp_landed(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload,
                              bool ok) {
  (void)payload, (void)ok;
  Function* f = function(host, static_cast<std::uint32_t>(tlp.requester) - scope_.base_rid);
  if (f != nullptr && tlp.kind == TlpKind::mem_write && !tlp.interrupt) {
    count(t, *f, f->writes, FUNCTION_inflight_writes, -1);
  }
}

void WaveRecorder::tlp_received(Ps t, std::uint8_t host, const Tlp& tlp) {
  Function* f = function(host, static_cast<std::uint32_t>(tlp.requester) - scope_.base_rid);
  if (f == nullptr || tlp.kind != TlpKind::completion) {
    return;
  }
  f->tlp_at = t;
  show_transaction(t, *f, tlp);
  if (tlp.last) {
    count(t, *f, f->reads, FUNCTION_outstanding_reads, -1);
  }
}

void WaveRecorder::msi(Ps t, FnRef who, std::uint32_t vector, model::MsiAction action) {
  if (Function* f = function(who)) {
    at(t);
    wave_.set_text(
        f->signal[FUNCTION_interrupt],
        (action == model::MsiAction::delivered ? "v" : "refused v") + std::to_string(vector));
    f->interrupt_at = t;
    idle_.push_back({t + kIdleAfter, index(*f), FUNCTION_interrupt});
  }
}

void WaveRecorder::show_command(Ps t, Function& f) {
  const auto open = std::find_if(f.commands.begin(), f.commands.end(),
                                 [](std::uint16_t opcode) { return opcode != 0; });
  at(t);
  wave_.set_text(f.signal[FUNCTION_command],
                 open == f.commands.end() ? std::string_view() : contract::opcode_name(*open));
}

void WaveRecorder::command_submitted(Ps t, const model::CommandView& view) {
  Function* f = function(view.who);
  if (f == nullptr || view.slot >= f->commands.size()) {
    return;
  }
  f->seen = true;
  f->commands[view.slot] = view.opcode;
  const std::string_view name = contract::opcode_name(view.opcode);
  at(t);
  wave_.set_text(f->signal[FUNCTION_command],
                 name.empty() ? std::string_view("unknown opcode") : name);
}

void WaveRecorder::command_completed(Ps t, const model::CommandView& view) {
  Function* f = function(view.who);
  if (f == nullptr || view.slot >= f->commands.size()) {
    return;
  }
  f->commands[view.slot] = 0;
  show_command(t, *f);
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

void WaveRecorder::learn_vhca(const model::CommandView& view) {
  if (view.op_mod >> 1 == VF_CAP_GENERAL &&
      VF_GET(query_hca_cap_in, view.in, other_function) != 0 &&
      VF_GET(query_hca_cap_in, view.in, function_id_type) == 0 &&
      view.out_bytes >= VF_BYTES(query_hca_cap_out)) {
    const std::uint8_t* cap = VF_PTR(query_hca_cap_out, view.out, capability);
    vhca_[view.who.host % kHosts][static_cast<std::uint32_t>(VF_GET(cmd_hca_cap, cap, vhca_id))] =
        static_cast<std::uint32_t>(VF_GET(query_hca_cap_in, view.in, function_id));
  }
}

void WaveRecorder::run_state(Ps t, const model::CommandView& view) {
  const auto& known = vhca_[view.who.host % kHosts];
  const auto found =
      known.find(static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id)));
  Function* f = found == known.end() ? nullptr : function(view.who.host, found->second);
  if (f == nullptr) {
    return;
  }
  const bool stop = view.opcode == VF_OP_SUSPEND_VHCA;
  const bool initiator = view.op_mod == (stop ? VF_SUSPEND_INITIATOR : VF_RESUME_INITIATOR);
  bits(t, *f, initiator ? FUNCTION_initiator_stopped : FUNCTION_responder_stopped, stop ? 1 : 0);
}

void WaveRecorder::bits(Ps t, Function& f, SignalIndex signal, std::uint64_t value) {
  f.seen = true;
  at(t);
  wave_.set(f.signal[signal], value);
}

void WaveRecorder::function_reset(Ps t, FnRef who) {
  Function* f = function(who);
  if (f == nullptr) {
    return;
  }
  std::fill(f->commands.begin(), f->commands.end(), std::uint16_t{0});
  show_command(t, *f);
  wave_.set(f->signal[FUNCTION_initiator_stopped], 0);
  wave_.set(f->signal[FUNCTION_responder_stopped], 0);
  wave_.set_text(f->signal[FUNCTION_reset], "RESET");
  idle_.push_back({t + kIdleAfter, index(*f), FUNCTION_reset});
}

void WaveRecorder::vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) {
  if (Function* f = function(who)) {
    bits(t, *f, FUNCTION_migration_state, error == 0 ? to : from);
  }
}

void WaveRecorder::dirty_tracking(Ps t, FnRef who, bool on) {
  if (Function* f = function(who)) {
    bits(t, *f, FUNCTION_dirty_tracking, on ? 1 : 0);
  }
}

void WaveRecorder::vcpu(Ps t, std::uint32_t guest, bool running, std::uint8_t host) {
  if (guest < guests_.size()) {
    at(t);
    wave_.set(guests_[guest].signal[GUEST_vcpus], running ? 1U + host : 0U);
  }
}

void WaveRecorder::phase(Ps t, std::uint32_t guest, const char* name, bool begin) {
  if (guest < guests_.size()) {
    at(t);
    wave_.set_text(guests_[guest].signal[GUEST_phase], begin ? name : "");
  }
}

bool WaveRecorder::finish(Ps end) {
  if (!file_.ok()) {
    return false;
  }
  at(end);
  std::vector<ViewGroup> groups;
  for (std::uint32_t g = 0; g < guests_.size(); ++g) {
    groups.push_back(
        {"guest " + std::to_string(g), "vfsim.guest" + std::to_string(g), SignalScope::GUEST});
  }
  for (std::uint32_t i = 0; i < functions_.size(); ++i) {
    if (functions_[i].seen) {
      const std::string host = host_scope(i / scope_.functions);
      const std::string name = function_scope(i % scope_.functions);
      groups.push_back({host + "." + name, "vfsim." + host + "." + name, SignalScope::FUNCTION});
    }
  }
  return wave_.close(end) && write_view(file_.path(), groups, scope_.groups);
}

}  // namespace vfsim::waves
