#include "testbench/shell/watcher.hpp"

#include <algorithm>

#include "firmware/interface/tables.hpp"
#include "systemc/nic/bar_space.hpp"

namespace vfsim::bench {

using model::FnRef;
using model::Probe;
using model::Ps;
using model::Tlp;

namespace {

bool about_a_vhca(std::uint16_t opcode) {
  return opcode == VF_OP_SUSPEND_VHCA || opcode == VF_OP_RESUME_VHCA || opcode == VF_OP_QUERY_VHCA_MIGRATION_STATE ||
         opcode == VF_OP_SAVE_VHCA_STATE || opcode == VF_OP_LOAD_VHCA_STATE;
}

/// "SUSPEND_VHCA INITIATOR", "SAVE_VHCA_STATE", "opcode 0x7ff".
std::string command_name(const model::CommandView& view) {
  const auto name = contract::opcode_name(view.opcode);
  std::string out = name.empty() ? "opcode " + std::to_string(view.opcode) : std::string(name);
  if (view.opcode == VF_OP_SUSPEND_VHCA || view.opcode == VF_OP_RESUME_VHCA) {
    const char* set = view.opcode == VF_OP_SUSPEND_VHCA ? "SUSPEND" : "RESUME";
    out += " " + std::string(contract::enum_name(set, view.op_mod));
  }
  return out;
}

}  // namespace

Watcher::Watcher(model::ProbeBus& bus, RuleSet& rules, model::Rid base_rid, HappeningListener& listener)
    : rules_(rules), base_rid_(base_rid), listener_(listener), vmm_(bus), kept_(kKept) {
  rules.view().add_listener(images_);
  bus.subscribe(*this, {Probe::tlp_sent, Probe::tlp_landed, Probe::tlp_received, Probe::iommu_fault, Probe::msi,
                        Probe::access, Probe::command, Probe::frame, Probe::function_reset, Probe::driver});
  rules.on_violation([this](const Violation& v) {
    Happening h;
    h.kind = HappeningKind::violation;
    h.t = v.time;
    h.who = {static_cast<std::uint8_t>(v.who.substr(0, 2) == "B." ? 1 : 0), 0};
    h.set_name(v.rule);
    violations_.push_back(h);
  });
}

std::vector<Happening> Watcher::last(std::size_t most, const std::function<bool(const Happening&)>& wanted) const {
  std::vector<Happening> found;
  const std::uint64_t there = std::min<std::uint64_t>(written_, kKept);
  for (std::uint64_t back = 1; back <= there && found.size() < most; ++back) {
    const Happening& h = kept_[(written_ - back) % kKept];
    if (wanted(h)) {
      found.push_back(h);
    }
  }
  std::reverse(found.begin(), found.end());
  return found;
}

FnRef Watcher::function(std::uint8_t host, model::Rid rid) const {
  const std::uint32_t fn = static_cast<std::uint32_t>(rid) - base_rid_;
  return {host, static_cast<std::uint8_t>(std::min<std::uint32_t>(fn, VF_MAX_FUNCTIONS))};
}

Happening& Watcher::next(HappeningKind kind, Ps t, FnRef who, bool good) {
  ++count_;
  for (Happening& v : violations_) {
    kept_[written_++ % kKept] = v;
  }
  Happening& h = kept_[written_++ % kKept];
  h.kind = kind;
  h.t = t;
  h.who = who;
  h.good = good;
  h.has_target = false;
  h.a = h.b = h.c = h.d = 0;
  h.name[0] = 0;
  return h;
}

void Watcher::done(const Happening& h) {
  if (!violations_.empty()) {
    const std::vector<Happening> spoken = std::move(violations_);
    violations_.clear();
    for (const Happening& v : spoken) {
      listener_.happened(v, count_);
    }
  }
  listener_.happened(h, count_);
}

void Watcher::tlp(HappeningKind kind, Ps t, std::uint8_t host, const Tlp& tlp, bool good) {
  const bool sender_answers = kind == HappeningKind::tlp_sent && tlp.kind == model::TlpKind::completion;
  const bool inbound = kind == HappeningKind::tlp_received && tlp.kind != model::TlpKind::completion;
  Happening& h = next(kind, t, function(host, sender_answers || inbound ? tlp.completer : tlp.requester), good);
  h.tlp = tlp;
  done(h);
}

void Watcher::tlp_sent(Ps t, std::uint8_t host, const Tlp& tlp_view, const std::uint8_t* payload) {
  (void)payload;
  open_.sent(t, host, tlp_view);
  tlp(HappeningKind::tlp_sent, t, host, tlp_view, true);
}

void Watcher::tlp_landed(Ps t, std::uint8_t host, const Tlp& tlp_view, const std::uint8_t* payload, bool ok) {
  (void)payload;
  open_.landed(host, tlp_view);
  tlp(HappeningKind::tlp_landed, t, host, tlp_view, ok);
}

void Watcher::tlp_received(Ps t, std::uint8_t host, const Tlp& tlp_view) {
  open_.received(host, tlp_view);
  tlp(HappeningKind::tlp_received, t, host, tlp_view, true);
}

void Watcher::iommu_fault(Ps t, std::uint8_t host, model::Rid requester, std::uint64_t iova, bool write) {
  Happening& h = next(HappeningKind::iommu_fault, t, function(host, requester), write);
  h.a = iova;
  done(h);
}

void Watcher::msi(Ps t, FnRef who, std::uint32_t vector, model::MsiAction action) {
  Happening& h = next(HappeningKind::interrupt, t, who, action == model::MsiAction::delivered);
  h.a = vector;
  done(h);
}

void Watcher::access(Ps t, const model::AccessView& view) {
  Happening& h = next(HappeningKind::access, t, view.who, view.status == model::CplStatus::successful);
  h.a = view.offset;
  const bool little_endian = view.config || model::BarSpace::in_msix(view.offset);
  h.b = little_endian ? view.value : register_value(view);
  h.c = view.bytes;
  h.d = (view.write ? 1U : 0U) | (view.config ? 2U : 0U);
  done(h);
}

void Watcher::command(HappeningKind kind, Ps t, const model::CommandView& view) {
  const bool good = kind == HappeningKind::command_submitted ||
                    (view.delivery == VF_DELIVERY_OK && view.status == VF_STATUS_OK);
  Happening& h = next(kind, t, view.who, good);
  h.a = view.opcode;
  h.b = view.op_mod;
  h.c = view.slot;
  h.d = static_cast<std::uint64_t>(view.syndrome) << 32 | static_cast<std::uint32_t>(view.delivery) << 8 | view.status;
  h.set_name(command_name(view));
  if (about_a_vhca(view.opcode) && view.in_bytes >= VF_BYTES(suspend_vhca_in)) {
    // These five have their target at the same place.
    const auto vhca = static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id));
    h.has_target = rules_.view().function_of_vhca(view.who.host, vhca, h.target);
  }
  done(h);
}

void Watcher::command_submitted(Ps t, const model::CommandView& view) {
  command(HappeningKind::command_submitted, t, view);
}

void Watcher::command_completed(Ps t, const model::CommandView& view) {
  command(HappeningKind::command_completed, t, view);
}

void Watcher::frame_sent(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length) {
  (void)bytes;
  Happening& h = next(HappeningKind::frame_sent, t, who);
  h.a = length;
  done(h);
}

void Watcher::frame_discarded(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length) {
  (void)bytes;
  Happening& h = next(HappeningKind::frame_discarded, t, who, false);
  h.a = length;
  done(h);
}

void Watcher::frame_received(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length, model::FrameDrop drop) {
  (void)bytes;
  Happening& h = next(HappeningKind::frame_received, t, who, drop == model::FrameDrop::none);
  h.a = length;
  h.b = static_cast<std::uint64_t>(drop);
  done(h);
}

void Watcher::function_reset(Ps t, FnRef who) {
  open_.reset(who.host, static_cast<model::Rid>(base_rid_ + who.fn));
  done(next(HappeningKind::function_reset, t, who));
}

void Watcher::vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) {
  Happening& h = next(HappeningKind::arc, t, who, error == 0);
  h.a = from;
  h.b = to;
  h.c = static_cast<std::uint64_t>(error);
  done(h);
}

void Watcher::set_state_done(Ps t, FnRef who, std::uint32_t requested, std::uint32_t now, int error) {
  Happening& h = next(HappeningKind::set_state, t, who, error == 0);
  h.a = requested;
  h.b = now;
  h.c = static_cast<std::uint64_t>(error);
  done(h);
}

void Watcher::device_reset(Ps t, FnRef who, std::uint32_t now, int error) {
  Happening& h = next(HappeningKind::device_reset, t, who, error == 0);
  h.b = now;
  h.c = static_cast<std::uint64_t>(error);
  done(h);
}

void Watcher::stream(Ps t, const model::StreamView& view) {
  Happening& h = next(HappeningKind::stream, t, view.who, view.error == 0);
  h.a = view.descriptor;
  h.b = static_cast<std::uint64_t>(view.error) << 8 | static_cast<std::uint64_t>(view.op);
  h.c = view.count;
  h.d = view.asked;
  done(h);
}

void Watcher::precopy_info(Ps t, const model::PrecopyView& view) {
  Happening& h = next(HappeningKind::precopy_info, t, view.who, view.error == 0);
  h.a = static_cast<std::uint64_t>(view.error);
  h.b = view.initial_bytes;
  h.c = view.dirty_bytes;
  done(h);
}

void Watcher::migration(Ps t, const model::MigrationView& view) {
  Happening& h = next(HappeningKind::migration, t, {view.from, 0}, view.begin);
  h.a = view.guest;
  h.b = view.from;
  h.c = view.to;
  h.set_name(view.begin ? "" : view.outcome);
  done(h);
}

void Watcher::dirty_report(Ps t, FnRef who, const std::uint64_t* pages, std::size_t count) {
  (void)pages;
  Happening& h = next(HappeningKind::dirty_report, t, who);
  h.a = count;
  done(h);
}

void Watcher::dirty_tracking(Ps t, FnRef who, bool on) { done(next(HappeningKind::dirty_tracking, t, who, on)); }

void Watcher::vcpu(Ps t, std::uint32_t guest, bool running, std::uint8_t host) {
  Happening& h = next(HappeningKind::vcpus, t, {host, 0}, running);
  h.a = guest;
  h.b = host;
  done(h);
}

void Watcher::phase(Ps t, std::uint32_t guest, const char* name, bool begin) {
  Happening& h = next(HappeningKind::phase, t, {}, begin);
  h.a = guest;
  h.set_name(name);
  done(h);
}

}  // namespace vfsim::bench
