// The wave of the last microseconds only: kept in memory, written when something is wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

class VerilatedVcdC;

namespace vfsim::rtl {

/// Takes models that Verilator made with --trace (vf_verilate(... VCD)).
class RecentWave {
 public:
  /// @param window  ps; between this and twice as much is kept
  explicit RecentWave(std::uint64_t window);
  ~RecentWave();
  RecentWave(const RecentWave&) = delete;
  RecentWave& operator=(const RecentWave&) = delete;

  /// For dut.trace(&vcd(), levels), before the first dump.
  [[nodiscard]] VerilatedVcdC& vcd() { return *vcd_; }
  /// All signals of all models as they are now; `ps` does not go back.
  void dump(std::uint64_t ps);
  /// A VCD file. False: it cannot be written.
  [[nodiscard]] bool write(const std::string& path);

 private:
  class Memory;
  std::uint64_t window_;
  std::uint64_t next_part_ = 0;
  bool open_ = false;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<VerilatedVcdC> vcd_;
};

}  // namespace vfsim::rtl
