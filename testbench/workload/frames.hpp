// Test frames and the addresses in them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace vfsim::bench {

using Mac = std::array<std::uint8_t, 6>;
using Frame = std::vector<std::uint8_t>;

/// MAC address of guest g (02:76:66:00:00:g) and of its client on the wire (02:70:65:00:00:g).
[[nodiscard]] Mac guest_mac(std::uint32_t guest);
[[nodiscard]] Mac client_mac(std::uint32_t guest);
/// Guest number of one of those addresses' last byte; -1 for any other address.
[[nodiscard]] int guest_of_mac(const std::uint8_t* mac);

/// Destination and source address of a frame.
void set_macs(Frame& frame, const Mac& to, const Mac& from);
/// One numbered test frame of `length` bytes.
[[nodiscard]] Frame numbered_frame(const Mac& to, const Mac& from, std::uint64_t number, std::uint32_t length);

}  // namespace vfsim::bench
