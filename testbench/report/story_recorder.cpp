#include "testbench/report/story_recorder.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "firmware/interface/tables.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Probe;
using model::Ps;

bool about_a_vhca(std::uint16_t opcode) {
  return opcode == VF_OP_SUSPEND_VHCA || opcode == VF_OP_RESUME_VHCA ||
         opcode == VF_OP_QUERY_VHCA_MIGRATION_STATE || opcode == VF_OP_SAVE_VHCA_STATE ||
         opcode == VF_OP_LOAD_VHCA_STATE;
}

/// These five have their target at the same place.
std::uint32_t vhca_of(const model::CommandView& view) {
  return static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id));
}

std::string half_name(const model::CommandView& view) {
  switch (view.opcode) {
    case VF_OP_SUSPEND_VHCA:
      return " " + std::string(contract::enum_name("SUSPEND", view.op_mod));
    case VF_OP_RESUME_VHCA:
      return " " + std::string(contract::enum_name("RESUME", view.op_mod));
    default:
      return "";
  }
}

std::string state_name(std::uint32_t state) {
  return std::string(contract::enum_name("MIG", state));
}

std::string error_text(int error) {
  return error == 0 ? "" : fmt::format("errno {}", error);
}

}  // namespace

StoryRecorder::StoryRecorder(model::ProbeBus& bus, RuleSet& rules, const EventLog& events,
                             model::Rid base_rid)
    : rules_(rules), events_(events), base_rid_(base_rid) {
  bus.subscribe(*this, {Probe::tlp_sent, Probe::tlp_landed, Probe::tlp_received, Probe::command,
                        Probe::function_reset, Probe::driver});
  rules.on_violation([this](const Violation& violation) { violated(violation); });
}

Story StoryRecorder::finish() {
  collect(true);
  return std::move(story_);
}

// ---- DMA -----------------------------------------------------------------------------------

void StoryRecorder::tlp_sent(Ps t, std::uint8_t host, const model::Tlp& tlp,
                             const std::uint8_t* payload) {
  (void)payload;
  tlps_ += tlp.kind != model::TlpKind::completion && tlp.requester > base_rid_ ? 1 : 0;
  look(t, host, tlp);
}

void StoryRecorder::tlp_landed(Ps t, std::uint8_t host, const model::Tlp& tlp,
                               const std::uint8_t* payload, bool ok) {
  (void)payload, (void)ok;
  look(t, host, tlp);
}

void StoryRecorder::tlp_received(Ps t, std::uint8_t host, const model::Tlp& tlp) {
  look(t, host, tlp);
}

void StoryRecorder::look(Ps t, std::uint8_t host, const model::Tlp& tlp) {
  const std::uint32_t fn = static_cast<std::uint32_t>(tlp.requester) - base_rid_;
  if (fn != 0 && fn < VF_MAX_FUNCTIONS) {
    sample(t, {host, static_cast<std::uint8_t>(fn)});
  }
  collect(false);
}

StoryRecorder::Function& StoryRecorder::function(FnRef who) {
  return functions_[{who.host, who.fn}];
}

void StoryRecorder::sample(Ps t, FnRef who) {
  Function& f = function(who);
  FunctionView& view = rules_.view();
  const DmaSample now{t, view.outstanding_reads(who, t),
                      static_cast<std::uint32_t>(view.writes_in_flight(who))};
  if (!f.recent.empty() && f.recent.back().reads == now.reads &&
      f.recent.back().writes == now.writes) {
    return;
  }
  // The newest sample older than kBefore stays: it is the level at the left edge.
  while (f.recent.size() > 1 && (f.recent[1].t + kBefore < t || f.recent.size() >= kSamples / 2)) {
    f.recent.pop_front();
  }
  f.recent.push_back(now);
  if (f.drain == kNone) {
    return;
  }
  Drain& drain = story_.drains[f.drain];
  if (drain.answered != 0 && t > drain.answered + kAfter) {
    stop_sampling(f);
  } else if (drain.samples.size() < kSamples) {
    drain.samples.push_back(now);
  } else {
    ++drain.dropped;
  }
}

void StoryRecorder::begin_drain(Ps t, FnRef who) {
  if (story_.drains.size() == kDrains) {
    ++story_.drains_left_out;
    return;
  }
  Function& f = function(who);
  Drain drain;
  drain.who = who;
  drain.asked = t;
  drain.samples.assign(f.recent.begin(), f.recent.end());
  f.drain = story_.drains.size();
  story_.drains.push_back(std::move(drain));
}

void StoryRecorder::end_drain(Ps t, FnRef who, bool refused) {
  Function& f = function(who);
  if (f.drain != kNone) {
    story_.drains[f.drain].answered = t;
    story_.drains[f.drain].refused = refused;
  }
}

// ---- commands --------------------------------------------------------------------------------

bool StoryRecorder::suspended_vf(const model::CommandView& view, FnRef& who) const {
  return view.opcode == VF_OP_SUSPEND_VHCA && view.op_mod == VF_SUSPEND_INITIATOR &&
         view.in_bytes >= VF_BYTES(suspend_vhca_in) &&
         rules_.view().function_of_vhca(view.who.host, vhca_of(view), who);
}

void StoryRecorder::command_submitted(Ps t, const model::CommandView& view) {
  const auto key = std::pair{static_cast<std::uint16_t>(function_index(view.who)), view.slot};
  FnRef target;
  if (suspended_vf(view, target)) {
    begin_drain(t, target);
    suspends_[key] = target;
  }
  StoryStep* step = add(StoryKind::command, t, view.who,
                        std::string(contract::opcode_name(view.opcode)) + half_name(view));
  if (step == nullptr) {
    return;
  }
  commands_[key] = static_cast<std::size_t>(step - story_.steps.data());
  if (about_a_vhca(view.opcode) && view.in_bytes >= VF_BYTES(suspend_vhca_in) &&
      rules_.view().function_of_vhca(view.who.host, vhca_of(view), target)) {
    step->detail = function_name(target);
  }
}

void StoryRecorder::command_completed(Ps t, const model::CommandView& view) {
  const auto key = std::pair{static_cast<std::uint16_t>(function_index(view.who)), view.slot};
  const bool good = view.delivery == VF_DELIVERY_OK && view.status == VF_STATUS_OK;
  if (const auto suspend = suspends_.find(key); suspend != suspends_.end()) {
    end_drain(t, suspend->second, !good);
    suspends_.erase(suspend);
  }
  const auto found = commands_.find(key);
  if (found == commands_.end()) {
    return;
  }
  StoryStep& step = story_.steps[found->second];
  commands_.erase(found);
  step.end = t;
  step.failed = !good;
  if (!good) {
    step.detail += fmt::format("{}{}, syndrome {:#x}", step.detail.empty() ? "" : ": ",
                               contract::enum_name("STATUS", view.status), view.syndrome);
  }
}

// ---- driver, VMM -----------------------------------------------------------------------------

StoryStep* StoryRecorder::add(StoryKind kind, Ps t, FnRef who, std::string text) {
  if (migrations_ == 0) {
    return nullptr;
  }
  if (story_.steps.size() == kSteps) {
    ++story_.steps_left_out;
    return nullptr;
  }
  StoryStep step;
  step.kind = kind;
  step.t = t;
  step.end = t;
  step.who = who;
  step.text = std::move(text);
  step.tlps = std::exchange(tlps_, 0);
  if (kind == StoryKind::command) {
    step.end = 0;
  }
  story_.steps.push_back(std::move(step));
  return &story_.steps.back();
}

void StoryRecorder::function_reset(Ps t, FnRef who) {
  add(StoryKind::reset, t, who, "reset");
}

void StoryRecorder::vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) {
  if (StoryStep* step = add(StoryKind::arc, t, who, state_name(to)); step != nullptr) {
    step->failed = error != 0;
    step->detail = "from " + state_name(from) + (error != 0 ? ": " + error_text(error) : "");
  }
}

void StoryRecorder::set_state_done(Ps t, FnRef who, std::uint32_t requested, std::uint32_t now,
                                   int error) {
  if (StoryStep* step = add(StoryKind::set_state, t, who, state_name(requested)); step != nullptr) {
    step->failed = error != 0;
    step->detail = error != 0 ? error_text(error) + ", is " + state_name(now) : "";
  }
}

void StoryRecorder::stream(Ps t, const model::StreamView& view) {
  if (view.op != model::StreamOp::read && view.op != model::StreamOp::write) {
    return;
  }
  const char* what = view.op == model::StreamOp::read ? "read" : "write";
  if (!story_.steps.empty() && migrations_ != 0) {
    StoryStep& last = story_.steps.back();
    if (last.kind == StoryKind::stream && last.text == what && last.who.host == view.who.host &&
        last.who.fn == view.who.fn && !last.failed && view.error == 0) {
      last.end = t;
      last.detail = fmt::format("{} B", std::stoull(last.detail) + view.count);
      return;
    }
  }
  if (StoryStep* step = add(StoryKind::stream, t, view.who, what); step != nullptr) {
    step->failed = view.error != 0;
    step->detail = view.error != 0 ? error_text(view.error) : fmt::format("{} B", view.count);
  }
}

void StoryRecorder::migration(Ps t, const model::MigrationView& view) {
  migrations_ += view.begin ? 1 : 0;
  const std::string way =
      fmt::format("{} -> {}", static_cast<char>('A' + view.from), static_cast<char>('A' + view.to));
  if (StoryStep* step =
          add(StoryKind::phase, t, {view.from, 0},
              view.begin ? "migration " + way : std::string("migration ") + view.outcome);
      step != nullptr) {
    step->guest = view.guest;
    step->detail = fmt::format("guest {}", view.guest);
  }
  migrations_ -= !view.begin && migrations_ != 0 ? 1 : 0;
}

void StoryRecorder::vcpu(Ps t, std::uint32_t guest, bool running, std::uint8_t host) {
  if (StoryStep* step = add(StoryKind::vcpu, t, {host, 0}, running ? "vCPUs run" : "vCPUs stop");
      step != nullptr) {
    step->guest = guest;
    step->detail = fmt::format("guest {} on {}", guest, static_cast<char>('A' + host));
  }
}

void StoryRecorder::phase(Ps t, std::uint32_t guest, const char* name, bool begin) {
  if (!begin) {
    return;
  }
  if (StoryStep* step = add(StoryKind::phase, t, {}, name); step != nullptr) {
    step->guest = guest;
    step->detail = fmt::format("guest {}", guest);
  }
}

// ---- violations ------------------------------------------------------------------------------

// The rules hear of an observation before the log writes it: the record that made a rule speak is
// the next one.
void StoryRecorder::violated(const Violation& violation) {
  if (story_.violations.size() < kViolations) {
    pending_.push_back({events_.records(), story_.violations.size()});
    story_.violations.emplace_back();
    story_.violations.back().observed = violation.observed;
    story_.violations.back().blame = violation.blame;
  }
}

/// Takes the surroundings of violations whose surroundings are complete, or of all.
void StoryRecorder::collect(bool all) {
  while (!pending_.empty() && (all || events_.records() >= pending_.front().at + kEventsAfter)) {
    const Pending pending = pending_.front();
    pending_.erase(pending_.begin());
    StoryViolation& violation = story_.violations[pending.violation];
    const std::uint64_t behind = events_.records() - pending.at;
    violation.events = events_.last(kEventsBefore + behind);
    violation.at = pending.at;
    violation.first = events_.records() - violation.events.size();
    if (violation.events.size() > kEventsBefore + kEventsAfter) {
      violation.events.resize(kEventsBefore + kEventsAfter);
    }
  }
}

}  // namespace vfsim::bench
