// The next of a set of functions, in turn.
#pragma once

#include <cstdint>

#include "firmware/interface/layout.h"

namespace vfsim::model {

constexpr std::uint32_t kFunctionWords = VF_MAX_FUNCTIONS / 64;

/// The first function of the set at `from` or behind it, going round; -1: the set is empty.
/// @param set   kFunctionWords words; bit f of word f / 64: function f is in it
/// @param from  a function
inline int first_in_turn(const std::uint64_t* set, std::uint32_t from) {
  for (std::uint32_t i = 0; i <= kFunctionWords;
       ++i) {  // the first word twice: from `from` on, and whole
    const std::uint32_t word = (from / 64 + i) % kFunctionWords;
    const std::uint64_t bits = i == 0 ? set[word] >> (from % 64) << (from % 64) : set[word];
    if (bits != 0) {
      return static_cast<int>(word * 64) + __builtin_ctzll(bits);
    }
  }
  return -1;
}

}  // namespace vfsim::model
