// What runs in a tier: its guests, and what every run takes from this checkout.
#pragma once

#include <string>
#include <vector>

#include "testbench/linux_host/linux_run.hpp"

namespace vfsim::bench {

/// Guests of a folder of scripts: those that have one there. a.sh: host A; b.sh: host B; vm.sh: a
/// VM with VF 0 of A. Empty: the folder has no a.sh.
[[nodiscard]] std::vector<GuestPlan> guests_of_folder(const std::string& folder);
/// Guests of a tier ("1", "2", ...), "" none.
[[nodiscard]] std::vector<GuestPlan> guests_of_tier(const std::string& tier);
/// One host that runs a script.
[[nodiscard]] std::vector<GuestPlan> guests_of_script(const std::string& script);
/// Their machine, a scenario file: machine.toml beside the first one's script, or else that of all
/// tiers.
[[nodiscard]] std::string linux_machine_file(const std::vector<GuestPlan>& guests);
/// Library for the kernels: the same random numbers in every run; no program of theirs outlives them.
[[nodiscard]] std::string kernel_preload();

}  // namespace vfsim::bench
