// Q8: a quiesce of one VF changes nothing for its siblings: no lost work, no reordering,
// throughput.
#include <algorithm>
#include <array>
#include <deque>
#include <fmt/format.h>
#include <map>
#include <utility>
#include <vector>

#include "systemc/nic/dma_gate.hpp"
#include "testbench/checkers/doorbell_halves.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

constexpr std::uint64_t kLeastWork = 20;     // of a window for which 5 % say something
constexpr std::uint64_t kShare = 20;         // 5 %
constexpr std::uint64_t kLeastBacklog = 50;  // frames from which a rate under backlog is known
constexpr std::uint32_t kDoorbell = 8;       // bytes
constexpr std::uint32_t kBatch = 16;         // send entries that are fetched at a time
constexpr Ps kSlack = 2 * model::kUs;
constexpr Ps kIdle = model::kMs;  // a pause that long is none of the device's
constexpr std::uint32_t kUnassigned = 1U << 31;  // the first number of a guest that no VMM knows

/// Time that one frame takes of a machine in which others wait behind it: what it uses of reads,
/// credits, contexts, link and port, one after the other, and once more: functions are served in
/// turn, so that what others post later may go first. An idle machine overlaps most of it.
Ps frame_cost(const CheckContext& context, std::uint64_t bytes) {
  const model::PcieParams& p = context.pcie;
  const model::NicParams& n = context.nic;
  constexpr std::uint64_t kEntry = 64;  // of a send queue; completion and event are as large
  const std::uint64_t trip_ns = 2ULL * p.latency_ns + p.memory_ns;
  const std::uint64_t reads = 2 + (bytes + p.max_read_request - 1) / p.max_read_request;
  const std::uint64_t writes = 2 + (bytes + p.max_payload - 1) / p.max_payload;
  const std::uint64_t units = (bytes + 2 * kEntry) / 16 + reads + writes;  // of data credits
  const std::uint64_t lane_mbytes = 250ULL << (p.generation - 1);
  std::uint64_t ps = 0;
  const auto trips = [&](std::uint64_t used, std::uint64_t at_a_time) {
    ps += used * trip_ns * model::kNs / std::max<std::uint64_t>(at_a_time, 1);
  };
  trips(reads, std::min(model::tag_share(n).of_one(), p.nonposted_headers));
  trips(writes, p.posted_headers);
  trips(units, p.posted_data);
  trips(units, p.completion_data);
  trips(2, std::min(n.tx_contexts, n.rx_contexts));
  ps += 2 * (bytes + kEntry) * 1000 * model::kNs / (lane_mbytes * p.lanes);  // with TLP headers
  ps += (bytes + 24) * 8 * model::kNs / n.link_gbps + n.wqe_ns * model::kNs;
  return 2 * ps;
}

/// Frames that a function sends for its doorbells.
struct Sending {
  std::map<std::uint32_t, std::uint16_t> position;  // by send queue: entries rung for
  std::uint64_t posted = 0;
  std::uint64_t sent = 0;
  std::deque<std::array<std::uint64_t, 2>> recent;  // (time, posted): not yet due
  std::uint64_t due = 0;                            // posted long enough ago
  std::uint64_t usual = 0;                          // most that was overdue while nobody migrated
  bool uncounted = false;                           // entries and frames are not one to one
  Ps last_sent = 0;
  Ps overdue_since = 0;
  // While nobody migrated and the function was busy.
  Ps calm_last = 0;
  Ps calm_time = 0;
  std::uint64_t calm_frames = 0;
  // While frames were overdue and nobody migrated: what the device achieves then.
  Ps backlog_since = 0;
  std::uint64_t backlog_from = 0;
  Ps backlog_time = 0;
  std::uint64_t backlog_frames = 0;
};

/// One sibling in one window.
struct Track {
  Ps since = 0;           // begin of the window
  bool left_out = false;  // quiesced, reset or set up anew meanwhile
  std::uint64_t posted = 0, sent = 0, overdue = 0;
  bool behind = false;  // something was overdue when the window opened
  Ps gap = 0;           // longest time without a frame while some were overdue
  std::uint64_t accepted = 0, delivered = 0, undelivered = 0;  // frames from the wire
};

struct Window {
  std::uint32_t guest = 0;
  bool whole = false;  // migration; false: from the quiesce to the resume
  std::uint8_t host = 0;
  Ps since = 0;
  std::uint64_t frames = 0;                 // of the host at its begin
  std::map<std::uint32_t, Track> siblings;  // by function index
};

/// A window that has ended and showed too little work done, to be compared at the end of the run.
struct Suspect {
  Ps time = 0;
  FnRef who;
  std::uint64_t offered = 0, overdue = 0, sent = 0;
  bool behind = false;
  Ps gap = 0;
  Ps length = 0;
  Ps round = 0;  // in which the device serves all functions' batches once
  bool overloaded = false;
};

/// A window is the time from the SUSPEND of a VF to its resume on either host, and that of a whole
/// migration. Functions that no VMM assigns to a guest are guests of their own, which go where their
/// image is loaded; nobody tells of their migrations, and each of their quiesces is a window.
/// Siblings are the other VFs of the host. Send work: entries rung for, against frames
/// that left; what was rung for more than one service time ago is due. Receive work: frames that
/// the port accepted, against completions in memory, up to what the device has contexts for.
/// Nothing is expected of a function whose reads the host does not answer. A device that is
/// overloaded all the time is compared with what it achieves under backlog while nobody migrates.
class Q8 final : public Rule {
 public:
  explicit Q8(const RuleInputs& inputs)
      : context_(inputs.context),
        view_(inputs.view),
        sending_(kFunctionIndices),
        guest_(kFunctionIndices),
        gate_(kFunctionIndices),
        watched_(kFunctionIndices),
        last_(kFunctionIndices) {
    std::generate(guest_.begin(), guest_.end(), [this] { return next_unassigned_++; });
    const auto& pcie = context_.pcie;
    const Ps trip = (2 * pcie.latency_ns + pcie.memory_ns) * model::kNs;
    cost_ = frame_cost(context_, context_.nic.mtu);
    host_slow_ = 4 * trip + kSlack;
    service_ =
        2 * (4 * trip + (context_.nic.doorbell_ns + context_.nic.wqe_ns) * model::kNs) + kSlack;
  }

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::access, model::Probe::frame, model::Probe::command,
                          model::Probe::driver, model::Probe::function_reset});
    view_.quiet().subscribe(*this, {model::Probe::tlp_landed});
    view_.peers().subscribe(*this, {model::Probe::tlp_landed});
  }

  // ---- windows

  void assigned(Ps t, std::uint32_t guest, FnRef who) override {
    (void)t;
    if (is_nic(context_, who)) {
      guest_[function_index(who)] = guest;
    }
  }

  void migration(Ps t, const model::MigrationView& view) override {
    if (view.begin) {
      for (const std::uint8_t host : {view.from, view.to}) {
        open(t, view.guest, host, true);
      }
    } else {
      close(t, view.guest, true);
      close(t, view.guest, false);
    }
  }

  void command_submitted(Ps t, const model::CommandView& command) override {
    FnRef who;
    if (command.opcode == VF_OP_SUSPEND_VHCA && command.op_mod == VF_SUSPEND_INITIATOR &&
        command.who.fn == 0 && target(command, who)) {
      gate_[function_index(who)] = true;
      leave_out(who);
      if (moving(who) || unassigned(who)) {
        open(t, guest_[function_index(who)], who.host, false);
      }
    }
  }

  void command_completed(Ps t, const model::CommandView& command) override {
    (void)t;
    FnRef who;
    switch (command.opcode) {
      case VF_OP_SUSPEND_VHCA:
        if (command.who.fn == 0 && command.status != VF_STATUS_OK && target(command, who)) {
          gate_[function_index(who)] = view_.run(who).initiator_stopped;
        }
        break;
      case VF_OP_CREATE_SQ:
      case VF_OP_MODIFY_SQ:
      case VF_OP_DESTROY_SQ:
      case VF_OP_TEARDOWN_HCA:
        start_anew(command.who);
        break;
      default:
        break;
    }
  }

  void resumed(Ps t, FnRef who, Half half) override {
    if (half == Half::initiator) {
      gate_[function_index(who)] = false;
      leave_out(who);
      close(t, guest_[function_index(who)], false);
    }
  }

  void image_loaded(Ps t, FnRef from, FnRef to) override {
    (void)t;
    Sending& sending = sending_[function_index(to)];
    sending = Sending{};
    sending.position = sending_[function_index(from)].position;
    last_[function_index(to)].clear();
    if (unassigned(from) && unassigned(to)) {
      guest_[function_index(to)] = guest_[function_index(from)];
    }
  }

  void function_reset(Ps t, FnRef who) override {
    if (is_nic(context_, who)) {
      gate_[function_index(who)] = false;
      if (unassigned(who)) {
        const std::uint32_t guest = std::exchange(guest_[function_index(who)], next_unassigned_++);
        if (std::find(guest_.begin(), guest_.end(), guest) == guest_.end()) {
          close(t, guest, false);  // it is nowhere else
        }
      }
      start_anew(who);
      sending_[function_index(who)].position.clear();
      last_[function_index(who)].clear();
    }
  }

  // ---- work

  void access(Ps t, const model::AccessView& view) override {
    if (!is_nic(context_, view.who) || view.who.fn == 0) {
      return;
    }
    if (const auto whole = halves_.take(view)) {
      doorbell(t, view.who, whole->offset, whole->value);
    }
  }

  void frame_sent(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length) override {
    (void)bytes;
    measure(length);
    served(t, who);
  }
  void frame_discarded(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length) override {
    (void)bytes, (void)length;
    served(t, who);
  }

  void frame_received(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length,
                      model::FrameDrop drop) override {
    (void)bytes;
    measure(length);
    if (!is_nic(context_, who) || who.fn == 0) {
      return;
    }
    if (drop == model::FrameDrop::suspended && !gate_[function_index(who)]) {
      evaluated();
      violate(t, who, "frames for a function that runs are accepted",
              "one was refused as for a suspended function");
    }
    if (drop == model::FrameDrop::none) {
      work(t, who.host, 1);
      each(who, [](Track& track) {
        ++track.accepted;
        track.undelivered =
            std::max(track.undelivered, track.accepted - std::min(track.accepted, track.delivered));
      });
    }
  }

  /// Writes of siblings while a window is open; doorbells from other devices and functions. What is
  /// on both buses comes twice: the second time it says nothing new.
  void tlp_landed(Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload,
                  bool ok) override {
    const std::uint32_t fn = function_of(context_, tlp.requester);
    if (!ok || payload == nullptr || tlp.kind != model::TlpKind::mem_write) {
      return;
    }
    FnRef target;
    std::uint64_t offset = 0;
    if (tlp.bytes == kDoorbell && view_.window_at(host, tlp.phys, target, offset) &&
        is_nic(context_, target)) {
      doorbell(t, target, offset, vf_be64_load(payload));
    }
    if (fn >= context_.functions) {
      return;
    }
    const FnRef who{host, static_cast<std::uint8_t>(fn)};
    if (tlp.bytes == VF_BYTES(cqe) && watched_[function_index(who)] != 0 &&
        view_.completion_rings(who).contains(tlp.addr, tlp.bytes)) {
      completion(t, who, payload);
    }
  }

  void finish(Ps end) override {
    (void)end;
    for (const Suspect& suspect : suspects_) {
      const Sending& sending = sending_[function_index(suspect.who)];
      if (as_slow_as_ever(suspect, sending) || (suspect.overloaded && in_turn(suspect))) {
        overloaded_ = true;
      } else {
        violate(suspect.time, suspect.who, "a sibling keeps 95 % of its throughput",
                fmt::format("{} of {} sends overdue, {} left in {} us, none for up to {} us",
                            suspect.overdue, suspect.offered, suspect.sent,
                            suspect.length / model::kUs, suspect.gap / model::kUs));
      }
    }
    suspects_.clear();
  }

  [[nodiscard]] std::string note() const override {
    return windows_ == 0 ? ""
                         : fmt::format(
                               "lowest sibling throughput {:.1f} % of undisturbed, of {} "
                               "sibling windows{}",
                               lowest_, windows_, overloaded_ ? ", overloaded ones too" : "");
  }

 private:
  bool target(const model::CommandView& command, FnRef& who) const {
    return command.in_bytes >= VF_BYTES(suspend_vhca_in) &&
           view_.function_of_vhca(
               command.who.host,
               static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, command.in, vhca_id)), who);
  }

  [[nodiscard]] bool unassigned(FnRef who) const {
    return guest_[function_index(who)] >= kUnassigned;
  }

  /// A migration of the function's guest starts from this host.
  [[nodiscard]] bool moving(FnRef who) const {
    return std::any_of(open_.begin(), open_.end(), [&](const Window& window) {
      return window.whole && window.host == who.host && window.guest == guest_[function_index(who)];
    });
  }

  void open(Ps t, std::uint32_t guest, std::uint8_t host, bool whole) {
    Window window{guest, whole, host, t, frames_[host], {}};
    for (std::uint32_t fn = 1; fn < context_.functions; ++fn) {
      const FnRef who{host, static_cast<std::uint8_t>(fn)};
      const std::uint32_t index = function_index(who);
      if (guest_[index] == guest || gate_[index] || view_.objects(who).sq.empty()) {
        continue;
      }
      settle(t, who);
      pause_backlog(t, sending_[index]);
      Track& track = window.siblings[index];
      track.since = t;
      track.posted = sending_[index].posted;
      track.sent = sending_[index].sent;
      track.behind = sending_[index].due > sending_[index].sent;
      if (watched_[index]++ == 0) {
        view_.watch(who, FunctionView::Watch::sibling, true);
        last_[index].clear();
      }
    }
    open_.push_back(std::move(window));
  }

  void close(Ps t, std::uint32_t guest, bool whole) {
    for (auto window = open_.begin(); window != open_.end();) {
      if (window->guest != guest || window->whole != whole) {
        ++window;
        continue;
      }
      for (auto& [index, track] : window->siblings) {
        const FnRef who{window->host, static_cast<std::uint8_t>(index % VF_MAX_FUNCTIONS)};
        settle(t, who);
        judge(t, *window, who, track);
        if (--watched_[index] == 0) {
          view_.watch(who, FunctionView::Watch::sibling, false);
        }
      }
      window = open_.erase(window);
    }
  }

  template <class Change>
  void each(FnRef who, const Change& change) {
    if (watched_[function_index(who)] == 0) {
      return;
    }
    for (Window& window : open_) {
      const auto track = window.siblings.find(function_index(who));
      if (track != window.siblings.end()) {
        change(track->second);
      }
    }
  }

  void leave_out(FnRef who) {
    each(who, [](Track& track) { track.left_out = true; });
  }

  void start_anew(FnRef who) {
    if (is_nic(context_, who)) {
      Sending& sending = sending_[function_index(who)];
      const auto position = sending.position;
      sending = Sending{};
      sending.position = position;
      leave_out(who);
    }
  }

  // ---- sending

  void doorbell(Ps t, FnRef who, std::uint64_t offset, std::uint64_t value) {
    const std::uint64_t in_page = offset & (VF_PAGE_BYTES - 1);
    if (offset >> VF_PAGE_SHIFT < VF_BAR_FIRST_UAR || in_page < VF_UAR_SEND_DB) {
      return;
    }
    std::uint8_t bytes[8];
    vf_be64_store(bytes, value);
    const auto sqn = static_cast<std::uint32_t>(VF_GET(uar_send_db, bytes, sqn));
    if (view_.objects(who).sq.count(sqn) == 0) {
      return;
    }
    Sending& sending = sending_[function_index(who)];
    const auto position = static_cast<std::uint16_t>(VF_GET(uar_send_db, bytes, wqe_index) + 1);
    const auto count =
        static_cast<std::uint16_t>(position - std::exchange(sending.position[sqn], position));
    sending.uncounted |= VF_GET(uar_send_db, bytes, ds) > 4 || count >= 0x8000;
    sending.posted += count;
    if (work(t, who.host, count) - t > service_) {
      overloaded_at_[who.host] = t;
    }
    sending.recent.push_back({t + service_, sending.posted});
    settle(t, who);
  }

  /// The longest frame so far stands for those that are posted.
  void measure(std::uint32_t length) {
    if (length > longest_) {
      longest_ = length;
      cost_ = frame_cost(context_, length);
    }
  }

  /// When the work that a host's device has at most is done, with so many frames more.
  Ps work(Ps t, std::uint8_t host, std::uint64_t frames) {
    busy_until_[host] = std::max(busy_until_[host], t) + frames * cost_;
    return busy_until_[host];
  }

  void served(Ps t, FnRef who) {
    if (is_nic(context_, who) && who.fn != 0) {
      Sending& sending = sending_[function_index(who)];
      ++sending.sent;
      ++frames_[who.host];
      sending.calm_frames += watched_[function_index(who)] == 0 ? 1 : 0;
      sending.uncounted |= sending.sent > sending.posted;
      settle(t, who);
      sending.last_sent = t;
    }
  }

  /// What has become due, and how much of it is not done.
  void settle(Ps t, FnRef who) {
    const std::uint32_t index = function_index(who);
    Sending& sending = sending_[index];
    while (!sending.recent.empty() && sending.recent.front()[0] <= t) {
      sending.due = sending.recent.front()[1];
      if (sending.overdue_since == 0 && sending.due > sending.sent) {
        sending.overdue_since = sending.recent.front()[0];
      }
      sending.recent.pop_front();
    }
    const std::uint64_t overdue = sending.due - std::min(sending.due, sending.sent);
    if (overdue == 0) {
      sending.overdue_since = 0;
    }
    const Ps gap = overdue == 0 ? 0 : t - std::max(sending.overdue_since, sending.last_sent);
    if (watched_[index] != 0) {
      const bool excused = overdue != 0 && host_is_slow(t, who);
      each(who, [&](Track& track) {
        track.overdue = std::max(track.overdue, overdue);
        track.gap = std::max(track.gap, std::min(gap, t - track.since));
        track.left_out |= excused;
      });
      return;
    }
    calm(t, sending);
    sending.usual = std::max(sending.usual, overdue);
    if (overdue == 0) {
      pause_backlog(t, sending);
    } else if (sending.backlog_since == 0) {
      sending.backlog_since = t;
      sending.backlog_from = sending.sent;
    }
  }

  static void calm(Ps t, Sending& sending) {
    const Ps since = std::exchange(sending.calm_last, t);
    sending.calm_time += t - since < kIdle ? t - since : 0;
  }

  static void pause_backlog(Ps t, Sending& sending) {
    if (sending.backlog_since != 0) {
      sending.backlog_time += t - sending.backlog_since;
      sending.backlog_frames += sending.sent - sending.backlog_from;
      sending.backlog_since = 0;
    }
  }

  /// A read of the function, or of the PF, waits longer for the host than it needs.
  [[nodiscard]] bool host_is_slow(Ps t, FnRef who) const {
    const Ps oldest = std::min(view_.oldest_read(who), view_.oldest_read({who.host, 0}));
    return oldest != model::kNever && t - oldest > host_slow_;
  }

  // ---- receiving, order

  void completion(Ps t, FnRef who, const std::uint8_t* cqe) {
    const std::uint64_t opcode = VF_GET(cqe, cqe, opcode);
    if (opcode != VF_CQE_REQ && opcode != VF_CQE_RESP_SEND) {
      leave_out(who);  // an error: its queues stop of themselves
      return;
    }
    each(who, [&](Track& track) { track.delivered += opcode == VF_CQE_RESP_SEND ? 1 : 0; });
    const auto number = static_cast<std::uint32_t>(VF_GET(cqe, cqe, qpn));
    const auto counter = static_cast<std::uint16_t>(VF_GET(cqe, cqe, wqe_counter));
    auto [last, fresh] = last_[function_index(who)].try_emplace(number, counter);
    if (!fresh) {
      const auto step = static_cast<std::uint16_t>(counter - last->second);
      if (step == 0 || step >= 0x8000) {
        violate(t, who, "the work of a sibling's queue completes in order",
                fmt::format("queue {:#x}: entry {} behind {}", number, counter, last->second));
      }
      last->second = counter;
    }
  }

  // ---- judgement

  void judge(Ps t, const Window& window, FnRef who, const Track& track) {
    const Sending& sending = sending_[function_index(who)];
    const std::uint64_t offered = sending.posted - std::min(sending.posted, track.posted);
    if (track.left_out) {
      return;
    }
    bool judged = false;
    if (offered >= kLeastWork && !sending.uncounted) {
      judged = true;
      const std::uint64_t over = track.overdue - std::min(track.overdue, sending.usual);
      lowest_ = std::min(lowest_, 100.0 - 100.0 * static_cast<double>(over) /
                                              static_cast<double>(std::max(offered, over)));
      if (over > offered / kShare) {
        const Ps length = t - window.since;
        const std::uint64_t batches =
            context_.nic.tx_contexts + (window.siblings.size() + 1) * kBatch;
        const std::uint64_t frames = frames_[who.host] - window.frames;
        suspects_.push_back(
            {t, who, offered, track.overdue, sending.sent - track.sent, track.behind, track.gap,
             length,
             std::min(length * batches / std::max<std::uint64_t>(frames, 1), batches * cost_),
             overloaded_at_[window.host] >= std::max<Ps>(window.since, 1)});
      }
    }
    // A frame leaves its context when its data is on the bus; its completion waits behind the data
    // of the frames in all contexts, each of which leaves a completion, too.
    const std::uint64_t in_work = 2 * context_.nic.rx_contexts + context_.pcie.posted_headers;
    if (track.accepted >= kLeastWork) {
      judged = true;
      if (track.undelivered > in_work + track.accepted / kShare) {
        violate(t, who, "a sibling keeps 95 % of its throughput",
                fmt::format("{} of {} accepted frames were not delivered at a time",
                            track.undelivered, track.accepted));
      }
    }
    windows_ += judged ? 1 : 0;
    evaluated(judged ? 1 : 0);
  }

  /// The function got as much as while nobody migrated, or the device is overloaded without a
  /// migration, too, and does not do better then. Where the window is too short for 5 % of what it
  /// achieves to be more than the batches in which it serves its functions, and where nobody knows
  /// what it achieves, only a stall counts.
  [[nodiscard]] bool as_slow_as_ever(const Suspect& suspect, const Sending& sending) const {
    if (suspect.overdue <= sending.usual) {
      return true;
    }
    const double usual = static_cast<double>(sending.backlog_frames) *
                         static_cast<double>(suspect.length) /
                         static_cast<double>(std::max<Ps>(sending.backlog_time, 1));
    const double batch = context_.nic.tx_contexts + kBatch;
    if (sending.backlog_frames >= kLeastBacklog && usual >= batch * kShare) {
      return static_cast<double>(suspect.sent) + batch >= 0.95 * usual;
    }
    if (suspect.behind || sending.usual != 0) {  // and who gets how much of it then is not known
      return in_turn(suspect);
    }
    const auto rate = [](std::uint64_t frames, Ps time) {
      return static_cast<double>(frames) / static_cast<double>(std::max<Ps>(time, 1));
    };
    return suspect.gap <= stall(suspect) &&
           (sending.calm_frames < kLeastBacklog ||
            rate(suspect.sent, suspect.length) >=
                0.95 * rate(sending.calm_frames, sending.calm_time));
  }

  /// Without a frame for a time that needs a reason.
  [[nodiscard]] Ps stall(const Suspect& suspect) const {
    return std::max(suspect.length / kShare, 2 * service_);
  }

  /// Never passed over for longer than the others' turns take. How much a function gets of a device
  /// with more work than it can do depends on what the others ask for; that it gets something does
  /// not.
  [[nodiscard]] bool in_turn(const Suspect& suspect) const {
    return suspect.gap <= std::max(stall(suspect), 2 * suspect.round);
  }

  const CheckContext& context_;
  FunctionView& view_;
  Ps service_ = 0;  // from a doorbell to its frame
  Ps cost_ = 0;     // of one frame, others behind it
  std::uint32_t longest_ = 0;
  std::array<Ps, kHosts> busy_until_{};
  std::array<Ps, kHosts> overloaded_at_{};  // the last time; 0: never
  Ps host_slow_ = 0;                        // a read that takes longer waits for the host
  DoorbellHalves halves_;
  std::vector<Sending> sending_;
  std::uint32_t next_unassigned_ = kUnassigned;
  std::vector<std::uint32_t> guest_;
  std::vector<bool> gate_;                                    // from SUSPEND to the end of RESUME
  std::vector<std::uint32_t> watched_;                        // windows that have the function
  std::vector<std::map<std::uint32_t, std::uint16_t>> last_;  // completed entry, by queue
  std::vector<Window> open_;
  std::vector<Suspect> suspects_;
  std::array<std::uint64_t, kHosts> frames_{};
  std::uint64_t windows_ = 0;
  double lowest_ = 100.0;
  bool overloaded_ = false;
};

}  // namespace

std::unique_ptr<Rule> make_rule_Q8(const RuleInputs& inputs) {
  return std::make_unique<Q8>(inputs);
}

}  // namespace vfsim::bench
