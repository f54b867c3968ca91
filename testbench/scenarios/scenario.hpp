// A scenario: what is simulated, with which parameters, and what happens when.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "firmware/interface/faults.h"
#include "host_driver/vmm/params.hpp"
#include "systemc/common/params.hpp"
#include "testbench/scenarios/random_section.hpp"
#include "testbench/workload/channel_params.hpp"
#include "testbench/workload/workload_params.hpp"

namespace vfsim::bench {

/// One thing that the hosts do. Verbs and their options are the rows of steps.def.
struct Step {
  std::string verb;
  std::uint32_t line = 0;  // in the scenario file
  std::map<std::string, std::string>
      options;  // every option of the verb, defaults filled in, checked

  /// Value of an option of the verb; "" for one it does not have.
  [[nodiscard]] std::string text(const std::string& option) const;
  /// The same as a number; times are in nanoseconds. 0 for an option that is no number.
  [[nodiscard]] std::uint64_t number(const std::string& option) const;
  /// Of a migration that may end in any way (expect = "any"): something is there to disturb it.
  [[nodiscard]] bool may_end_otherwise() const;
};

struct Scenario {
  std::string name;
  std::string title;
  std::string goal;
  std::vector<std::string> rules;  // ids: those that a run must exercise, or it misses its goal
  std::string path;                // of the file
  std::string folder;              // that the file is in, for relative file names
  model::PcieParams pcie;
  model::HostParams host;
  model::NicParams nic;
  model::WireParams wire;
  driver::VmmParams vmm;
  ChannelParams channel;
  WorkloadParams workload;
  std::vector<Step> steps;   // in the order of the file, which is the order in time
  vf_fault_set faults{};     // VF_FAULT_* set
  RandomSection random;      // what is left open
  std::vector<Drawn> drawn;  // what draw() made of it
  /// Where a parameter ("nic.vfs") got its value: "file:line:column" or "--set ..."; none: default.
  std::map<std::string, std::string> places;
};

/// Reads a scenario file (TOML). False: `error` is one line, "file:line:column: what is wrong; what
/// is allowed".
[[nodiscard]] bool load(const std::string& path, Scenario& scenario, std::string& error);

/// The same from the text of a file; `path` is what errors name.
[[nodiscard]] bool parse(const std::string& text, const std::string& path, Scenario& scenario,
                         std::string& error);

/// One command line override, "group.name=value" or "faults=a,b"; checked like the file. False:
/// `error` is one line.
[[nodiscard]] bool apply_override(const std::string& assignment, Scenario& scenario,
                                  std::string& error);

/// What only shows when the whole scenario is known, after all overrides: parameters that
/// contradict each other, steps that name guests which do not exist, migrations to the host that
/// the guest is on. False: `error` is one line.
[[nodiscard]] bool check(const Scenario& scenario, std::string& error);

/// A scenario file by path, or by the name of a shipped one; "" and an error line if there is none.
[[nodiscard]] std::string find_scenario(const std::string& name_or_path, std::string& error);
/// Paths of the shipped scenarios, sorted by name.
[[nodiscard]] std::vector<std::string> shipped_scenarios();

}  // namespace vfsim::bench
