// Q3: in the P2P states a VF accepts MMIO and holds the work it starts until it is resumed.
#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

constexpr Ps kFetchBound = 1 * model::kMs;  // from the end of RESUME to the fetch of held work
constexpr Ps kLeastPrompt = 2 * model::kUs;

/// A doorbell that comes later than this after the resume cannot be what started held work: the
/// work was forgotten. Until then the queue may wait for its turn: all functions before it fetch
/// what a turn takes, and each context that this needs is busy for two reads, entry and payload.
Ps prompt_bound(const CheckContext& context) {
  constexpr std::uint64_t kEntriesPerTurn = 8;
  const Ps read = (2ULL * context.pcie.latency_ns + context.pcie.memory_ns) * model::kNs;
  const std::uint64_t contexts = context.nic.tx_contexts;
  const std::uint64_t turns = (context.functions * kEntriesPerTurn + contexts - 1) / contexts;
  return std::max(kLeastPrompt, turns * 2 * read);
}

/// A send doorbell that arrived while the initiator was stopped.
struct Held {
  std::uint32_t index = 0;  // WQE
  bool waiting = false;     // RESUME was submitted, the fetch is due
  Ps resumed = model::kNever;
};

class Q3 final : public Rule {
 public:
  explicit Q3(const RuleInputs& inputs)
      : context_(inputs.context), view_(inputs.view), held_(kFunctionIndices) {
    saved_.resize(kFunctionIndices);
  }

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::access, model::Probe::function_reset});
    view_.peers().subscribe(*this, {model::Probe::tlp_landed});
    view_.quiet().subscribe(*this, {model::Probe::tlp_sent});
  }

  void access(Ps t, const model::AccessView& view) override {
    if (view.config || !is_nic(context_, view.who) || view.who.fn == 0) {
      return;
    }
    if (p2p(view.who)) {
      judge_status(t, view.who, view.status, view.offset);
    }
    if (view.write && view.bytes == 8) {
      doorbell(t, view.who, view.offset, register_value(view));
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
    (void)payload;
    const bool answer = tlp.kind == model::TlpKind::completion;
    const std::uint32_t fn = function_of(context_, answer ? tlp.completer : tlp.requester);
    const FnRef who{host, static_cast<std::uint8_t>(fn)};
    if (fn >= context_.functions) {
      return;
    }
    if (answer && p2p(who)) {
      judge_status(t, who, tlp.status, tlp.addr);
    } else if (tlp.kind == model::TlpKind::mem_read && !held_[function_index(who)].empty()) {
      fetched(who, tlp);
    }
  }

  void resuming(Ps t, FnRef who, Half half) override {
    (void)t;
    if (half == Half::initiator) {
      for (auto& [sqn, held] : held_[function_index(who)]) {
        held.waiting = true;
      }
      view_.watch(who, FunctionView::Watch::held_work, !held_[function_index(who)].empty());
    }
  }

  void resumed(Ps t, FnRef who, Half half) override {
    if (half == Half::initiator) {
      for (auto& [sqn, held] : held_[function_index(who)]) {
        held.resumed = held.waiting ? t : held.resumed;
      }
    }
  }

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
      held_[function_index(who)].clear();
      view_.watch(who, FunctionView::Watch::held_work, false);
    }
  }

  void finish(Ps end) override {
    for (std::uint32_t index = 0; index < kFunctionIndices; ++index) {
      const FnRef who{static_cast<std::uint8_t>(index / VF_MAX_FUNCTIONS),
                      static_cast<std::uint8_t>(index % VF_MAX_FUNCTIONS)};
      for (const auto& [sqn, held] : held_[index]) {
        if (held.resumed != model::kNever && end - held.resumed > kFetchBound) {
          lost(end, who, sqn, held);
        }
      }
    }
  }

 private:
  using HeldBySq = std::map<std::uint32_t, Held>;

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
    if (offset >> VF_PAGE_SHIFT < VF_BAR_FIRST_UAR || in_page < VF_UAR_SEND_DB) {
      return;
    }
    std::uint8_t bytes[8];
    vf_be64_store(bytes, value);
    const auto sqn = static_cast<std::uint32_t>(VF_GET(uar_send_db, bytes, sqn));
    const auto index = static_cast<std::uint32_t>(VF_GET(uar_send_db, bytes, wqe_index));
    auto& queues = view_.objects(who).sq;
    const auto queue = queues.find(sqn);
    if (queue == queues.end()) {
      return;
    }
    const bool fresh = queue->second.last_index != index;  // a repeated doorbell starts no work
    queue->second.last_index = index;
    if (p2p(who) && fresh) {
      held_[function_index(who)][sqn] = Held{index, false, model::kNever};
    } else if (!p2p(who)) {
      later_doorbell(t, who, sqn);
    }
  }

  /// New work for a queue whose held work was not fetched yet.
  void later_doorbell(Ps t, FnRef who, std::uint32_t sqn) {
    HeldBySq& queues = held_[function_index(who)];
    const auto found = queues.find(sqn);
    if (found == queues.end() || !found->second.waiting) {
      return;
    }
    if (found->second.resumed != model::kNever &&
        t - found->second.resumed > prompt_bound(context_)) {
      lost(t, who, sqn, found->second);
    }
    forget(who, sqn);  // from here on a fetch says nothing about the held doorbell
  }

  void fetched(FnRef who, const model::Tlp& tlp) {
    HeldBySq& queues = held_[function_index(who)];
    for (auto it = queues.begin(); it != queues.end(); ++it) {
      const auto& objects = view_.objects(who).sq;
      const auto queue = objects.find(it->first);
      if (it->second.waiting && queue != objects.end() && queue->second.ring.offset_of(tlp.addr)) {
        evaluated();
        forget(who, it->first);
        return;
      }
    }
  }

  void forget(FnRef who, std::uint32_t sqn) {
    HeldBySq& queues = held_[function_index(who)];
    queues.erase(sqn);
    if (queues.empty()) {
      view_.watch(who, FunctionView::Watch::held_work, false);
    }
  }

  void lost(Ps t, FnRef who, std::uint32_t sqn, const Held& held) {
    evaluated();
    violate(t, who, "work of a doorbell that came in a P2P state runs after resume",
            fmt::format(
                "no fetch from send queue {:#x} since the resume at {} ns (doorbell for entry {})",
                sqn, held.resumed / model::kNs, held.index));
  }

  const CheckContext& context_;
  FunctionView& view_;
  std::vector<HeldBySq> held_;   // by function
  std::vector<HeldBySq> saved_;  // as it was when the function's last image was saved
};

}  // namespace

std::unique_ptr<Rule> make_rule_Q3(const RuleInputs& inputs) {
  return std::make_unique<Q3>(inputs);
}

}  // namespace vfsim::bench
