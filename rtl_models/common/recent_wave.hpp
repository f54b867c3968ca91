// The wave of the last microseconds only: kept in memory, written when something is wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "rtl_models/common/rtl_wave.hpp"

namespace vfsim::rtl {

class RecentWave final : public RtlWave {
 public:
  /// @param window  ps; between this and twice as much is kept
  explicit RecentWave(std::uint64_t window);
  ~RecentWave() override;
  RecentWave(const RecentWave&) = delete;
  RecentWave& operator=(const RecentWave&) = delete;

  [[nodiscard]] VerilatedVcdC& vcd() override { return *vcd_; }
  [[nodiscard]] bool wanted() const override { return true; }
  /// `ps` does not go back: for one model, or models with one clock.
  void dump(std::uint64_t ps, bool ahead) override;
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
