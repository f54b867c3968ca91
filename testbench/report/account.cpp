#include "testbench/report/account.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace vfsim::bench {
namespace {

constexpr std::size_t kMigrations = 3;  // shown in full; the rest in one line
constexpr std::size_t kPhases = 9;      // of a migration
constexpr std::size_t kViolations = 4;
constexpr std::size_t kDrawnLines = 3;
constexpr std::size_t kDrawnColumns = 145;

/// What the seed made of [random], in at most kDrawnLines lines.
void add_drawn(const Result& r, std::string& out) {
  std::string line = "drawn";
  std::size_t lines = 0;
  for (std::size_t i = 0; i < r.drawn.size(); ++i) {
    const std::string item = fmt::format(" {} = {};", r.drawn[i].key, r.drawn[i].value);
    if (line.size() + item.size() > kDrawnColumns && line.size() > 5) {
      out += line + "\n";
      line = "     ";
      if (++lines == kDrawnLines) {
        out.pop_back();
        out += fmt::format(" ... {} more\n", r.drawn.size() - i);
        return;
      }
    }
    line += item;
  }
  out += r.drawn.empty() ? "" : line + "\n";
}

void add_migration(const MigrationResult& m, std::string& out) {
  out += fmt::format("migration  guest {} (VF {})  {} -> {}  {}\n", m.guest, m.vf, m.from, m.to,
                     m.outcome + (m.reason.empty() ? "" : ": " + m.reason));
  out += fmt::format("  total {}, downtime {}, pre-copy rounds {}, memory {}, device state {}\n",
                     duration(m.end_ns - m.begin_ns), duration(m.downtime_ns), m.precopy_rounds,
                     size(m.memory_bytes), size(m.state_bytes));
}

void add_phases(const MigrationResult& m, std::size_t limit, std::string& out) {
  std::size_t shown = 0;
  for (const PhaseResult& p : m.phases) {
    if (++shown > limit) {
      out += fmt::format("  ... {} more phases\n", m.phases.size() - limit);
      return;
    }
    out += fmt::format("  {:<22} {:>12}   from {:>12}\n", p.name, duration(p.end_ns - p.begin_ns),
                       duration(p.begin_ns));
  }
}

void add_migrations(const Result& r, std::string& out) {
  // Phases of one migration are worth their lines; of several, only their sums are.
  const std::size_t phases = r.migrations.size() == 1   ? kPhases
                             : r.migrations.size() == 2 ? kPhases / 2
                                                        : 0;
  std::size_t shown = 0;
  for (const MigrationResult& m : r.migrations) {
    if (++shown > kMigrations) {
      out += fmt::format("  ... {} more migrations (--json lists all)\n",
                         r.migrations.size() - kMigrations);
      return;
    }
    add_migration(m, out);
    if (phases != 0) {
      add_phases(m, phases, out);
    }
  }
}

void add_oracle(const Result& r, std::string& out) {
  const OracleCounts& o = r.oracle;
  out += "packets\n";
  out += fmt::format("  sent by guests     {:>10} posted   {:>10} on the wire  {:>10} completed\n",
                     o.tx_posted, o.tx_on_wire, o.tx_completed);
  out += fmt::format("  sent to guests     {:>10} offered  {:>10} accepted     {:>10} delivered\n",
                     o.rx_offered, o.rx_accepted, o.rx_delivered);
  out += fmt::format(
      "  lost {}, duplicated {}, corrupted {}, reordered {}; held on the wire "
      "{}\n",
      o.lost, o.duplicated, o.corrupted, o.reordered, r.held_on_wire);
  if (o.interface_sent + o.interface_received != 0) {
    out += fmt::format("  stock Ethernet drivers: {} sent, {} on the wire; {} accepted, {} received\n", o.interface_sent,
                       o.interface_on_wire, o.interface_accepted, o.interface_received);
  }
  if (o.tx_discarded != 0) {
    out += fmt::format("  discarded while the cable was pulled, or by a reset {}\n", o.tx_discarded);
  }
  if (o.tx_abandoned != 0 || o.rx_discarded != 0) {
    out += fmt::format("  by resets: {} sends completed to nobody, {} received frames dropped\n", o.tx_abandoned, o.rx_discarded);
  }
  out += fmt::format("  interrupts lost {}, dirty pages missed {}, memory bytes that differ {}\n",
                     o.interrupts_lost, o.missed_dirty_pages, o.memory_mismatch_bytes);
}

/// Rules on lines of a fixed number of columns.
void add_rules(const Result& r, std::string& out) {
  out += "rules (evaluations)\n";
  std::string line;
  std::string idle;
  for (const RuleCount& rule : r.rules) {
    if (rule.verdict == "not exercised") {
      idle += " " + rule.id;
      continue;
    }
    line += fmt::format("  {} {:<8} {:<9}", rule.id, rule.verdict, rule.evaluations);
    if (line.size() > 80) {
      out += line + "\n";
      line.clear();
    }
  }
  out += line.empty() ? "" : line + "\n";
  for (const RuleCount& rule : r.rules) {
    out += rule.note.empty() ? "" : fmt::format("  {}: {}\n", rule.id, rule.note);
  }
  out += idle.empty() ? "" : "  not exercised:" + idle + "\n";
}

void add_violations(const Result& r, std::string& out) {
  std::size_t shown = 0;
  for (const ViolationResult& v : r.violations) {
    if (++shown > kViolations) {
      out += fmt::format("  ... {} more (--json lists them)\n", r.violations.size() - kViolations);
      return;
    }
    out += fmt::format("! {} at {}, {}: expected {};\n  seen {}\n", v.rule, duration(v.time_ns),
                       v.who, v.expected, v.seen);
  }
}

/// Without blanks at line ends; short lines stay, long ones end in "...": the account is for a
/// terminal.
std::string clipped(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    line.erase(line.find_last_not_of(' ') + 1);
    out += (line.size() <= 160 ? line : line.substr(0, 157) + "...") + "\n";
    at = end + 1;
  }
  return out;
}

}  // namespace

std::string duration(std::uint64_t ns) {
  const auto value = static_cast<double>(ns);
  return ns < 10000         ? fmt::format("{} ns", ns)
         : ns < 1000000     ? fmt::format("{:.1f} us", value / 1e3)
         : ns < 10000000000 ? fmt::format("{:.3f} ms", value / 1e6)
                            : fmt::format("{:.3f} s", value / 1e9);
}

std::string size(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  return bytes < 10240                  ? fmt::format("{} B", bytes)
         : bytes < (10U << 20)          ? fmt::format("{:.1f} KiB", value / 1024)
         : bytes < (UINT64_C(10) << 30) ? fmt::format("{:.1f} MiB", value / (1 << 20))
                                        : fmt::format("{:.1f} GiB", value / (1 << 30));
}

std::string account(const Result& r, bool wire) {
  std::string out = fmt::format("{}: {}\n", r.scenario, r.title);
  add_drawn(r, out);
  add_migrations(r, out);
  add_oracle(r, out);
  if (wire) {
    out += fmt::format("wire  {} frames, {} held until somebody took them, {} lost\n",
                       r.sent_on_wire, r.held_on_wire, r.lost_on_wire);
  }
  add_rules(r, out);
  add_violations(r, out);
  out += fmt::format("simulated {}{}, {} TLPs, seed {}, events digest {}\n", duration(r.sim_time_ns),
                     r.wall_s == 0 ? "" : fmt::format(" in {:.2f} s", r.wall_s), r.tlps, r.seed,
                     r.events_digest);
  out += fmt::format("verdict: {}{}\n", r.verdict, r.error.empty() ? "" : " (" + r.error + ")");
  return clipped(out);
}

}  // namespace vfsim::bench
