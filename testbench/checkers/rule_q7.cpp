// Q7: a quiesce is live: it ends within a bound that is computed, or with an error after a
// time-out.
#include <algorithm>
#include <array>
#include <deque>
#include <fmt/format.h>
#include <vector>

#include "testbench/checkers/quiesce_bound.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

constexpr std::uint32_t kCommandTransfers = 5;  // entry, answer, event, and steps between

double us(Ps time) {
  return static_cast<double>(time) / static_cast<double>(model::kUs);
}

/// The time runs from the doorbell to the landing of the completion. VF and PF are watched on the
/// bus in between. A read whose completion never came allows one completion time-out more, and then
/// an initiator quiesce must not succeed.
class Q7 final : public Rule {
 public:
  explicit Q7(const RuleInputs& inputs)
      : context_(inputs.context),
        commands_(inputs.commands),
        view_(inputs.view),
        watched_(kFunctionIndices) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this,
                  {model::Probe::command, model::Probe::frame, model::Probe::function_reset});
    view_.quiet().subscribe(
        *this, {model::Probe::tlp_sent, model::Probe::tlp_landed, model::Probe::tlp_received});
    view_.pf().subscribe(*this, {model::Probe::tlp_received});
  }

  void command_submitted(Ps t, const model::CommandView& command) override {
    const std::uint8_t host = command.who.host;
    const std::uint32_t chain = transfers(commands_.queue(command.who).slots[command.slot]);
    ++active_[host];
    longest_command_[host] = std::max(longest_command_[host], chain);
    for (Quiesce& quiesce : open_) {
      if (quiesce.pf.host == host) {
        QuiesceLoad& load = quiesce.load;
        load.commands = std::max(load.commands, active_[host]);
        load.longest = longest_command_[host];
        if (quiesce.vf.fn == command.who.fn && !quiesce.arrived) {
          load.transfers = std::max(load.transfers, chain);
        }
      }
    }
    FnRef vf;
    if (command.opcode == VF_OP_SUSPEND_VHCA && command.who.fn == 0 &&
        command.in_bytes >= VF_BYTES(suspend_vhca_in) &&
        view_.function_of_vhca(
            command.who.host,
            static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, command.in, vhca_id)), vf)) {
      begin(t, command, vf);
    }
  }

  void command_completed(Ps t, const model::CommandView& command) override {
    std::uint32_t& active = active_[command.who.host];
    active -= active != 0 ? 1 : 0;
    const auto quiesce = std::find_if(open_.begin(), open_.end(), [&](const Quiesce& q) {
      return q.pf.host == command.who.host && command.who.fn == 0 && q.slot == command.slot;
    });
    if (quiesce == open_.end()) {
      return;
    }
    if (command.opcode == VF_OP_SUSPEND_VHCA) {
      acknowledged(t, *quiesce, command);
    }
    close(quiesce);
  }

  void tlp_sent(Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override {
    (void)payload;
    if (open_.empty() || tlp.kind == model::TlpKind::completion) {
      return;
    }
    const FnRef who = requester(host, tlp);
    const bool write = tlp.kind == model::TlpKind::mem_write;
    if (write && !tlp.interrupt) {
      watched_[function_index(who)].writes.push_back(t);
    }
    const bool read_limit = view_.reads_of_all(host) * 4 >= reads_at_a_time(context_) * 3;
    const bool write_limit = view_.writes_of_all(host) * 4 >= writes_at_a_time(context_);
    each(who, [&](QuiesceLoad& load) {
      ++(write ? load.writes : load.reads);
      load.read_limit |= read_limit;
      load.write_limit |= write_limit;
    });
  }

  void tlp_landed(Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload,
                  bool ok) override {
    (void)payload, (void)ok;
    const FnRef who = requester(host, tlp);
    auto& writes = watched_[function_index(who)].writes;
    if (!writes.empty()) {
      const Ps time = t - writes.front();
      writes.pop_front();
      each(who, [&](QuiesceLoad& load) { load.write = std::max(load.write, time); });
    }
  }

  /// Last completions of VF and PF, and the PF's command doorbell.
  void tlp_received(Ps t, std::uint8_t host, const model::Tlp& tlp) override {
    if (tlp.kind != model::TlpKind::completion) {
      for (Quiesce& quiesce : open_) {
        if (quiesce.pf.host == host && !quiesce.arrived) {
          quiesce.arrived = true;
          quiesce.load.travel = t - quiesce.submitted;
        }
      }
      return;
    }
    const Ps time = t - view_.read_sent(host, tlp.tag);
    each(requester(host, tlp), [&](QuiesceLoad& load) { load.read = std::max(load.read, time); });
  }

  void frame_sent(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length) override {
    (void)t, (void)bytes, (void)length;
    for (Quiesce& quiesce : open_) {
      quiesce.load.frames += quiesce.pf.host == who.host ? 1 : 0;
    }
  }

  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (!is_nic(context_, who)) {
      return;
    }
    for (auto quiesce = open_.begin(); quiesce != open_.end();) {
      if (quiesce->pf.host != who.host) {
        ++quiesce;
      } else if (who.fn == 0) {  // its commands are gone
        quiesce = close(quiesce);
      } else {
        ++quiesce->load.resets;
        ++quiesce;
      }
    }
  }

  void finish(Ps end) override {
    for (Quiesce& quiesce : open_) {
      const Ps bound = allowed(end, quiesce);
      // A command whose entry the host never delivered is none that the device knows of.
      const bool unheard = timed_out(end, quiesce, quiesce.pf) || !quiesce.arrived ||
                           view_.lost_read(quiesce.pf, quiesce.submitted, end);
      if (!unheard && end - quiesce.submitted > bound) {
        evaluated();
        violate(end, quiesce.vf, expected(quiesce, bound),
                fmt::format("none for {:.1f} us", us(end - quiesce.submitted)));
      }
    }
  }

  [[nodiscard]] std::string note() const override {
    std::string text;
    for (const Half half : {Half::initiator, Half::responder}) {
      const Longest& longest = longest_[static_cast<std::size_t>(half)];
      if (longest.allowed != 0) {
        text += fmt::format("{}{} {:.2f} us of {:.2f} us allowed", text.empty() ? "longest " : ", ",
                            half == Half::initiator ? "initiator" : "responder", us(longest.time),
                            us(longest.allowed));
      }
    }
    return text;
  }

 private:
  struct Quiesce {
    FnRef pf, vf;
    std::uint8_t slot = 0;
    Ps submitted = 0;
    bool arrived = false;  // the doorbell has reached the device
    QuiesceLoad load;
    std::vector<std::uint64_t> activity;  // of the host's functions at the doorbell
  };
  using Open = std::vector<Quiesce>;
  struct Watched {
    std::uint32_t quiesces = 0;
    std::deque<Ps> writes;  // when each write that has not landed was sent
  };
  struct Longest {
    Ps time = 0;
    Ps allowed = 0;
  };

  [[nodiscard]] FnRef requester(std::uint8_t host, const model::Tlp& tlp) const {
    return {host, static_cast<std::uint8_t>(function_of(context_, tlp.requester))};
  }

  /// The quiesces whose VF or PF this is.
  template <class Change>
  void each(FnRef who, const Change& change) {
    for (Quiesce& quiesce : open_) {
      if (quiesce.pf.host == who.host && (who.fn == 0 || quiesce.vf.fn == who.fn)) {
        change(quiesce.load);
      }
    }
  }

  [[nodiscard]] static std::uint32_t transfers(const CommandSlot& slot) {
    return kCommandTransfers +
           static_cast<std::uint32_t>(slot.in_blocks.size() + 2 * slot.out_blocks.size());
  }

  void begin(Ps t, const model::CommandView& command, FnRef vf) {
    Quiesce quiesce;
    quiesce.pf = command.who;
    quiesce.vf = vf;
    quiesce.slot = command.slot;
    quiesce.submitted = t;
    QuiesceLoad& load = quiesce.load;
    load.initiator = command.op_mod == VF_SUSPEND_INITIATOR;
    load.commands = active_[vf.host];
    load.longest = longest_command_[vf.host];
    for (const CommandSlot& slot : commands_.queue(vf).slots) {
      load.transfers = std::max(load.transfers, slot.active ? transfers(slot) : 0);
    }
    for (std::uint32_t fn = 0; fn < context_.functions; ++fn) {
      quiesce.activity.push_back(view_.activity({vf.host, static_cast<std::uint8_t>(fn)}));
    }
    for (const FnRef who : {quiesce.pf, vf}) {
      load.reads += view_.outstanding_reads(who, t);
      load.writes += view_.writes_in_flight(who);
      Watched& watched = watched_[function_index(who)];
      if (watched.quiesces++ == 0) {
        watched.writes.assign(view_.writes_in_flight(who), t);
        view_.watch(who, FunctionView::Watch::quiesce, true);
      }
    }
    open_.push_back(std::move(quiesce));
  }

  Open::iterator close(Open::iterator quiesce) {
    for (const FnRef who : {quiesce->pf, quiesce->vf}) {
      if (--watched_[function_index(who)].quiesces == 0) {
        watched_[function_index(who)].writes.clear();
        view_.watch(who, FunctionView::Watch::quiesce, false);
      }
    }
    return open_.erase(quiesce);
  }

  /// A read of the function that was outstanding meanwhile has outlived the completion time-out.
  [[nodiscard]] bool timed_out(Ps t, const Quiesce& quiesce, FnRef who) const {
    const Ps sent = view_.oldest_read(who);
    return sent != model::kNever && t - sent >= context_.completion_timeout &&
           sent + context_.completion_timeout >= quiesce.submitted;
  }

  Ps allowed(Ps t, Quiesce& quiesce) {
    QuiesceLoad& load = quiesce.load;
    load.functions = 0;
    for (std::uint32_t fn = 0; fn < context_.functions; ++fn) {
      const FnRef who{quiesce.pf.host, static_cast<std::uint8_t>(fn)};
      load.functions += view_.activity(who) != quiesce.activity[fn] ? 1 : 0;
    }
    load.functions = std::max(load.functions, 1U);
    // What has not landed was under way that long already: the answer, which is just landing.
    for (const FnRef who : {quiesce.pf, quiesce.vf}) {
      const std::deque<Ps>& writes = watched_[function_index(who)].writes;
      load.write = std::max(load.write, writes.empty() ? 0 : t - writes.front());
    }
    return quiesce_bound(context_, load) +
           (timed_out(t, quiesce, quiesce.vf)
                ? context_.completion_timeout + context_.timeout_lateness
                : 0);
  }

  [[nodiscard]] static std::string expected(const Quiesce& quiesce, Ps bound) {
    const QuiesceLoad& load = quiesce.load;
    return fmt::format(
        "{} quiesce acknowledged within {:.2f} us ({} reads, {} writes, {} frames, {} "
        "functions, {} commands)",
        load.initiator ? "initiator" : "responder", us(bound), load.reads, load.writes, load.frames,
        load.functions, load.commands);
  }

  void acknowledged(Ps t, Quiesce& quiesce, const model::CommandView& command) {
    evaluated();
    const Ps bound = allowed(t, quiesce);
    const Ps time = t - quiesce.submitted;
    if (time > bound) {
      violate(t, quiesce.vf, expected(quiesce, bound), fmt::format("{:.2f} us", us(time)));
    }
    const bool succeeded = command.delivery == VF_DELIVERY_OK && command.status == VF_STATUS_OK;
    if (quiesce.load.initiator && succeeded && timed_out(t, quiesce, quiesce.vf)) {
      const Ps expiry = view_.oldest_read(quiesce.vf) + context_.completion_timeout;
      if (expiry > quiesce.submitted + quiesce_bound(context_, quiesce.load)) {
        violate(t, quiesce.vf, "a quiesce that a completion time-out ended fails",
                "it was acknowledged as done");
      }
    }
    Longest& longest = longest_[quiesce.load.initiator ? 0 : 1];
    if (time > longest.time) {
      longest = {time, bound};
    }
  }

  const CheckContext& context_;
  CommandMonitor& commands_;
  FunctionView& view_;
  Open open_;
  std::vector<Watched> watched_;                         // by function
  std::array<std::uint32_t, kHosts> active_{};           // commands in work
  std::array<std::uint32_t, kHosts> longest_command_{};  // transfers one after the other
  std::array<Longest, 2> longest_{};                     // by half
};

}  // namespace

std::unique_ptr<Rule> make_rule_Q7(const RuleInputs& inputs) {
  return std::make_unique<Q7>(inputs);
}

}  // namespace vfsim::bench
