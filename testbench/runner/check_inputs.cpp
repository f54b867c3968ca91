#include "testbench/runner/check_inputs.hpp"

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

void add_judgements(const RuleSet& rules, Result& result) {
  for (const RuleResult& rule : rules.results()) {
    result.rules.push_back({rule.info->id, rule.info->title, rule.evaluations, rule.violations,
                            rule.verdict(), rule.note});
  }
  for (const Violation& v : rules.violations().stored()) {
    result.violations.push_back({v.rule, v.time / model::kNs, v.who, v.expected, v.seen});
  }
}

}  // namespace vfsim::bench
