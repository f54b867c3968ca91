#include "testbench/coverage/collector.hpp"

#include <utility>

#include "firmware/core/image.h"
#include "firmware/interface/tables.hpp"

namespace vfsim::bench {

using driver::MigState;
using model::FnRef;
using model::Ps;

namespace {

bool ok(const model::CommandView& view) {
  return view.delivery == 0 && view.status == 0;
}

/// Names of the records of a whole image; nothing for a later part of one.
std::set<std::string> records_of(const ImageView& image) {
  std::set<std::string> names;
  if (image.count < VF_BYTES(image_header) ||
      VF_GET(image_header, image.bytes, magic) != FW_IMAGE_MAGIC) {
    return names;
  }
  std::size_t at = VF_BYTES(image_header);
  while (at + VF_BYTES(image_record) <= image.count) {
    const std::uint8_t* head = image.bytes + at;
    for (const contract::ImageRow& row : contract::kImageRecords) {
      if (row.type == VF_GET(image_record, head, type)) {
        names.insert(std::string(row.name));
      }
    }
    at += VF_BYTES(image_record) + static_cast<std::size_t>(VF_GET(image_record, head, bytes));
  }
  return names;
}

}  // namespace

CoverageCollector::CoverageCollector(const CheckContext& context, RuleSet& rules,
                                     model::ProbeBus& bus)
    : context_(context), rules_(rules), functions_(kFunctionIndices) {
  rules.view().add_listener(*this);
  bus.subscribe(*this, {model::Probe::command, model::Probe::driver, model::Probe::function_reset});
}

std::vector<CoverageHit> CoverageCollector::hits() const {
  std::vector<CoverageHit> all;
  for (std::size_t group = 0; group < counts_.size(); ++group) {
    for (const auto& [bin, count] : counts_[group]) {
      all.push_back({std::string(group_name(static_cast<CoverGroup>(group))), bin, count});
    }
  }
  for (const RuleResult& rule : rules_.results()) {
    if (rule.evaluations != 0) {
      all.push_back({std::string(group_name(CoverGroup::rules)), rule.info->id, rule.evaluations});
    }
  }
  return all;
}

InFlight CoverageCollector::sample(Ps t, FnRef who) const {
  const FunctionView& view = rules_.view();
  return in_flight(view.outstanding_reads(who, t), view.writes_in_flight(who),
                   view.peer_writes_in_flight(who));
}

// ---- commands

Stopped CoverageCollector::Function::stopped() const {
  return responder_stopped   ? Stopped::both
         : initiator_stopped ? Stopped::initiator
                             : Stopped::running;
}

void CoverageCollector::Function::obey(const model::CommandView& view) {
  if (view.opcode == VF_OP_SUSPEND_VHCA) {
    (view.op_mod == VF_SUSPEND_INITIATOR ? initiator_stopped : responder_stopped) = true;
  } else if (view.opcode == VF_OP_RESUME_VHCA) {
    (view.op_mod == VF_RESUME_INITIATOR ? initiator_stopped : responder_stopped) = false;
  }
}

bool CoverageCollector::target(const model::CommandView& view, FnRef& who) const {
  std::uint64_t vhca = 0;
  switch (view.opcode) {
    case VF_OP_SUSPEND_VHCA:
      vhca = VF_GET(suspend_vhca_in, view.in, vhca_id);
      break;
    case VF_OP_RESUME_VHCA:
      vhca = VF_GET(resume_vhca_in, view.in, vhca_id);
      break;
    case VF_OP_QUERY_VHCA_MIGRATION_STATE:
      vhca = VF_GET(query_vhca_migration_state_in, view.in, vhca_id);
      break;
    case VF_OP_SAVE_VHCA_STATE:
      vhca = VF_GET(save_vhca_state_in, view.in, vhca_id);
      break;
    case VF_OP_LOAD_VHCA_STATE:
      vhca = VF_GET(load_vhca_state_in, view.in, vhca_id);
      break;
    default:
      return false;
  }
  return rules_.view().function_of_vhca(view.who.host, static_cast<std::uint32_t>(vhca), who);
}

void CoverageCollector::command_submitted(Ps t, const model::CommandView& view) {
  if (!is_nic(context_, view.who) || view.slot >= CommandMonitor::kSlots) {
    return;
  }
  Slot& slot = at(view.who).slots[view.slot];
  slot = Slot{};
  slot.active = true;
  slot.held = rules_.view().run(view.who).initiator_stopped;
  slot.targeted = view.in_bytes >= VF_BYTES(suspend_vhca_in) && target(view, slot.target);
  if (slot.targeted) {
    slot.before = at(slot.target).stopped();
    begin_for(t, view, slot.target);
  }
}

/// The first command about a function since its last arc begins the next one.
void CoverageCollector::begin_for(Ps t, const model::CommandView& view, FnRef who) {
  Function& function = at(who);
  const bool quiesce = view.opcode == VF_OP_SUSPEND_VHCA && view.op_mod == VF_SUSPEND_INITIATOR;
  if (!std::exchange(function.sampled, true) || quiesce) {
    function.flight = sample(t, who);
  }
  if (quiesce) {
    function.quiesce = function.flight;
  }
}

void CoverageCollector::command_completed(Ps t, const model::CommandView& view) {
  (void)t;
  if (!is_nic(context_, view.who) || view.slot >= CommandMonitor::kSlots) {
    return;
  }
  Slot& slot = at(view.who).slots[view.slot];
  const Issuer by = view.who.fn == 0 ? Issuer::pf : slot.held ? Issuer::vf_held : Issuer::vf;
  hit(CoverGroup::commands, command_bin(view.opcode, by, ok(view)));
  if (slot.targeted) {
    if (ok(view)) {
      at(slot.target).obey(view);
    }
    hit(CoverGroup::vhca, vhca_bin(view.opcode, view.op_mod, slot.before, ok(view)));
  }
  slot = Slot{};
}

// ---- arcs and migrations

void CoverageCollector::vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to,
                                   int error) {
  if (!is_nic(context_, who)) {
    return;
  }
  Function& function = at(who);
  const InFlight flight = function.sampled ? function.flight : sample(t, who);
  function.sampled = false;
  const auto a = static_cast<MigState>(from);
  const auto b = static_cast<MigState>(to);
  if (error == 0) {
    hit(CoverGroup::arcs, arc_bin(a, b, flight, static_cast<std::uint32_t>(guests_.size())));
  } else {
    hit(CoverGroup::failed_arcs, arc_bin(a, b));
  }
}

void CoverageCollector::function_reset(Ps t, FnRef who) {
  (void)t;
  if (is_nic(context_, who)) {
    at(who).sampled = false;
    at(who).initiator_stopped = false;
    at(who).responder_stopped = false;
  }
}

void CoverageCollector::assigned(Ps t, std::uint32_t guest, FnRef who) {
  (void)t;
  guests_.insert(guest);
  if (is_nic(context_, who)) {
    sources_.emplace(guest * kHosts + who.host, who);
  }
}

void CoverageCollector::migration(Ps t, const model::MigrationView& view) {
  (void)t;
  const auto source = sources_.find(view.guest * kHosts + view.from);
  if (source == sources_.end()) {
    return;
  }
  Function& function = at(source->second);
  if (view.begin) {
    function.quiesce = InFlight::none;
  } else {
    hit(CoverGroup::outcomes, outcome_bin(view.outcome, function.quiesce));
  }
}

void CoverageCollector::quiesced(Ps t, FnRef who, Half half) {
  (void)t;
  if (half == Half::initiator) {
    for (Slot& slot : at(who).slots) {
      slot.held = slot.active;
    }
  }
}

// ---- images

void CoverageCollector::image_saved(Ps t, FnRef who, const ImageView& image) {
  (void)t;
  std::set<std::string> records = records_of(image);
  for (const std::string& record : records) {
    hit(CoverGroup::records, record_bin(record, false));
  }
  at(who).records.insert(records.begin(), records.end());
}

void CoverageCollector::image_loaded(Ps t, FnRef from, FnRef to) {
  (void)t;
  for (const std::string& record : at(from).records) {
    hit(CoverGroup::records, record_bin(record, true));
  }
  at(to).slots = at(from).slots;  // commands under way travel with their function
}

}  // namespace vfsim::bench
