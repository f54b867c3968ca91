// vfsim bench linux: what a run of stock kernels costs.
#pragma once

#include "testbench/bench/measure.hpp"
#include "testbench/linux_host/linux_run.hpp"

namespace vfsim::bench {

/// Runs a tier to its end; what its guests print goes nowhere. Throws std::runtime_error when it does
/// not pass.
/// @param kernels  binary and initramfs
/// @returns "wall_s", "sim_s", "tlps", "guests_s", "simulation_s", "turns" (LinuxCost)
[[nodiscard]] Figures measure_linux(const std::string& tier, const LinuxOptions& kernels);

/// Seconds that two processes need to hand a message of the calendar to and fro over such a socket.
[[nodiscard]] double measure_hand_over();

}  // namespace vfsim::bench
