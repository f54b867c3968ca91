// where, log, rules, oracle, image, params, digest: the run as a whole.
#include <algorithm>
#include <fmt/format.h>
#include <xxhash.h>

#include "testbench/checkers/image_text.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/params.hpp"
#include "testbench/shell/look_tools.hpp"

namespace vfsim::bench {
namespace {

// where.

std::string run_state(const Machine& machine) {
  if (machine.ended) {
    return "over: " + machine.result.verdict +
           (machine.result.error.empty() ? "" : ", " + machine.result.error);
  }
  return machine.director.leaving()   ? "traffic and steps have ended, drivers are unloaded"
         : machine.director.working() ? "guests are at work"
                                      : "hosts boot, drivers are loaded";
}

std::string phases_text(const VmmView::Guest& g, model::Ps now) {
  std::string out;
  for (const VmmView::Phase& phase : g.phases) {
    append(out, fmt::format("{} since {}", phase.name, age_text(now - phase.since)));
  }
  return out.empty() ? "none" : out;
}

std::string migration_text(const VmmView::Guest& g, model::Ps now) {
  if (g.migrating) {
    return fmt::format("migrates {} -> {} since {}", host_name(g.from), host_name(g.to),
                       age_text(now - g.since));
  }
  return g.outcome.empty() ? "has not migrated"
                           : fmt::format("last migration {} -> {} {}", host_name(g.from),
                                         host_name(g.to), g.outcome);
}

/// "vf0: A PRE_COPY, B RESUMING".
std::string devices_text(const Machine& machine, const Guest& guest) {
  std::string out;
  for (const auto& nic : guest.nics()) {
    const auto state = [&](std::uint8_t host) {
      return driver::to_string(machine.sim.hosts[host]->vfs[nic->vf()]->migration.peek_state());
    };
    append(out, fmt::format("vf{}: A {}, B {}", nic->vf(), state(0), state(1)), "; ");
  }
  return out;
}

constexpr std::size_t kFewGuests = 4;

bool at_peace(const Machine& machine, Guest& guest) {
  const VmmView::Guest& vmm = machine.watcher.vmm().guest(guest.core().number);
  return guest.core().host == 0 && !guest.core().gate.closed() && !vmm.migrating &&
         vmm.outcome.empty();
}

void add_guest(TextList& list, const Machine& machine, Guest& guest) {
  const model::Ps now = machine.sim.calendar.now();
  const VmmView::Guest& vmm = machine.watcher.vmm().guest(guest.core().number);
  list.add(fmt::format("guest{}", guest.core().number),
           fmt::format("on {}, vCPUs {}, {}", host_name(guest.core().host),
                       guest.core().gate.closed() ? "stopped" : "run", migration_text(vmm, now)));
  if (vmm.migrating) {
    list.add("", "phases: " + phases_text(vmm, now));
  }
  list.add("", devices_text(machine, guest));
}

// rules.

std::string rule_ids() {
  std::string ids;
  for (const RuleInfo& info : rule_table()) {
    append(ids, info.id, " ");
  }
  return ids;
}

/// "held" and the like need the end of the run.
std::string rule_verdict(const RuleResult& rule) {
  return rule.violations != 0 ? "VIOLATED" : rule.evaluations == 0 ? "not exercised" : "holds";
}

std::string shortened(std::string text) {
  constexpr std::size_t kMost = 54;
  return text.size() <= kMost ? text : text.substr(0, kMost - 3) + "...";
}

std::string all_rules(const RuleSet& rules) {
  TextTable table({"rule", "evaluations>", "violations>", "so far", "title"});
  for (const RuleResult& rule : rules.results()) {
    table.row({rule.info->id, std::to_string(rule.evaluations), std::to_string(rule.violations),
               rule_verdict(rule), shortened(rule.info->title)});
  }
  return table.text();
}

std::string one_rule(const RuleSet& rules, const RuleResult& rule) {
  TextList list(12);
  list.add(rule.info->id, rule.info->title);
  list.add("judged when", rule.info->trigger);
  list.add("evaluations", std::to_string(rule.evaluations));
  list.add("violations", std::to_string(rule.violations));
  if (!rule.note.empty()) {
    list.add("figures", rule.note);
  }
  for (const Violation& v : rules.violations().stored()) {
    if (v.rule == rule.info->id) {
      list.add("", "");
      list.add(v.who, time_text(v.time));
      list.add("  expected", v.expected);
      list.add("  seen", v.seen);
    }
  }
  return list.text();
}

// image.

std::string image_list(const Machine& machine) {
  TextTable table({"image>", "time", "function", "kind", "bytes>"});
  for (const KeptImage& image : machine.watcher.images().images()) {
    table.row({std::to_string(image.number), time_text(image.t), function_name(image.who),
               image.incremental ? "increment" : "full", std::to_string(image.bytes.size())});
  }
  return table.empty() ? "SAVE has not yielded an image yet" : table.text();
}

std::string records_text(const KeptImage& image) {
  std::uint32_t syndrome = 0;
  std::uint32_t offset = 0;
  const std::string head =
      fmt::format("image {} of {}, {} bytes, saved at {}", image.number, function_name(image.who),
                  image.bytes.size(), time_text(image.t));
  if (fw_image_check(image.bytes.data(), image.bytes.size(), &syndrome, &offset) != 0) {
    constexpr std::size_t kShown = 256;
    const auto end =
        image.bytes.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, image.bytes.size()));
    return fmt::format("{}\nno whole image: syndrome {:#x} at {:#x}; it begins\n{}", head, syndrome,
                       offset, hexdump(0, {image.bytes.begin(), end}));
  }
  return head + "\n" + image_text(image.bytes.data(), image.bytes.size(), false);
}

Answer image_numbered(const Machine& machine, const Words& words) {
  const auto& images = machine.watcher.images().images();
  std::uint64_t number = 0;
  std::string error;
  if (!take_number(words, 1, "image", number, error)) {
    return wrong(error);
  }
  const auto found = std::find_if(images.begin(), images.end(),
                                  [&](const KeptImage& i) { return i.number == number; });
  if (found == images.end()) {
    return wrong(images.empty() ? "SAVE has not yielded an image yet"
                                : fmt::format("there is no image {}; allowed are {} .. {}", number,
                                              images.front().number, images.back().number));
  }
  if (words.size() == 2) {
    return lines(records_text(*found));
  }
  const std::string text(found->bytes.begin(), found->bytes.end());
  return write_file(words[3], text, error)
             ? lines(fmt::format("{}: {} bytes", words[3], text.size()))
             : wrong(error);
}

// digest.

std::string nic_digest(const Machine& machine, std::uint8_t host) {
  model::Nic::Impl& nic = machine.sim.hosts[host]->nic.impl();
  std::vector<std::uint64_t> functions;
  for (std::uint32_t fn = 0; fn < nic.core.functions(); ++fn) {
    functions.push_back(nic.digest(fn, nic.doorbells->pending_by_now(fn)));
  }
  return fmt::format("{:016x}",
                     XXH3_64bits(functions.data(), functions.size() * sizeof(std::uint64_t)));
}

}  // namespace

Answer shell_where(Machine& machine, const Words& words) {
  if (words.size() != 1) {
    return wrong_usage(words[0]);
  }
  TextList list(9);
  list.add("time", time_text(machine.sim.calendar.now()));
  list.add("event", fmt::format("#{}", machine.watcher.count()));
  for (const Happening& h : machine.watcher.last(1, [](const Happening&) { return true; })) {
    list.add("newest", text(h));
  }
  list.add("run", run_state(machine));
  std::size_t others = 0;  // where there are many, those that nothing happens to
  for (const auto& guest : machine.sim.guests) {
    if (machine.sim.guests.size() > kFewGuests && at_peace(machine, *guest)) {
      ++others;
    } else {
      add_guest(list, machine, *guest);
    }
  }
  if (others != 0) {
    list.add("guests", fmt::format("{} others run on A and have not migrated", others));
  }
  return lines(list.text());
}

Answer shell_log(Machine& machine, const Words& words) {
  constexpr std::uint64_t kLines = 20;
  std::uint64_t most = kLines;
  std::string error;
  if (words.size() > 2) {
    return wrong_usage(words[0]);
  }
  if (words.size() == 2 && !take_number(words, 1, "N", most, error)) {
    return wrong(error);
  }
  const std::size_t count = std::min<std::uint64_t>(most, machine.log.size());
  std::string out;
  for (std::size_t i = machine.log.size() - count; i < machine.log.size(); ++i) {
    const LogLine& line = machine.log[i];
    append(out,
           fmt::format("{} {} {}: {}", time_text(line.t),
                       "EWIDT"[static_cast<std::size_t>(line.level)], line.who, line.text),
           "\n");
  }
  return lines(out.empty() ? "no log lines" : out);
}

Answer shell_rules(Machine& machine, const Words& words) {
  if (words.size() > 2) {
    return wrong_usage(words[0]);
  }
  if (words.size() == 1) {
    return lines(all_rules(*machine.sim.rules));
  }
  for (const RuleResult& rule : machine.sim.rules->results()) {
    if (words[1] == rule.info->id) {
      return lines(one_rule(*machine.sim.rules, rule));
    }
  }
  return wrong(fmt::format("there is no rule '{}'{}; allowed are {}", words[1],
                           did_you_mean(words[1], rule_ids()), comma_list(rule_ids())));
}

Answer shell_oracle(Machine& machine, const Words& words) {
  if (words.size() != 1) {
    return wrong_usage(words[0]);
  }
  OracleFigures f = machine.sim.oracle.figures();
  f.tx_completed = 0;  // the oracle is told now and then only
  for (const auto& guest : machine.sim.guests) {
    for (const auto& nic : guest->nics()) {
      f.tx_completed += nic->completed();
    }
  }
  TextTable table({"", "guests to clients>", "clients to guests>"});
  const auto n = [](std::uint64_t value) { return std::to_string(value); };
  table.row({"posted, offered", n(f.tx_posted), n(f.rx_offered)});
  table.row({"on the wire, accepted", n(f.tx_on_wire), n(f.rx_accepted)});
  table.row({"completed, delivered", n(f.tx_completed), n(f.rx_delivered)});
  table.row({"discarded: no cable, reset", n(f.tx_discarded), n(f.rx_discarded)});
  table.row({"abandoned by a reset", n(f.tx_abandoned), ""});
  TextList list(27);
  list.add("on their way, or lost", n(f.lost));
  list.add("duplicated", n(f.duplicated));
  list.add("corrupted", n(f.corrupted));
  list.add("reordered", n(f.reordered));
  list.add("missed dirty pages",
           fmt::format("{} of {} compared ({} bytes differ)", f.missed_dirty_pages,
                       f.pages_compared, f.memory_mismatch_bytes));
  list.add("interrupts lost",
           fmt::format("{} in {} checks (made at the end)", f.interrupts_lost, f.interrupt_checks));
  return lines(table.text() + "\n" + list.text());
}

Answer shell_image(Machine& machine, const Words& words) {
  if (words.size() == 1) {
    return lines(image_list(machine));
  }
  if (words.size() == 2 || (words.size() == 4 && words[2] == "save")) {
    return image_numbered(machine, words);
  }
  return wrong_usage(words[0]);
}

Answer shell_params(Machine& machine, const Words& words) {
  if (words.size() > 2) {
    return wrong_usage(words[0]);
  }
  Scenario scenario = machine.sim.scenario();
  const std::string prefix = words.size() == 2 ? words[1] : "";
  std::string names = group_names();
  TextTable table({"parameter", "value", "from"});
  for (const ParamRow& row : param_table()) {
    const std::string key = row.key();
    names += key + " ";
    if (key.compare(0, prefix.size(), prefix) == 0) {
      const auto place = scenario.places.find(key);
      // "folder/file:line:column" without its folder
      const std::string from = place == scenario.places.end() ? "default" : place->second;
      table.row({key, param_value(row, scenario), from.substr(from.rfind('/') + 1)});
    }
  }
  return table.empty() ? wrong(fmt::format("no parameter begins with '{}'{}; groups are {}", prefix,
                                           did_you_mean(prefix, names), comma_list(group_names())))
                       : lines(table.text());
}

Answer shell_digest(Machine& machine, const Words& words) {
  if (words.size() != 1) {
    return wrong_usage(words[0]);
  }
  TextList list(9);
  list.add("events", fmt::format("{} ({} records)", machine.sim.events->digest(),
                                 machine.sim.events->records()));
  list.add("NIC A", nic_digest(machine, 0));
  list.add("NIC B", nic_digest(machine, 1));
  return lines(list.text());
}

}  // namespace vfsim::bench
