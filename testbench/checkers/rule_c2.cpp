// C2: a malformed command gets the defined answer, with a syndrome, and changes nothing.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <vector>

#include "firmware/interface/tables.hpp"
#include "testbench/checkers/command_answers.hpp"
#include "testbench/checkers/command_entry.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

constexpr std::uint32_t kOutputEnd = VF_OFF(cmd_queue_entry, output_mailbox_pointer_63_32) / 8;
constexpr std::uint32_t kToken = VF_OFF(cmd_queue_entry, token) / 8;
/// A change that a TLP explains becomes known by it at most so much later.
constexpr Ps kAfterwards = 2 * model::kUs;

using Entry = std::array<std::uint8_t, kCommandEntry>;

struct Pending {
  bool active = false;
  Entry entry{};
  CommandAnswers answers;
};

/// State digest of a sender around its malformed command.
struct Watch {
  bool on = false;
  std::uint8_t slot = 0;
  std::uint64_t before = 0;
};

/// Digests that differ, until it is clear that nothing else changed the state.
struct Doubt {
  bool open = false;
  Ps since = 0;
  std::string defect;
};

/// Every command is judged: a malformed one must get one of the answers that its defects have, a
/// well-formed one must be delivered, and not be called malformed. Whether a well-formed command
/// succeeds depends on state that is not judged here.
class C2 final : public Rule {
 public:
  explicit C2(const RuleInputs& inputs)
      : context_(inputs.context),
        commands_(inputs.commands),
        view_(inputs.view),
        pending_(kFunctionIndices),
        watches_(kFunctionIndices),
        doubts_(kFunctionIndices),
        written_(kFunctionIndices) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this,
                  {model::Probe::command, model::Probe::access, model::Probe::function_reset});
    view_.quiet().subscribe(*this, {model::Probe::tlp_sent});
  }

  void command_submitted(Ps t, const model::CommandView& command) override {
    const std::uint32_t index = function_index(command.who);
    settle(t, command.who);
    disturb(command.who, command.slot);
    Slots& slots = pending_[index];
    slots.resize(CommandMonitor::kSlots);
    Pending& slot = slots[command.slot];
    Entry entry{};
    const bool again = slot.active;
    slot = Pending{};
    if (!read_entry(command.who, command.slot, entry)) {
      return;
    }
    slot.active = true;
    slot.entry = entry;
    slot.answers = answers_to(context_, view_, command, entry.data());
    slot.answers.unknown |= again;  // which of the two is answered first is not known
    if (!slot.answers.defect.empty()) {
      ++malformed_;
      begin_watch(t, command.who, command.slot);
    }
  }

  void command_completed(Ps t, const model::CommandView& command) override {
    Slots& slots = pending_[function_index(command.who)];
    if (command.slot >= slots.size() || !slots[command.slot].active) {
      return;
    }
    Pending& slot = slots[command.slot];
    slot.active = false;
    if (!slot.answers.unknown) {
      evaluated();
      judge(t, command, slot);
    }
    end_watch(t, command, slot);
  }

  /// Anything that the function itself does may change its state.
  void tlp_sent(Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override {
    (void)t, (void)payload;
    const std::uint32_t fn = function_of(context_, tlp.requester);
    if (fn >= context_.functions || tlp.kind == model::TlpKind::completion) {
      return;
    }
    const FnRef who{host, static_cast<std::uint8_t>(fn)};
    if (!engine(who, tlp)) {
      drop_watch(who);
    }
  }

  void access(Ps t, const model::AccessView& view) override {
    if (view.write && !view.config && is_nic(context_, view.who) && view.offset != VF_BAR_CMD_DB) {
      written_[function_index(view.who)] = t;
      drop_watch(view.who);
    }
  }

  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (is_nic(context_, who)) {
      pending_[function_index(who)].clear();
      drop_watch(who);
    }
  }

  void finish(Ps end) override {
    for (std::uint32_t index = 0; index < kFunctionIndices; ++index) {
      settle(end, {static_cast<std::uint8_t>(index / VF_MAX_FUNCTIONS),
                   static_cast<std::uint8_t>(index % VF_MAX_FUNCTIONS)});
    }
  }

  [[nodiscard]] std::string note() const override {
    return malformed_ == 0 ? ""
                           : fmt::format("{} malformed commands, state compared around {}",
                                         malformed_, compared_);
  }

 private:
  using Slots = std::vector<Pending>;

  bool read_entry(FnRef who, std::uint8_t slot, Entry& entry) const {
    return read_bus(context_, who, commands_.queue(who).address + std::uint64_t{slot} * kCommandEntry,
                    entry.data(), kCommandEntry);
  }

  // ---- answers

  [[nodiscard]] static std::string answer(const model::CommandView& command) {
    return command.delivery != VF_DELIVERY_OK
               ? fmt::format("delivery status {}",
                             contract::enum_name("DELIVERY", command.delivery))
               : fmt::format("status {}, syndrome {:#x}",
                             contract::enum_name("STATUS", command.status), command.syndrome);
  }

  [[nodiscard]] static bool right(const model::CommandView& command,
                                  const CommandAnswers& answers) {
    if (answers.deliveries.any()) {
      return command.delivery < answers.deliveries.size() && answers.deliveries[command.delivery];
    }
    return command.delivery == VF_DELIVERY_OK && answers.statuses[command.status];
  }

  void judge(Ps t, const model::CommandView& command, const Pending& slot) {
    if (!right(command, slot.answers)) {
      if (unchanged(command, slot)) {
        violate(t, command.who, expected(slot.answers),
                fmt::format("slot {}, opcode {:#x}: {}", command.slot, command.opcode,
                            answer(command)));
      }
    } else if (command.delivery == VF_DELIVERY_OK && command.status != VF_STATUS_OK &&
               command.syndrome == 0) {
      violate(
          t, command.who, "a refused command has a syndrome",
          fmt::format("slot {}, opcode {:#x}: {}", command.slot, command.opcode, answer(command)));
    }
  }

  [[nodiscard]] static std::string expected(const CommandAnswers& answers) {
    if (answers.defect.empty()) {
      return "a well-formed command is delivered and not called malformed";
    }
    std::string names;
    const auto add = [&](std::string_view set, std::uint32_t value) {
      names += fmt::format("{}{}", names.empty() ? "" : " or ", contract::enum_name(set, value));
    };
    for (std::uint32_t d = 0; d < answers.deliveries.size(); ++d) {
      if (answers.deliveries[d]) {
        add("DELIVERY", d);
      }
    }
    for (std::uint32_t s = 0; answers.deliveries.none() && s < answers.statuses.size(); ++s) {
      if (answers.statuses[s]) {
        add("STATUS", s);
      }
    }
    return fmt::format("{} ({})", names, answers.defect);
  }

  /// Whether the command still deserves the same: another one, or its sender, may have changed what
  /// it names.
  [[nodiscard]] bool unchanged(const model::CommandView& command, const Pending& slot) {
    Entry now{};
    if (!read_entry(command.who, command.slot, now) ||
        !std::equal(now.begin(), now.begin() + kCommandOutput, slot.entry.begin()) ||
        !std::equal(now.begin() + kOutputEnd, now.begin() + kToken,
                    slot.entry.begin() + kOutputEnd)) {
      return false;
    }
    const CommandAnswers again = answers_to(context_, view_, command, slot.entry.data());
    return !again.unknown && again.defect == slot.answers.defect;
  }

  // ---- changes nothing

  /// Reads and writes of the command engine, which say nothing about the state.
  [[nodiscard]] bool engine(FnRef who, const model::Tlp& tlp) const {
    if (commands_.in_queue_page(who, tlp.addr)) {
      return true;
    }
    const auto& slots = commands_.queue(who).slots;
    return std::any_of(slots.begin(), slots.end(), [&](const CommandSlot& slot) {
      const auto inside = [&](std::uint64_t block) {
        return tlp.addr - block < VF_BYTES(cmd_if_box);
      };
      return slot.active && (std::any_of(slot.in_blocks.begin(), slot.in_blocks.end(), inside) ||
                             std::any_of(slot.out_blocks.begin(), slot.out_blocks.end(), inside));
    });
  }

  /// What was written to the function's registers shortly before may still be under way.
  [[nodiscard]] bool writes_under_way(Ps t, FnRef who) const {
    const Ps last = written_[function_index(who)];
    return last != 0 && t - last < 2 * context_.pcie.latency_ns * model::kNs + kAfterwards;
  }

  void begin_watch(Ps t, FnRef who, std::uint8_t number) {
    const auto& slots = pending_[function_index(who)];
    const auto others =
        std::count_if(slots.begin(), slots.end(), [](const Pending& slot) { return slot.active; });
    if (!context_.state_digest || others != 1 || writes_under_way(t, who)) {
      return;
    }
    watches_[function_index(who)] = {true, number, context_.state_digest(who.host, who.fn)};
    view_.watch(who, FunctionView::Watch::command, true);
  }

  void end_watch(Ps t, const model::CommandView& command, const Pending& slot) {
    Watch& watch = watches_[function_index(command.who)];
    if (!watch.on || watch.slot != command.slot) {
      return;
    }
    ++compared_;
    watch.on = false;
    const bool refused = command.delivery != VF_DELIVERY_OK || command.status != VF_STATUS_OK;
    if (refused && context_.state_digest(command.who.host, command.who.fn) != watch.before) {
      doubts_[function_index(command.who)] = {true, t, slot.answers.defect};
    } else {
      view_.watch(command.who, FunctionView::Watch::command, false);
    }
  }

  /// Another command of the function may change its state.
  void disturb(FnRef who, std::uint8_t slot) {
    const Watch& watch = watches_[function_index(who)];
    if (watch.on && watch.slot != slot) {
      drop_watch(who);
    }
  }

  void drop_watch(FnRef who) {
    Watch& watch = watches_[function_index(who)];
    Doubt& doubt = doubts_[function_index(who)];
    if (watch.on || doubt.open) {
      watch.on = false;
      doubt.open = false;
      view_.watch(who, FunctionView::Watch::command, false);
    }
  }

  void settle(Ps t, FnRef who) {
    Doubt& doubt = doubts_[function_index(who)];
    if (!doubt.open) {
      return;
    }
    if (t - doubt.since >= kAfterwards) {
      violate(doubt.since, who, fmt::format("a refused command changes nothing ({})", doubt.defect),
              "the function's state digest differs");
    }
    drop_watch(who);
  }

  const CheckContext& context_;
  CommandMonitor& commands_;
  FunctionView& view_;
  std::vector<Slots> pending_;  // by function, then slot
  std::vector<Watch> watches_;
  std::vector<Doubt> doubts_;
  std::vector<Ps> written_;  // last register write
  std::uint64_t malformed_ = 0;
  std::uint64_t compared_ = 0;
};

}  // namespace

std::unique_ptr<Rule> make_rule_C2(const RuleInputs& inputs) {
  return std::make_unique<C2>(inputs);
}

}  // namespace vfsim::bench
