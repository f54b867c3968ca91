// A frame that comes damaged from the wire.
#pragma once

#include <cstdint>
#include <vector>

#include "systemc/wire/port.hpp"

namespace vfsim::bench {

/// Stands between the wire and a NIC. On request one bit of a frame is wrong, as if a switch's
/// memory had spoilt it: its frame check sequence would be right, and only the checksums in it tell.
class SpoiledWire final : public model::WireEndpoint {
 public:
  explicit SpoiledWire(model::WireEndpoint& nic) : nic_(nic) {}
  /// The last byte of the next frame of more than 100 bytes that the NIC takes.
  void spoil_next() { wanted_ = true; }

  model::FrameDrop frame_arrived(const std::uint8_t* bytes, std::uint32_t length) override {
    constexpr std::uint32_t kMoreThanHeaders = 100;
    if (!wanted_ || length <= kMoreThanHeaders) {
      return nic_.frame_arrived(bytes, length);
    }
    frame_.assign(bytes, bytes + length);
    frame_.back() ^= 1U;
    const model::FrameDrop result = nic_.frame_arrived(frame_.data(), length);
    wanted_ = result != model::FrameDrop::none;
    return result;
  }
  [[nodiscard]] bool owns_mac(const std::uint8_t* mac) const override { return nic_.owns_mac(mac); }

 private:
  model::WireEndpoint& nic_;
  bool wanted_ = false;
  std::vector<std::uint8_t> frame_;
};

}  // namespace vfsim::bench
