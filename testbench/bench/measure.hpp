// Measurements in processes of their own: SystemC elaborates once per process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace vfsim::bench {

using Figures = std::map<std::string, double>;

/// Runs `measure` in a forked child and returns what it returns; "peak_mib" (memory of the child) is added.
/// Throws std::runtime_error when the child fails.
[[nodiscard]] Figures in_child(const std::function<Figures()>& measure);

/// Which blocks are RTL, and whether their assertions are evaluated.
struct RtlChoice {
  bool all = false;
  bool assertions = true;
};

/// DMA operations through the whole machine: memory keys, IOMMU, credits, dirty tracking, and with `judged` all rules.
/// @returns "ops_per_s" (per CPU second), "tlps_per_op", "sim_s"
[[nodiscard]] Figures measure_path(std::uint32_t vfs, std::uint64_t operations, bool judged,
                                   const RtlChoice& rtl = {});

/// The default scenario. @returns "wall_s", "cpu_s", "sim_s", "tlps"
/// @param wave  file to write waves to, "" none
[[nodiscard]] Figures measure_scenario(const std::string& wave);

}  // namespace vfsim::bench
