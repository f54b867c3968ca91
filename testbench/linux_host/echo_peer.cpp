#include "testbench/linux_host/echo_peer.hpp"

#include <algorithm>

#include "testbench/workload/schedule.hpp"

namespace vfsim::bench {
namespace {

constexpr std::ptrdiff_t kMacBytes = 6;

}  // namespace

bool EchoPeer::owns_mac(const std::uint8_t* mac) const {
  const Mac client = client_mac(0);
  return std::equal(client.begin(), client.end() - 1, mac);
}

model::FrameDrop EchoPeer::frame_arrived(const std::uint8_t* bytes, std::uint32_t length) {
  if (length < 2 * kMacBytes || !owns_mac(bytes)) {
    return model::FrameDrop::no_owner;
  }
  const int guest = guest_of_mac(bytes + kMacBytes);
  if (guest >= 0) {
    oracle_.on_wire(static_cast<std::uint32_t>(guest), bytes, length);
    oracle_.offered(static_cast<std::uint32_t>(guest));
  }
  frame_.assign(bytes, bytes + length);
  std::swap_ranges(frame_.begin(), frame_.begin() + kMacBytes, frame_.begin() + kMacBytes);
  wire_->send(frame_.data(), length);
  return model::FrameDrop::none;
}

void EchoPeer::dropped(const std::uint8_t* bytes, std::uint32_t length) {
  (void)length;
  if (const int guest = guest_of_mac(bytes); guest >= 0) {
    oracle_.lost_on_wire(static_cast<std::uint32_t>(guest));
  }
}

}  // namespace vfsim::bench
