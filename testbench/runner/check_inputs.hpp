// What the rules are told about the machine, and what they say of it.
#pragma once

#include <array>

#include "systemc/nic/nic.hpp"
#include "systemc/pcie/host.hpp"
#include "testbench/checkers/rule_set.hpp"
#include "testbench/report/result.hpp"
#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {

/// Hardware of one host.
struct Hardware {
  model::Host* host = nullptr;
  model::Nic* nic = nullptr;
};

/// Valid as long as the hardware.
[[nodiscard]] CheckContext check_context(const std::array<Hardware, kHosts>& hosts,
                                         const Scenario& scenario);
/// Rules and violations of the result.
void add_judgements(const RuleSet& rules, Result& result);

}  // namespace vfsim::bench
