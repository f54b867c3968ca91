#include "testbench/runner/check_inputs.hpp"

#include <fmt/format.h>

#include "systemc/nic/block_makers.hpp"
#include "systemc/rtl_bridge/dma_gate_rtl.hpp"

namespace vfsim::bench {

CheckContext check_context(const std::array<Hardware, kHosts>& hosts, const Scenario& scenario) {
  CheckContext context;
  context.base_rid = model::Host::kNicRid;
  context.functions = scenario.nic.vfs + 1;
  context.completion_timeout = scenario.nic.completion_timeout_us * model::kUs;
  if (model::is_rtl(scenario.nic, scenario.nic.dma_gate)) {
    context.timeout_lateness = model::DmaGateRtl::lateness(scenario.nic);
  }
  context.stream_records = scenario.vmm.flow == "newest";
  context.pcie = scenario.pcie;
  context.host = scenario.host;
  context.nic = scenario.nic;
  for (std::size_t h = 0; h < hosts.size(); ++h) {
    context.memory[h] = &hosts[h].host->memory();
  }
  context.translate = [hosts](std::uint8_t host, model::Rid rid, std::uint64_t iova,
                              std::uint32_t bytes) {
    model::Iommu& iommu = hosts[host].host->iommu();
    const auto readable = iommu.translate(rid, iova, bytes, false);
    return readable ? readable : iommu.translate(rid, iova, bytes, true);
  };
  context.state_digest = [hosts](std::uint8_t host, std::uint32_t fn) {
    return hosts[host].nic->state_digest(fn);
  };
  return context;
}

void show_sightings(Oracle& oracle, RuleSet& rules, const model::Calendar& calendar) {
  oracle.on_sighting([&calendar] { return calendar.now(); },
                     [&rules](const Sighting& s) {
                       rules.oracle_sighting(s.rule, s.t, s.who, s.seen, s.blame);
                     });
}

namespace {

void judge_oracle(const OracleFigures& f, model::Ps end, RuleSet& rules) {
  rules.oracle_result("Q5", end, f.interrupt_checks, f.interrupts_lost,
                      "no guest waits for an interrupt that does not come",
                      fmt::format("{} waits", f.interrupts_lost));
  rules.oracle_result(
      "D2", end, f.pages_compared, f.missed_dirty_pages,
      "guest memory is the same on both hosts at switchover",
      fmt::format("{} pages differ in {} bytes", f.missed_dirty_pages, f.memory_mismatch_bytes));
  rules.oracle_result(
      "X1", end, f.tx_posted + f.rx_accepted + f.interface_sent + f.interface_accepted,
      f.packets_wrong(),
      "every packet once, in order, unchanged",
      fmt::format("{} lost, {} duplicated, {} corrupted, {} reordered, {} of {} sends completed, "
                  "{} of {} offered frames accepted, {} differ from what interfaces counted",
                  f.lost, f.duplicated, f.corrupted, f.reordered, f.tx_completed, f.tx_posted,
                  f.rx_accepted, f.rx_offered, f.interface_wrong));
}

void add_rules(const RuleSet& rules, Result& result) {
  for (const RuleResult& rule : rules.results()) {
    result.rules.push_back({rule.info->id, rule.info->title, rule.evaluations, rule.violations,
                            rule.verdict(), rule.note});
  }
  for (const Violation& v : rules.violations().stored()) {
    result.violations.push_back({v.rule, v.time / model::kNs, v.who, v.expected, v.seen});
  }
}

}  // namespace

void add_last_judgements(const LastJudgement& run, Result& result) {
  run.oracle.tell_losses();
  const OracleFigures f = run.oracle.figures();
  result.oracle = {f.tx_posted,       f.tx_completed,       f.tx_on_wire,
                   f.rx_offered,      f.rx_accepted,        f.rx_delivered,
                   f.lost,            f.duplicated,         f.corrupted,
                   f.reordered,       f.interrupts_lost,    f.missed_dirty_pages,
                   f.memory_mismatch_bytes, f.tx_discarded, f.tx_abandoned,
                   f.rx_discarded,    f.interface_sent,     f.interface_on_wire,
                   f.interface_accepted, f.interface_received};
  run.rules.finish(run.end);
  judge_oracle(f, run.end, run.rules);
  add_rules(run.rules, result);
  result.sim_time_ns = run.end / model::kNs;
  result.tlps = run.events.tlps();
  result.events_digest = run.events.digest();
  result.sent_on_wire = run.wire.counters().sent;
  result.held_on_wire = run.wire.counters().held;
  result.lost_on_wire = run.wire.counters().dropped;
}

}  // namespace vfsim::bench
