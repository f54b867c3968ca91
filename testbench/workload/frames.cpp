#include "testbench/workload/frames.hpp"

#include <algorithm>

#include <boost/endian/conversion.hpp>

namespace vfsim::bench {
namespace {

constexpr std::size_t kMacs = 12;             // two addresses in front of a frame
constexpr std::size_t kEthernetHeader = 14;
constexpr std::uint16_t kTypeLocal = 0x88b5;  // IEEE local experimental

}  // namespace

void set_macs(Frame& frame, const Mac& to, const Mac& from) {
  std::copy(to.begin(), to.end(), frame.begin());
  std::copy(from.begin(), from.end(), frame.begin() + 6);
}

Mac guest_mac(std::uint32_t guest) { return {0x02, 0x76, 0x66, 0, 0, static_cast<std::uint8_t>(guest)}; }
Mac client_mac(std::uint32_t guest) { return {0x02, 0x70, 0x65, 0, 0, static_cast<std::uint8_t>(guest)}; }

int guest_of_mac(const std::uint8_t* mac) {
  for (const Mac& base : {guest_mac(0), client_mac(0)}) {
    if (std::equal(mac, mac + 5, base.begin())) {
      return mac[5];
    }
  }
  return -1;
}

Frame numbered_frame(const Mac& to, const Mac& from, std::uint64_t number, std::uint32_t length) {
  Frame frame(std::max<std::size_t>(length, kEthernetHeader + 8));
  set_macs(frame, to, from);
  boost::endian::store_big_u16(&frame[kMacs], kTypeLocal);
  boost::endian::store_big_u64(&frame[kEthernetHeader], number);
  for (std::size_t i = kEthernetHeader + 8; i < frame.size(); ++i) {
    frame[i] = static_cast<std::uint8_t>(i * 7 + number);
  }
  return frame;
}

}  // namespace vfsim::bench
