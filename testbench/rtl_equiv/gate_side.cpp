#include "testbench/rtl_equiv/gate_side.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>

namespace vfsim::bench {

using model::GatePosted;
using model::Ps;
using Action = GateStimulus::Action;

namespace {
constexpr auto kStreams = static_cast<std::uint32_t>(GateStream::count);
}  // namespace

std::vector<std::string> gate_streams() {
  std::vector<std::string> names;
  for (std::uint32_t fn = 0; fn < model::kNicFunctions; ++fn) {
    for (const char* stream : {"reads", "posted", "gate", "expired"}) {
      names.push_back(fmt::format("fn {} {}", fn, stream));
    }
  }
  return names;
}

GateSide::GateSide(Side side, model::NicCore& core, const GateStimulus& stimulus,
                   Histories& histories)
    : side_(side),
      core_(core),
      stimulus_(stimulus),
      histories_(histories),
      functions_(stimulus.functions.size()),
      tags_(core.params.dma_tags) {
  core.port = this;
}

void GateSide::start(model::DmaGate& gate) {
  gate_ = &gate;
  gate.set_client(*this);
  gate.set_listener(*this);
  start_ = core_.now();
  arm();
}

bool GateSide::ended() const {
  if (!endings_.empty()) {
    return false;
  }
  for (std::size_t fn = 0; fn < functions_.size(); ++fn) {
    const Function& f = functions_[fn];
    if (f.reads_asked != stimulus_.functions[fn].reads.size() ||
        f.posted_asked != stimulus_.functions[fn].posted.size() || f.outstanding != 0) {
      return false;
    }
  }
  return true;
}

bool GateSide::has_requests(std::uint32_t fn) const {
  const Function& f = functions_[fn];
  return f.next_read != f.reads_asked || f.next_posted != f.posted_asked;
}

void GateSide::finish() {
  for (std::uint32_t fn = 0; fn < functions_.size(); ++fn) {
    record(GateStream::expired, fn,
           fmt::format("expired reads: {}", fmt::join(functions_[fn].expired, " ")));
  }
}

void GateSide::record(GateStream stream, std::uint32_t fn, const std::string& what) {
  histories_.record(side_, core_.now(), fn * kStreams + static_cast<std::uint32_t>(stream), what);
}

void GateSide::check(bool holds, std::uint32_t fn, const char* rule) {
  if (!holds && wrong_.empty()) {
    wrong_ = fmt::format("{} gate at {} ps, function {}: {}", side_ == Side::tlm ? "TLM" : "RTL",
                         core_.now(), fn, rule);
  }
}

/// Everything that is due, and the timer for the next.
void GateSide::step() {
  while (!endings_.empty() && endings_.front().at <= core_.now()) {
    std::pop_heap(endings_.begin(), endings_.end(), std::greater<>());
    const Ending ending = endings_.back();
    endings_.pop_back();
    end(ending);
  }
  for (std::uint32_t fn = 0; fn < functions_.size(); ++fn) {
    ask(fn);
  }
  arm();
}

/// Requests that have come up. Below a closing gate no new work starts, as in the queues of the
/// NIC; what comes up at a quiet one is held by the gate, messages apart.
void GateSide::ask(std::uint32_t fn) {
  Function& f = functions_[fn];
  const GateStimulus::Function& s = stimulus_.functions[fn];
  const Ps now = core_.now() - start_;
  const bool had_read = f.reads_asked != f.next_read;
  const GatePosted had_posted = head(fn);
  const bool starts = !f.closed || f.working || f.quiet;
  while (f.next_read < s.reads.size() && s.reads[f.next_read].at <= now && starts) {
    ++f.next_read;
  }
  while (f.next_posted < s.posted.size() && s.posted[f.next_posted].at <= now && starts) {
    ++f.next_posted;
  }
  if (!had_read && f.reads_asked != f.next_read) {
    gate_->request_read(fn, true);
  }
  if (head(fn) != had_posted) {
    gate_->request_posted(fn, head(fn));
  }
}

GatePosted GateSide::head(std::uint32_t fn) const {
  const Function& f = functions_[fn];
  return f.posted_asked == f.next_posted ? GatePosted::none
                                         : stimulus_.functions[fn].posted[f.posted_asked].kind;
}

void GateSide::arm() {
  Ps next = model::kNever;
  const auto consider = [&](Ps at) {
    at += start_;
    next = at > core_.now() ? std::min(next, at) : next;
  };
  for (std::size_t fn = 0; fn < functions_.size(); ++fn) {
    const GateStimulus::Function& s = stimulus_.functions[fn];
    if (functions_[fn].next_read < s.reads.size()) {
      consider(s.reads[functions_[fn].next_read].at);
    }
    if (functions_[fn].next_posted < s.posted.size()) {
      consider(s.posted[functions_[fn].next_posted].at);
    }
  }
  next = endings_.empty() ? next : std::min(next, endings_.front().at);
  core_.calendar.arm_earlier(timer_, next);
}

void GateSide::act(const GateStimulus::Event& event) {
  Function& f = functions_[event.fn];
  switch (event.action) {
    case Action::close:
      f.closed = f.working = true;
      gate_->quiesce(event.fn, true);
      break;
    case Action::work_ends:
      ask(event.fn);
      f.working = false;
      gate_->work_ended(event.fn);
      break;
    case Action::open:
      f.closed = f.working = f.quiet = false;
      gate_->quiesce(event.fn, false);
      break;
    case Action::reset:
      reset(event.fn);
      break;
    case Action::link_stops:
      link_ = false;
      break;
    case Action::link_goes:
      link_ = true;
      if (starved_) {
        starved_ = false;
        gate_->link_ready();
      }
      break;
  }
  ask(event.fn);
  arm();
}

void GateSide::reset(std::uint32_t fn) {
  Function& f = functions_[fn];
  record(GateStream::gate, fn, fmt::format("reset with {} reads so far", f.reads_asked));
  for (Tag& tag : tags_) {
    tag.live = tag.live && tag.fn != fn;
  }
  f.closed = f.working = f.quiet = false;
  f.outstanding = 0;
  ++f.epoch;
  gate_->reset(fn);
}

bool GateSide::can_send(model::TlpKind, std::uint32_t) {
  starved_ = starved_ || !link_;
  return link_;
}

bool GateSide::read_granted(std::uint32_t fn, std::uint16_t tag) {
  Function& f = functions_[fn];
  const std::size_t number = f.reads_asked++;
  const model::TagShare share = model::tag_share(core_.params);
  check(!f.quiet, fn, "a read of a quiet function");
  check(link_, fn, "a read without credits");
  check(tag < tags_.size() && !tags_[tag].live, fn, "a tag twice");
  check(tag >= share.own || tag == fn, fn, "the own tag of another");
  tags_[tag] = {static_cast<std::uint8_t>(fn), number, true};
  ++f.outstanding;
  record(GateStream::reads, fn, fmt::format("read {}", number));
  const Ps takes = stimulus_.functions[fn].reads[number].takes;
  if (takes != GateStimulus::kLost) {
    endings_.push_back({core_.now() + takes, static_cast<std::uint8_t>(fn), tag, f.epoch, true});
    std::push_heap(endings_.begin(), endings_.end(), std::greater<>());
    arm();
  }
  return f.reads_asked != f.next_read;
}

GatePosted GateSide::posted_granted(std::uint32_t fn, GatePosted kind) {
  Function& f = functions_[fn];
  const std::size_t number = f.posted_asked;
  check(kind == head(fn), fn, "a grant of what is not at the head");
  check(!f.quiet || kind == GatePosted::message, fn, "data of a quiet function");
  check(link_, fn, "a posted request without credits");
  ++f.posted_asked;
  ++f.in_flight;
  record(GateStream::posted, fn,
         fmt::format("{} {}", kind == GatePosted::message ? "message" : "write", number));
  endings_.push_back({core_.now() + stimulus_.functions[fn].posted[number].takes,
                      static_cast<std::uint8_t>(fn), 0, f.epoch, false});
  std::push_heap(endings_.begin(), endings_.end(), std::greater<>());
  arm();
  return head(fn);
}

void GateSide::end(const Ending& ending) {
  Function& f = functions_[ending.fn];
  if (!ending.read) {
    --f.in_flight;
    gate_->landed(ending.fn);
    return;
  }
  Tag& tag = tags_[ending.tag];
  if (tag.live && tag.fn == ending.fn && f.epoch == ending.epoch) {
    tag.live = false;
    --f.outstanding;
  }
  gate_->completed(ending.tag);  // late where it has expired or was reset
}

void GateSide::read_expired(std::uint16_t number) {
  Tag& tag = tags_[number];
  check(tag.live, tag.fn, "a tag expires that is not live");
  tag.live = false;
  --functions_[tag.fn].outstanding;
  functions_[tag.fn].expired.insert(tag.read);
}

void GateSide::quiet(std::uint32_t fn) {
  Function& f = functions_[fn];
  check(f.closed && !f.working, fn, "an acknowledgement that was not to be given yet");
  check(f.outstanding == 0 && f.in_flight == 0, fn, "an acknowledgement before the last has ended");
  f.quiet = true;
  record(GateStream::gate, fn,
         fmt::format("quiet behind read {} and posted request {}", f.reads_asked, f.posted_asked));
  core_.calendar.arm_earlier(timer_, core_.now());  // what came up meanwhile
}

void GateSide::drained(std::uint32_t fn) {
  check(functions_[fn].quiet && functions_[fn].in_flight == 0, fn, "drained, but it is not");
}

}  // namespace vfsim::bench
