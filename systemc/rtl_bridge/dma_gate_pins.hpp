// The pins of the verilated quiesce gate (rtl_models/dma_gate/README.md). No SystemC in here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace vfsim::rtl {
class RtlSession;
}

namespace vfsim::model {

/// One clock cycle at a time: set pins, look(), clock(). Levels keep their value, pulses last until
/// clock().
class DmaGatePins {
 public:
  static constexpr std::uint32_t kFunctions = 128;
  static constexpr std::uint32_t kTags = 256;
  static constexpr std::uint32_t kTimeoutTicks = 127;
  /// Bit f of word f / 32.
  using Bits = std::array<std::uint32_t, kFunctions / 32>;

  /// What the cycle does.
  struct Out {
    bool read = false, posted = false, message = false, expired = false;
    std::uint8_t read_fn = 0, read_tag = 0, posted_fn = 0, expired_tag = 0;
  };

  DmaGatePins(rtl::RtlSession& session, const std::string& name, std::uint32_t own,
              std::uint32_t tags);
  ~DmaGatePins();

  // Levels.
  void read_request(std::uint32_t fn, bool on);
  void write_request(std::uint32_t fn, bool on);
  void message_request(std::uint32_t fn, bool on);
  void quiesce(std::uint32_t fn, bool on);
  void busy(std::uint32_t fn, bool on);
  void ready(bool reads, bool posted);

  // Pulses.
  void completion(std::uint16_t tag);
  void landing(std::uint32_t fn);
  void reset(std::uint32_t fn);
  void tick();

  [[nodiscard]] Out look();
  /// With a rising edge at `ps`.
  void clock(std::uint64_t ps);

  [[nodiscard]] bool acknowledged(std::uint32_t fn) const;
  /// As of the last look().
  [[nodiscard]] bool drained(std::uint32_t fn) const;
  [[nodiscard]] bool timed_out(std::uint32_t fn) const;
  [[nodiscard]] bool sweeps() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::model
