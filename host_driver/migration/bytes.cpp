#include "host_driver/migration/bytes.hpp"

#include <array>

namespace vfsim::driver {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = value >> 1 ^ ((value & 1) != 0 ? 0x82f63b78U : 0);
    }
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = make_table();

}  // namespace

std::uint32_t crc32c(const std::uint8_t* data, std::size_t bytes) {
  std::uint32_t crc = ~0U;
  for (std::size_t i = 0; i < bytes; ++i) {
    crc = crc >> 8 ^ kTable[(crc ^ data[i]) & 0xff];
  }
  return ~crc;
}

}  // namespace vfsim::driver
