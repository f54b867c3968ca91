// Q3: in the P2P states a VF accepts MMIO and holds the work it starts until it is resumed.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <vector>

#include "testbench/checkers/doorbell_halves.hpp"
#include "testbench/checkers/quiesce_bound.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

/// What arrived while the initiator was stopped.
struct HeldWork {
  std::map<std::uint32_t, std::uint32_t> sends;  // SQ -> entry of its newest doorbell
  std::map<std::uint32_t, std::uint32_t> arms;   // CQ -> consumer index that it was armed with
  [[nodiscard]] bool empty() const { return sends.empty() && arms.empty(); }
};

/// The same, from the RESUME on. An arm is due from the time on when its queue has an entry.
struct DueArm {
  std::uint32_t ci = 0;
  Ps since = model::kNever;
};
struct DueWork {
  std::map<std::uint32_t, std::uint32_t> sends;
  std::map<std::uint32_t, DueArm> arms;
  Ps resumed = model::kNever;           // acknowledged
  QuiesceLoad load;                     // since RESUME was submitted
  std::uint64_t frames = 0;             // of the host, then
  std::vector<std::uint64_t> activity;  // of the host's functions, then
  [[nodiscard]] bool empty() const { return sends.empty() && arms.empty(); }
};

/// Work that doorbells start in a P2P state: send doorbells, whose entries have to be fetched after
/// the resume, and armed completion queues, whose event has to be written as soon as they have an
/// entry. How long both may take is computed (held_work_bound()). It is judged at the end of the
/// run, and when a later doorbell for the same queue would hide that the first one was forgotten.
class Q3 final : public Rule {
 public:
  explicit Q3(const RuleInputs& inputs)
      : context_(inputs.context),
        view_(inputs.view),
        held_(kFunctionIndices),
        saved_(kFunctionIndices),
        due_(kFunctionIndices),
        closing_(kFunctionIndices) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::access, model::Probe::frame, model::Probe::command,
                          model::Probe::function_reset});
    view_.peers().subscribe(*this, {model::Probe::tlp_landed});
    view_.quiet().subscribe(*this, {model::Probe::tlp_sent, model::Probe::tlp_received});
  }

  void access(Ps t, const model::AccessView& view) override {
    if (view.config || !is_nic(context_, view.who) || view.who.fn == 0) {
      return;
    }
    if (p2p(view.who)) {
      judge_status(t, view.who, view.status, view.offset);
    }
    if (const auto whole = halves_.take(view)) {
      doorbell(t, view.who, whole->offset, whole->value);
    }
  }

  /// Requests of other devices and functions that reached a function's BAR.
  void tlp_landed(Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload,
                  bool ok) override {
    FnRef who;
    std::uint64_t offset = 0;
    if (!view_.window_at(host, tlp.phys, who, offset) || !is_nic(context_, who)) {
      return;
    }
    if (p2p(who)) {
      judge_status(t, who,
                   ok ? model::CplStatus::successful : model::CplStatus::unsupported_request,
                   offset);
    }
    if (ok && tlp.kind == model::TlpKind::mem_write && tlp.bytes == 8 && payload != nullptr) {
      doorbell(t, who, offset, vf_be64_load(payload));
    }
  }

  void tlp_sent(Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override {
    const bool answer = tlp.kind == model::TlpKind::completion;
    const std::uint32_t fn = function_of(context_, answer ? tlp.completer : tlp.requester);
    const FnRef who{host, static_cast<std::uint8_t>(fn)};
    if (fn >= context_.functions) {
      return;
    }
    if (answer && p2p(who)) {
      judge_status(t, who, tlp.status, tlp.addr);
      return;
    }
    if (!answer && !due_[function_index(who)].empty()) {
      request(t, who, tlp, payload);
    }
    if (!answer && closing_[function_index(who)] != 0) {
      request_before_stop(who, tlp, payload);
    }
  }

  void tlp_received(Ps t, std::uint8_t host, const model::Tlp& tlp) override {
    if (tlp.kind == model::TlpKind::completion) {
      const Ps time = t - view_.read_sent(host, tlp.tag);
      for (const FnRef who : waiting_[host]) {
        QuiesceLoad& load = due_[function_index(who)].load;
        load.read = std::max(load.read, time);
      }
    }
  }

  void frame_sent(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length) override {
    (void)t, (void)bytes, (void)length;
    ++frames_[who.host];
  }

  /// A queue that goes takes its arm with it.
  void command_completed(Ps t, const model::CommandView& command) override {
    (void)t;
    if (!is_nic(context_, command.who) || due_[function_index(command.who)].arms.empty()) {
      return;
    }
    auto& arms = due_[function_index(command.who)].arms;
    const auto& queues = view_.objects(command.who).cq;
    for (auto it = arms.begin(); it != arms.end();) {
      const bool gone =
          queues.count(it->first) == 0 ||
          (command.opcode == VF_OP_CREATE_CQ && command.out_bytes >= VF_BYTES(create_cq_out) &&
           VF_GET(create_cq_out, command.out, cqn) == it->first);
      it = gone ? arms.erase(it) : std::next(it);
    }
    look_after(command.who);
  }

  void quiescing(Ps t, FnRef who, Half half) override {
    (void)t;
    if (half == Half::initiator && !view_.run(who).initiator_stopped) {
      closing_[function_index(who)] = 1;
      look_after(who);
    }
  }
  void not_quiesced(Ps t, FnRef who, Half half) override {
    (void)t;
    if (half == Half::initiator && closing_[function_index(who)] != 0) {
      closing_[function_index(who)] = 0;
      held_[function_index(who)] = {};  // what of it was held is not known
      look_after(who);
    }
  }
  void quiesced(Ps t, FnRef who, Half half) override {
    (void)t;
    if (half == Half::initiator) {
      closing_[function_index(who)] = 0;
      hold_again(who);
    }
  }

  void resuming(Ps t, FnRef who, Half half) override {
    (void)t;
    HeldWork& held = held_[function_index(who)];
    if (half != Half::initiator || held.empty()) {
      return;
    }
    DueWork due;
    due.sends = std::move(held.sends);
    for (const auto& [cqn, ci] : held.arms) {
      due.arms[cqn] = {ci, model::kNever};
    }
    due.frames = frames_[who.host];
    for (std::uint32_t fn = 0; fn < context_.functions; ++fn) {
      due.activity.push_back(view_.activity({who.host, static_cast<std::uint8_t>(fn)}));
    }
    held = {};
    due_[function_index(who)] = std::move(due);
    look_after(who);
  }

  void resumed(Ps t, FnRef who, Half half) override {
    DueWork& due = due_[function_index(who)];
    if (half != Half::initiator || due.empty()) {
      return;
    }
    due.resumed = t;
    for (auto& [cqn, arm] : due.arms) {
      const auto queue = view_.objects(who).cq.find(cqn);
      if (queue != view_.objects(who).cq.end() && entry_is_new(who, queue->second, arm.ci)) {
        arm.since = t;
      }
    }
  }

  void not_resumed(Ps t, FnRef who, Half half) override { quiesced(t, who, half); }

  void image_saved(Ps t, FnRef who, const ImageView& image) override {
    (void)t, (void)image;
    saved_[function_index(who)] = held_[function_index(who)];
  }
  void image_loaded(Ps t, FnRef from, FnRef to) override {
    (void)t;
    held_[function_index(to)] = saved_[function_index(from)];
  }

  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (is_nic(context_, who)) {
      held_[function_index(who)] = {};
      due_[function_index(who)] = {};
      closing_[function_index(who)] = 0;
      look_after(who);
    }
  }

  void finish(Ps end) override {
    for (std::uint32_t index = 0; index < kFunctionIndices; ++index) {
      const FnRef who{static_cast<std::uint8_t>(index / VF_MAX_FUNCTIONS),
                      static_cast<std::uint8_t>(index % VF_MAX_FUNCTIONS)};
      const DueWork& due = due_[index];
      for (const auto& [sqn, entry] : due.sends) {
        judge_send(end, who, sqn, entry);
      }
      for (const auto& [cqn, arm] : due.arms) {
        judge_arm(end, who, cqn, arm);
      }
    }
  }

 private:
  [[nodiscard]] bool p2p(FnRef who) const {
    const RunState& run = view_.run(who);
    return run.initiator_stopped && !run.responder_stopped;
  }

  void judge_status(Ps t, FnRef who, model::CplStatus status, std::uint64_t offset) {
    evaluated();
    if (status != model::CplStatus::successful) {
      violate(t, who, "inbound MMIO is accepted in a P2P state",
              fmt::format("access at {:#x} was refused", offset));
    }
  }

  void doorbell(Ps t, FnRef who, std::uint64_t offset, std::uint64_t value) {
    const std::uint64_t in_page = offset & (VF_PAGE_BYTES - 1);
    if (offset >> VF_PAGE_SHIFT < VF_BAR_FIRST_UAR) {
      return;
    }
    std::uint8_t bytes[8];
    vf_be64_store(bytes, value);
    if (in_page >= VF_UAR_SEND_DB) {
      send_doorbell(t, who, bytes);
    } else if (in_page == VF_UAR_CQ_ARM) {
      arm_doorbell(t, who, bytes);
    }
  }

  void send_doorbell(Ps t, FnRef who, const std::uint8_t* bytes) {
    const auto sqn = static_cast<std::uint32_t>(VF_GET(uar_send_db, bytes, sqn));
    const auto index = static_cast<std::uint32_t>(VF_GET(uar_send_db, bytes, wqe_index));
    auto& queues = view_.objects(who).sq;
    const auto queue = queues.find(sqn);
    if (queue == queues.end()) {
      return;
    }
    const bool fresh = queue->second.last_index != index;  // a repeated doorbell starts no work
    queue->second.last_index = index;
    auto& due = due_[function_index(who)].sends;
    if (fresh && holds(who)) {
      held_[function_index(who)].sends[sqn] = index;
    }
    if (const auto found = due.find(sqn); found != due.end()) {
      judge_send(t, who, sqn, found->second);
      due.erase(found);  // from here on a fetch says nothing about the held doorbell
      look_after(who);
    }
  }

  void arm_doorbell(Ps t, FnRef who, const std::uint8_t* bytes) {
    const auto cqn = static_cast<std::uint32_t>(VF_GET(uar_cq_arm, bytes, cqn));
    const auto& queues = view_.objects(who).cq;
    const auto queue = queues.find(cqn);
    if (queue == queues.end() || queue->second.always_armed) {
      return;
    }
    auto& due = due_[function_index(who)].arms;
    auto& held = held_[function_index(who)].arms;
    if (holds(who) && VF_GET(uar_cq_arm, bytes, solicited) == 0) {
      held[cqn] = static_cast<std::uint32_t>(VF_GET(uar_cq_arm, bytes, ci));
    } else if (holds(who)) {
      held.erase(cqn);  // most entries raise nothing
    }
    if (const auto found = due.find(cqn); found != due.end()) {
      judge_arm(t, who, cqn, found->second);
      due.erase(found);
      look_after(who);
    }
  }

  /// Whether a doorbell that comes now is held, or may be: while SUSPEND is under way the gate
  /// closes at a time that nobody sees, and what comes before runs at once.
  [[nodiscard]] bool holds(FnRef who) const {
    return p2p(who) || closing_[function_index(who)] != 0;
  }

  /// A request of a function while SUSPEND is under way: its work was not held.
  void request_before_stop(FnRef who, const model::Tlp& tlp, const std::uint8_t* payload) {
    HeldWork& held = held_[function_index(who)];
    const FunctionObjects& objects = view_.objects(who);
    for (auto it = held.sends.begin(); it != held.sends.end();) {
      const bool ran = tlp.kind == model::TlpKind::mem_read && fetches(objects, tlp, it->first);
      it = ran ? held.sends.erase(it) : std::next(it);
    }
    for (auto it = held.arms.begin(); it != held.arms.end();) {
      const bool ran = tlp.kind == model::TlpKind::mem_write && payload != nullptr &&
                       announces(objects, tlp, payload, it->first);
      it = ran ? held.arms.erase(it) : std::next(it);
    }
  }

  /// A request of a function that has due work.
  void request(Ps t, FnRef who, const model::Tlp& tlp, const std::uint8_t* payload) {
    DueWork& due = due_[function_index(who)];
    const bool read = tlp.kind == model::TlpKind::mem_read;
    ++(read ? due.load.reads : due.load.writes);
    due.load.read_limit |= view_.reads_of_all(who.host) * 4 >= reads_at_a_time(context_) * 3;
    due.load.write_limit |= view_.writes_of_all(who.host) * 4 >= writes_at_a_time(context_);
    if (read) {
      fetched(who, due, tlp);
    } else if (!tlp.interrupt && payload != nullptr) {
      written(t, who, due, tlp, payload);
    }
  }

  void fetched(FnRef who, DueWork& due, const model::Tlp& tlp) {
    for (auto it = due.sends.begin(); it != due.sends.end(); ++it) {
      if (fetches(view_.objects(who), tlp, it->first)) {
        evaluated();
        due.sends.erase(it);
        look_after(who);
        return;
      }
    }
  }

  /// A completion entry makes the arm of its queue due; the event that names the queue answers it.
  void written(Ps t, FnRef who, DueWork& due, const model::Tlp& tlp, const std::uint8_t* payload) {
    const FunctionObjects& objects = view_.objects(who);
    for (auto it = due.arms.begin(); it != due.arms.end(); ++it) {
      const auto queue = objects.cq.find(it->first);
      if (queue != objects.cq.end()) {
        const auto at = slot(queue->second, it->second.ci).address;
        const bool named = at && tlp.addr <= *at && *at < tlp.addr + tlp.bytes;
        it->second.since = named ? std::min(it->second.since, t) : it->second.since;
      }
      if (announces(objects, tlp, payload, it->first)) {
        evaluated();
        due.arms.erase(it);
        look_after(who);
        return;
      }
    }
  }

  [[nodiscard]] static bool fetches(const FunctionObjects& objects, const model::Tlp& tlp,
                                    std::uint32_t sqn) {
    const auto queue = objects.sq.find(sqn);
    return queue != objects.sq.end() && queue->second.ring.offset_of(tlp.addr).has_value();
  }

  [[nodiscard]] static bool announces(const FunctionObjects& objects, const model::Tlp& tlp,
                                      const std::uint8_t* payload, std::uint32_t cqn) {
    return tlp.bytes == VF_BYTES(eqe) && VF_GET(eqe, payload, event_type) == VF_EVENT_COMPLETION &&
           VF_GET(eqe_completion, VF_PTR(eqe, payload, event_data), cqn) == cqn &&
           std::any_of(objects.eq.begin(), objects.eq.end(), [&](const auto& queue) {
             return queue.second.ring.offset_of(tlp.addr).has_value();
           });
  }

  struct Slot {
    std::optional<std::uint64_t> address;  // of what tells its owner
    std::uint64_t owner = 0;               // parity of a new entry
  };
  [[nodiscard]] static Slot slot(const CompletionQueueView& queue, std::uint32_t ci) {
    const std::uint64_t stride = 1ULL << queue.log_stride;
    const std::uint64_t index = ci & ((1U << queue.log_size) - 1);
    return {queue.ring.address(index * stride + stride - VF_BYTES(cqe)), ci >> queue.log_size & 1U};
  }
  [[nodiscard]] bool entry_is_new(FnRef who, const CompletionQueueView& queue,
                                  std::uint32_t ci) const {
    const Slot at = slot(queue, ci);
    std::uint8_t entry[VF_BYTES(cqe)];
    return at.address && read_bus(context_, who, *at.address, entry, sizeof entry) &&
           VF_GET(cqe, entry, opcode) != VF_CQE_INVALID && VF_GET(cqe, entry, owner) == at.owner;
  }

  /// Stopped again before the work ran: it is held as before.
  void hold_again(FnRef who) {
    HeldWork& held = held_[function_index(who)];
    DueWork& due = due_[function_index(who)];
    held.sends.insert(due.sends.begin(), due.sends.end());
    for (const auto& [cqn, arm] : due.arms) {
      held.arms.emplace(cqn, arm.ci);
    }
    due = {};
    look_after(who);
  }

  /// Watches what the bus shows of the function while it has due work, and of its siblings, whose
  /// reads take contexts, while entries are to be fetched.
  void look_after(FnRef who) {
    const DueWork& due = due_[function_index(who)];
    std::vector<FnRef>& waiting = waiting_[who.host];
    const auto same = [&](FnRef other) { return other.fn == who.fn; };
    waiting.erase(std::remove_if(waiting.begin(), waiting.end(), same), waiting.end());
    if (!due.empty()) {
      waiting.push_back(who);
    }
    const bool all = std::any_of(waiting.begin(), waiting.end(), [&](FnRef other) {
      return !due_[function_index(other)].sends.empty();
    });
    if (all != watching_all_[who.host]) {
      watching_all_[who.host] = all;
      for (std::uint32_t fn = 0; fn < context_.functions; ++fn) {
        const FnRef other{who.host, static_cast<std::uint8_t>(fn)};
        view_.watch(other, FunctionView::Watch::held_work, all || wanted(other));
      }
    }
    view_.watch(who, FunctionView::Watch::held_work, all || wanted(who));
  }

  [[nodiscard]] bool wanted(FnRef who) const {
    return !due_[function_index(who)].empty() || closing_[function_index(who)] != 0;
  }

  /// @param event  of an armed queue, or else of a fetch, which no write is before
  [[nodiscard]] Ps bound(Ps t, FnRef who, bool event) const {
    const DueWork& due = due_[function_index(who)];
    QuiesceLoad load = due.load;
    load.frames = frames_[who.host] - due.frames;
    load.functions = 1;  // itself
    std::uint64_t rivals = std::max<std::uint64_t>(view_.objects(who).sq.size(), 1) - 1;
    for (std::uint32_t fn = 0; fn < context_.functions; ++fn) {
      const FnRef other{who.host, static_cast<std::uint8_t>(fn)};
      if (fn != who.fn && view_.activity(other) != due.activity[fn]) {
        ++load.functions;
        rivals += view_.objects(other).sq.size();
      }
      // What is still under way has taken that long already; what nobody answers, its time-out.
      const Ps sent = view_.oldest_read(other);
      if (sent != model::kNever && sent + context_.completion_timeout > due.resumed) {
        load.read = std::max(
            load.read, std::min(t - sent, context_.completion_timeout + context_.timeout_lateness));
      }
    }
    load.reads = rivals != 0 ? load.reads : 0;
    load.writes = event ? load.writes : 0;
    return held_work_bound(context_, load, rivals);
  }

  void judge_send(Ps t, FnRef who, std::uint32_t sqn, std::uint32_t entry) {
    const Ps resumed = due_[function_index(who)].resumed;
    if (resumed != model::kNever && t - resumed > bound(t, who, false)) {
      evaluated();
      violate(
          t, who, "work of a doorbell that came in a P2P state runs after resume",
          fmt::format(
              "no fetch from send queue {:#x} since the resume at {} ns (doorbell for entry {})",
              sqn, resumed / model::kNs, entry));
    }
  }

  void judge_arm(Ps t, FnRef who, std::uint32_t cqn, const DueArm& arm) {
    if (arm.since != model::kNever && t - arm.since > bound(t, who, true)) {
      evaluated();
      violate(t, who, "a completion queue that was armed in a P2P state has its event after resume",
              fmt::format("no event for completion queue {:#x} since {} ns (armed at index {})",
                          cqn, arm.since / model::kNs, arm.ci));
    }
  }

  const CheckContext& context_;
  FunctionView& view_;
  DoorbellHalves halves_;
  std::vector<HeldWork> held_;         // by function
  std::vector<HeldWork> saved_;        // as it was when the function's last image was saved
  std::vector<DueWork> due_;           // by function
  std::vector<std::uint8_t> closing_;  // by function: SUSPEND (initiator) is under way
  std::array<std::vector<FnRef>, kHosts> waiting_;  // functions with due work
  std::array<bool, kHosts> watching_all_{};
  std::array<std::uint64_t, kHosts> frames_{};  // that left the port
};

}  // namespace

std::unique_ptr<Rule> make_rule_Q3(const RuleInputs& inputs) {
  return std::make_unique<Q3>(inputs);
}

}  // namespace vfsim::bench
