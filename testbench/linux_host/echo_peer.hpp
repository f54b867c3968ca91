// An end point on the wire that sends every frame back.
#pragma once

#include <vector>

#include "systemc/wire/port.hpp"

namespace vfsim::bench {

/// Owns the addresses of the guests' clients (testbench/workload/schedule.hpp, client_mac): a frame
/// to one of them comes back with its two MAC addresses exchanged.
class EchoPeer final : public model::WireEndpoint {
 public:
  void connect(model::WirePort& wire) { wire_ = &wire; }
  model::FrameDrop frame_arrived(const std::uint8_t* bytes, std::uint32_t length) override;
  [[nodiscard]] bool owns_mac(const std::uint8_t* mac) const override;

 private:
  model::WirePort* wire_ = nullptr;
  std::vector<std::uint8_t> frame_;
};

}  // namespace vfsim::bench
