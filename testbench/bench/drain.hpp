// Drain times of the two quiesce gates under the same random loads, in the NIC and PCIe model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vfsim::bench {

enum class GateKind : std::uint8_t { tlm, rtl };

/// From the closing of the gate to its acknowledgement, ns, one per load.
///
/// Load number i (the same for both gates): 1 to 256 transfers of 64 to 4096 bytes over 1 to 8
/// functions, reads and writes mixed, submitted within 500 ns; each that ends writes a completion
/// entry. The gate of one function closes up to 50 ns later, before anything has ended. Once per
/// process: SystemC elaborates once.
[[nodiscard]] std::vector<double> drain_times(GateKind kind, std::uint32_t loads);

/// Error of the SystemC model against the RTL.
struct DrainError {
  double median_percent = 0;
  double p95_percent = 0;
  double worst_percent = 0;
};
/// Absolute errors, relative to the RTL's time.
[[nodiscard]] DrainError drain_error(const std::vector<double>& tlm,
                                     const std::vector<double>& rtl);

/// A picture (SVG): error of each load over its drain time. False: the file cannot be written.
[[nodiscard]] bool plot_drain(const std::string& path, const std::vector<double>& tlm,
                              const std::vector<double>& rtl);

}  // namespace vfsim::bench
