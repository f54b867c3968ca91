// A device beside the NIC: target of peer-to-peer traffic, and a source of doorbells.
#pragma once

#include <array>
#include <vector>

#include "firmware/interface/layout.h"
#include "systemc/common/calendar.hpp"
#include "systemc/common/params.hpp"
#include "systemc/pcie/config_space.hpp"
#include "systemc/pcie/port.hpp"

namespace vfsim::model {

/// Registers: firmware/interface/numbers.def, PEER_*; they read back what was written. Unused
/// offsets read 0. The doorbell engine writes 8 bytes to a bus address every period while CTRL bit
/// 2 is set and DB_COUNT is not 0. CTRL bit 0 (initiator stop): no new doorbell starts; STATUS bit
/// 0 says when the last one has landed. CTRL bit 1 (responder stop): everything but CTRL and STATUS
/// reads 0 and ignores writes. Memory and bus master enable are kept for software and gate nothing.
/// FLR clears registers and memory.
class PeerDevice final : public PcieEndpoint, private ConfigEvents {
 public:
  struct Counters {
    std::uint64_t doorbells = 0;   // sent
    std::uint64_t refused = 0;     // doorbells that the host refused
    std::uint64_t p2p_writes = 0;  // received from other devices
    std::uint64_t p2p_reads = 0;
    std::uint64_t stopped_writes = 0;  // discarded by the responder stop
    std::uint64_t stopped_reads = 0;   // answered with 0 because of it
  };

  PeerDevice(Calendar& calendar, const PcieParams& pcie, Rid rid);
  void connect(PciePort& port) { port_ = &port; }

  // PcieEndpoint
  void receive(const Tlp& tlp, const std::uint8_t* payload) override;
  void write_landed(const Tlp& tlp, bool ok) override;
  void credits_returned() override;

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  static constexpr std::uint32_t kStopInitiator = 1U << 0U;
  static constexpr std::uint32_t kStopResponder = 1U << 1U;
  static constexpr std::uint32_t kRun = 1U << 2U;

  void flr_requested() override;
  void write(const Tlp& tlp, const std::uint8_t* payload);
  void write_register(std::uint64_t offset, std::uint32_t value);
  void read(const Tlp& tlp);
  [[nodiscard]] std::uint8_t byte_at(std::uint64_t offset) const;
  [[nodiscard]] bool hidden(std::uint64_t offset) const;
  [[nodiscard]] std::uint32_t reg(std::uint32_t offset) const { return registers_[offset / 4]; }
  void schedule();
  void ring();

  Calendar& calendar_;
  const std::uint32_t max_payload_;
  const Rid rid_;
  PciePort* port_ = nullptr;
  ConfigSpace config_;
  std::array<std::uint32_t, 16> registers_{};
  std::vector<std::uint8_t> memory_;
  std::vector<std::uint8_t> answer_;
  std::uint32_t in_flight_ = 0;
  Counters counters_;
  MethodTimer<PeerDevice, &PeerDevice::ring> timer_{*this};
};

}  // namespace vfsim::model
