#include "testbench/fuzz/mutate.hpp"

namespace vfsim::bench {
namespace {

constexpr std::size_t kPiece = 64;

struct Piece {
  std::ptrdiff_t at;
  std::ptrdiff_t bytes;
};

Piece any_piece(CaseRandom& random, const CaseBytes& bytes) {
  const std::size_t at = below(random, bytes.size());
  const std::size_t most = std::min(kPiece, bytes.size() - at);
  return {static_cast<std::ptrdiff_t>(at), static_cast<std::ptrdiff_t>(1 + below(random, most))};
}

void take_out(CaseRandom& random, CaseBytes& bytes) {
  const Piece piece = any_piece(random, bytes);
  bytes.erase(bytes.begin() + piece.at, bytes.begin() + piece.at + piece.bytes);
}

void copy_to(CaseRandom& random, CaseBytes& bytes) {
  const Piece piece = any_piece(random, bytes);
  const CaseBytes copy(bytes.begin() + piece.at, bytes.begin() + piece.at + piece.bytes);
  const auto to = static_cast<std::ptrdiff_t>(below(random, bytes.size() + 1));
  bytes.insert(bytes.begin() + to, copy.begin(), copy.end());
}

void append(CaseRandom& random, CaseBytes& bytes) {
  for (std::uint64_t more = 1 + below(random, kPiece); more > 0; --more) {
    bytes.push_back(static_cast<std::uint8_t>(random()));
  }
}

}  // namespace

void spoil(CaseRandom& random, CaseBytes& bytes) {
  if (bytes.empty()) {
    append(random, bytes);
    return;
  }
  switch (below(random, 8)) {
    case 0:
    case 1:
      flip_bit(random, bytes);
      break;
    case 2:
    case 3:
      bytes[below(random, bytes.size())] = static_cast<std::uint8_t>(odd_value(random, 0x7f, 8));
      break;
    case 4:
      bytes.resize(below(random, bytes.size()));
      break;
    case 5:
      append(random, bytes);
      break;
    case 6:
      take_out(random, bytes);
      break;
    default:
      copy_to(random, bytes);
      break;
  }
}

}  // namespace vfsim::bench
