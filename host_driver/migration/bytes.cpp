#include "host_driver/migration/bytes.hpp"

#include <array>
#include <cstddef>

namespace vfsim::driver {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

/// Table k: effect of a byte that is followed by k zero bytes. Eight of them take eight bytes per
/// step.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = value >> 1 ^ ((value & 1) != 0 ? 0x82f63b78U : 0);
    }
    tables[0][i] = value;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (std::uint32_t i = 0; i < 256; ++i) {
      tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 0xff];
    }
  }
  return tables;
}
constexpr Tables kTables = make_tables();

}  // namespace

std::uint32_t crc32c(const std::uint8_t* data, std::size_t bytes) {
  std::uint32_t crc = ~0U;
  for (; bytes >= 8; bytes -= 8, data += 8) {
    const std::uint32_t low = crc ^ le_load<std::uint32_t>(data);
    const std::uint32_t high = le_load<std::uint32_t>(data + 4);
    crc = kTables[7][low & 0xff] ^ kTables[6][low >> 8 & 0xff] ^ kTables[5][low >> 16 & 0xff] ^
          kTables[4][low >> 24] ^ kTables[3][high & 0xff] ^ kTables[2][high >> 8 & 0xff] ^
          kTables[1][high >> 16 & 0xff] ^ kTables[0][high >> 24];
  }
  for (; bytes != 0; --bytes, ++data) {
    crc = crc >> 8 ^ kTables[0][(crc ^ *data) & 0xff];
  }
  return ~crc;
}

}  // namespace vfsim::driver
