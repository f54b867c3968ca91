// Where models that Verilator made with --trace put what they see.
#pragma once

#include <cstdint>

class VerilatedVcdC;

namespace vfsim::rtl {

class RtlWave {
 public:
  virtual ~RtlWave() = default;
  /// For dut.trace(&vcd(), levels), before the first dump.
  [[nodiscard]] virtual VerilatedVcdC& vcd() = 0;
  /// Somebody wants dump() at every clock edge.
  [[nodiscard]] virtual bool wanted() const = 0;
  /// All signals of all models as they are now.
  /// @param ahead  `ps` is yet to come: the clock's falling edge, told together with the rising one
  virtual void dump(std::uint64_t ps, bool ahead) = 0;
};

}  // namespace vfsim::rtl
