#include "testbench/shell/event_filter.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "firmware/interface/tables.hpp"
#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {
namespace {

struct Alias {
  std::string_view word;
  std::string_view group;
  std::string_view details;
};
constexpr Alias kAliases[] = {{"cmd", "command", ""}, {"arc", "state", "arc"}, {"read", "tlp", "MRd sent"}, {"write", "tlp", "MWr sent"}};

/// Words that stand for kinds or for success inside a group.
struct Word {
  HappeningGroup group;
  std::string_view word;
  HappeningKind kind;
};
constexpr Word kKindWords[] = {
    {HappeningGroup::tlp, "sent", HappeningKind::tlp_sent},
    {HappeningGroup::tlp, "received", HappeningKind::tlp_received},
    {HappeningGroup::command, "rung", HappeningKind::command_submitted},
    {HappeningGroup::state, "arc", HappeningKind::arc},
    {HappeningGroup::state, "set_state", HappeningKind::set_state},
    {HappeningGroup::state, "reset", HappeningKind::device_reset},
    {HappeningGroup::frame, "sent", HappeningKind::frame_sent},
    {HappeningGroup::frame, "received", HappeningKind::frame_received},
    {HappeningGroup::frame, "discarded", HappeningKind::frame_discarded},
    {HappeningGroup::stream, "precopy_info", HappeningKind::precopy_info},
    {HappeningGroup::vmm, "migration", HappeningKind::migration},
    {HappeningGroup::vmm, "dirty_report", HappeningKind::dirty_report},
    {HappeningGroup::vmm, "dirty_tracking", HappeningKind::dirty_tracking},
    {HappeningGroup::vmm, "vcpus", HappeningKind::vcpus},
    {HappeningGroup::vmm, "phase", HappeningKind::phase},
};

constexpr std::string_view kRuleIds =
#define RULE(id, judge, title, trigger) " " #id
#include "testbench/checkers/rules.def"
#undef RULE
    ;

std::string enum_names(std::string_view set) {
  std::string names;
  for (const contract::EnumRow& row : contract::kEnums) {
    names += row.set == set ? std::string(row.name) + " " : "";
  }
  return names;
}

std::string opcode_names() {
  std::string names;
  for (const contract::OpcodeRow& row : contract::kOpcodes) {
    names += std::string(row.name) + " ";
  }
  return names;
}

std::optional<std::uint32_t> enum_value(std::string_view set, std::string_view name) {
  for (const contract::EnumRow& row : contract::kEnums) {
    if (row.set == set && row.name == name) {
      return static_cast<std::uint32_t>(row.value);
    }
  }
  return std::nullopt;
}

}  // namespace

bool EventFilter::group(const std::string& word, std::string& error) {
  const auto* alias = std::find_if(std::begin(kAliases), std::end(kAliases), [&](const Alias& a) { return a.word == word; });
  const bool known = alias != std::end(kAliases);
  group_ = find_group(known ? alias->group : std::string_view(word));
  if (group_ == HappeningGroup::count_ && word != "event") {
    const std::string names = "event " + group_names_of_happenings() + " cmd arc read write";
    error = fmt::format("unknown kind of event '{}'{}; allowed are {}", word, did_you_mean(word, names), comma_list(names));
    return false;
  }
  Words details;
  (void)split_words(known ? alias->details : "", details, error);
  return std::all_of(details.begin(), details.end(), [&](const std::string& d) { return detail(d, error); });
}

bool EventFilter::function(std::string_view word) {
  const bool with_host = word.size() > 2 && word[1] == '.' && (word[0] == 'A' || word[0] == 'B');
  const std::string_view name = with_host ? word.substr(2) : word;
  constexpr std::uint64_t kPeer = VF_MAX_FUNCTIONS;  // as function_name() counts it
  std::uint64_t fn = name == "pf" ? 0 : name == "peer" ? kPeer : kPeer + 1;
  if (name.substr(0, 2) == "vf") {
    fn = number_of(name.substr(2)).value_or(kPeer) + 1;
  }
  if (fn > kPeer || (fn == kPeer && name != "peer")) {
    return false;
  }
  fn_ = static_cast<std::uint8_t>(fn);
  if (with_host) {
    host_ = static_cast<std::uint8_t>(word[0] - 'A');
  }
  return true;
}

std::string EventFilter::details() const {
  std::string names;
  for (const Word& w : kKindWords) {
    names += w.group == group_ ? std::string(w.word) + " " : "";
  }
  switch (group_) {
    case HappeningGroup::tlp:
    case HappeningGroup::landed:
      return names + std::string(kTlpNames);
    case HappeningGroup::command:
      return names + "done failed INITIATOR RESPONDER " + opcode_names();
    case HappeningGroup::state:
      return names + "failed " + enum_names("MIG");
    case HappeningGroup::rule:
      return std::string(kRuleIds).substr(1);
    case HappeningGroup::vmm:
      return names + "begins ends";
    default:
      return names;
  }
}

std::optional<EventFilter::Condition> EventFilter::condition(const std::string& word) const {
  for (const Word& w : kKindWords) {
    if (w.group == group_ && w.word == word) {
      return Condition{Test::kind, static_cast<std::uint64_t>(w.kind), ""};
    }
  }
  const bool tlp = group_ == HappeningGroup::tlp || group_ == HappeningGroup::landed;
  if (tlp && has_name(kTlpNames, word)) {
    return Condition{Test::tlp_class, 0, word};
  }
  if (group_ == HappeningGroup::command && (word == "done" || word == "failed")) {
    return Condition{Test::good, word == "done" ? 1U : 0U, ""};
  }
  if (group_ == HappeningGroup::command && (word == "INITIATOR" || word == "RESPONDER")) {
    return Condition{Test::half, 0, " " + word};
  }
  for (const contract::OpcodeRow& row : contract::kOpcodes) {
    if (group_ == HappeningGroup::command && row.name == word) {
      return Condition{Test::opcode, row.value, ""};
    }
  }
  if (group_ == HappeningGroup::state && word == "failed") {
    return Condition{Test::good, 0, ""};
  }
  if (const auto state = enum_value("MIG", word); group_ == HappeningGroup::state && state) {
    return Condition{Test::state, *state, ""};
  }
  if (group_ == HappeningGroup::rule && has_name(kRuleIds.substr(1), word)) {
    return Condition{Test::name, 0, word};
  }
  if (const auto vector = number_of(word); group_ == HappeningGroup::irq && vector) {
    return Condition{Test::vector, *vector, ""};
  }
  if (group_ == HappeningGroup::vmm && (word == "begins" || word == "ends")) {
    return Condition{Test::good, word == "begins" ? 1U : 0U, ""};
  }
  // Phases and outcomes are named by the VMM; any name may come.
  return group_ == HappeningGroup::vmm ? std::optional(Condition{Test::name, 0, word}) : std::nullopt;
}

bool EventFilter::detail(const std::string& word, std::string& error) {
  auto made = condition(word);
  if (!made) {
    const std::string names = details();
    const bool many = group_ == HappeningGroup::command;
    error = fmt::format("'{}' does not go with {}{}; allowed are a function{}{}", word,
                        group_ == HappeningGroup::count_ ? "event" : kHappeningGroups[static_cast<std::size_t>(group_)].name,
                        did_you_mean(word, names), names.empty() ? "" : " and ",
                        many ? "rung, done, failed, INITIATOR, RESPONDER and opcodes as SUSPEND_VHCA" : comma_list(names));
    return false;
  }
  if (made->test == Test::good && group_ == HappeningGroup::command) {
    conditions_.push_back({Test::kind, static_cast<std::uint64_t>(HappeningKind::command_completed), ""});
  }
  conditions_.push_back(std::move(*made));
  return true;
}

bool EventFilter::parse(const Words& words, std::size_t from, const NameTable& names, std::string& error) {
  const auto begin = words.begin() + static_cast<std::ptrdiff_t>(std::min(from, words.size()));
  const auto condition = std::find(begin, words.end(), "if");
  if (begin != condition && !group(*begin, error)) {
    return false;
  }
  for (auto word = begin; word != condition; ++word) {
    if (word != begin && !function(*word) && !detail(*word, error)) {
      return false;
    }
  }
  if (condition == words.end()) {
    return true;
  }
  std::string text;
  for (auto word = condition + 1; word != words.end(); ++word) {
    text += (text.empty() ? "" : " ") + *word;
  }
  if (text.empty()) {
    error = "an expression is missing behind if";
    return false;
  }
  expression_ = Expression::parse(text, names, error);
  return expression_ != nullptr;
}

bool EventFilter::holds(const Condition& c, const Happening& h) {
  switch (c.test) {
    case Test::kind:
      return static_cast<std::uint64_t>(h.kind) == c.value;
    case Test::tlp_class:
      return tlp_name(h.tlp) == c.text;
    case Test::opcode:
      return h.a == c.value;
    case Test::half:
      return h.text_name().find(c.text) != std::string_view::npos;
    case Test::good:
      return h.good == (c.value != 0);
    case Test::state:
      return h.b == c.value;
    case Test::vector:
      return h.a == c.value;
    default:
      return h.text_name() == c.text;
  }
}

bool EventFilter::matches(const Happening& h) const {
  if (group_ != HappeningGroup::count_ && group_of(h.kind) != group_) {
    return false;
  }
  const auto is = [&](model::FnRef f) { return (!fn_ || f.fn == *fn_) && (!host_ || f.host == *host_); };
  if (!is(h.who) && !(h.has_target && is(h.target))) {
    return false;
  }
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& c) { return holds(c, h); }) &&
         (!expression_ || expression_->value() != 0);
}

std::string events_help() {
  std::string out =
      "An event is named by its kind and, behind it in any order, a function (vf0: on both hosts; A.vf0, B.pf, A.peer),\n"
      "details, and a condition: command SUSPEND_VHCA INITIATOR vf0 done if time > 105 ms\n";
  for (const HappeningGroupInfo& g : kHappeningGroups) {
    out += fmt::format("  {:<8} {}\n", g.name, g.doc);
  }
  return out + "  event    any of them\n"
               "Details: tlp and landed MRd MWr CplD MSI, sent, received; command an opcode, INITIATOR, RESPONDER, rung, done,\n"
               "failed; state a VFIO state, arc, set_state, reset, failed; rule an id; irq a vector; vmm phase, vcpus,\n"
               "migration, begins, ends, the name of a phase. Short: cmd = command, arc = state arc, read = tlp MRd sent,\n"
               "write = tlp MWr sent.\n";
}

}  // namespace vfsim::bench
