// An end point on the wire that sends every frame back.
#pragma once

#include <vector>

#include "systemc/wire/port.hpp"
#include "testbench/oracle/oracle.hpp"

namespace vfsim::bench {

/// Owns the addresses of the guests' clients (testbench/workload/schedule.hpp, client_mac): a frame
/// to one of them comes back with its two MAC addresses exchanged. The oracle hears of both.
class EchoPeer final : public model::WireEndpoint, public model::FrameFate {
 public:
  explicit EchoPeer(Oracle& oracle) : oracle_(oracle) {}

  void connect(model::WirePort& wire) { wire_ = &wire; }
  model::FrameDrop frame_arrived(const std::uint8_t* bytes, std::uint32_t length) override;
  [[nodiscard]] bool owns_mac(const std::uint8_t* mac) const override;
  /// Nobody sends it again: it was not offered to a guest.
  void dropped(const std::uint8_t* bytes, std::uint32_t length) override;
  void taken(const std::uint8_t* bytes, std::uint32_t length) override { (void)bytes, (void)length; }
  [[nodiscard]] bool sends_again() const override { return false; }

 private:
  Oracle& oracle_;
  model::WirePort* wire_ = nullptr;
  std::vector<std::uint8_t> frame_;
};

}  // namespace vfsim::bench
