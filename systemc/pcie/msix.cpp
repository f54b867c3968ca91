#include "systemc/pcie/msix.hpp"

namespace vfsim::model {

namespace {

bool legal(std::uint32_t offset, std::uint32_t bytes, std::uint32_t limit) {
  return (bytes == 4 || bytes == 8) && offset % bytes == 0 && offset < limit;
}

}  // namespace

std::uint64_t MsixTable::read_table(std::uint32_t offset, std::uint32_t bytes) const {
  if (!legal(offset, bytes, kTableBytes)) {
    return 0;
  }
  const std::uint64_t low = words_[offset / 4];
  return bytes == 4 ? low : low | static_cast<std::uint64_t>(words_[offset / 4 + 1]) << 32U;
}

void MsixTable::write_table(std::uint32_t offset, std::uint64_t value, std::uint32_t bytes) {
  if (!legal(offset, bytes, kTableBytes)) {
    return;
  }
  for (std::uint32_t word = offset / 4; word < (offset + bytes) / 4; ++word) {
    words_[word] = static_cast<std::uint32_t>(value);
    if (word % 4 == 3) {
      words_[word] &= kMasked;  // the other bits of vector control are reserved
    } else if (word % 4 == 0) {
      words_[word] &= ~3U;  // messages are dword aligned
    }
    value >>= 32U;
  }
}

std::uint64_t MsixTable::read_pba(std::uint32_t offset, std::uint32_t bytes) const {
  return legal(offset, bytes, kPbaBytes) && offset == 0 ? pending_ : 0;
}

void MsixTable::set_control(bool enable, bool function_mask) {
  enable_ = enable;
  function_mask_ = function_mask;
}

bool MsixTable::may_leave(std::uint32_t vector) const {
  return enable_ && !function_mask_ && !hold_ && (words_[vector * 4 + 3] & kMasked) == 0;
}

std::optional<MsixMessage> MsixTable::raise(std::uint32_t vector) {
  if (vector >= kVectors) {
    return std::nullopt;
  }
  if (!may_leave(vector)) {
    pending_ |= 1U << vector;
    return std::nullopt;
  }
  pending_ &= ~(1U << vector);  // one message stands for both
  return message(vector);
}

std::uint32_t MsixTable::take_deliverable() {
  std::uint32_t ready = 0;
  for (std::uint32_t vector = 0; vector < kVectors; ++vector) {
    if ((pending_ >> vector & 1U) != 0 && may_leave(vector)) {
      ready |= 1U << vector;
    }
  }
  pending_ &= ~ready;
  return ready;
}

MsixMessage MsixTable::message(std::uint32_t vector) const {
  const std::uint32_t* entry = &words_[static_cast<std::size_t>(vector % kVectors) * 4];
  return {entry[0] | static_cast<std::uint64_t>(entry[1]) << 32U, entry[2]};
}

void MsixTable::reset() {
  words_.fill(0);
  for (std::uint32_t vector = 0; vector < kVectors; ++vector) {
    words_[vector * 4 + 3] = kMasked;
  }
  pending_ = 0;
  enable_ = false;
  function_mask_ = false;
  hold_ = false;
}

}  // namespace vfsim::model
