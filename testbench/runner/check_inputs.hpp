// What the rules are told about the machine, and what they say of it.
#pragma once

#include <array>

#include "systemc/nic/nic.hpp"
#include "systemc/pcie/host.hpp"
#include "systemc/wire/wire.hpp"
#include "testbench/checkers/rule_set.hpp"
#include "testbench/oracle/oracle.hpp"
#include "testbench/report/event_log.hpp"
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
/// What the oracle sees first of each of its rules is shown by the rules. All outlive the oracle.
void show_sightings(Oracle& oracle, RuleSet& rules, const model::Calendar& calendar);

/// What has watched a run that is over.
struct LastJudgement {
  Oracle& oracle;
  RuleSet& rules;
  EventLog& events;
  const model::EthernetWire& wire;
  model::Ps end;
};
/// The oracle and the rules judge what only the end shows; fills in what the result says of both, of
/// time, events and wire.
void add_last_judgements(const LastJudgement& run, Result& result);

}  // namespace vfsim::bench
