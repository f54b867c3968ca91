// Sets of deliberate defects in C++: made of a list, joined, compared.
#pragma once

#include <initializer_list>

#include "firmware/interface/faults.h"

constexpr vf_fault_set operator|(vf_fault_set a, const vf_fault_set& b) {
  for (unsigned i = 0; i < VF_FAULT_WORDS; ++i) {
    a.word[i] |= b.word[i];
  }
  return a;
}

constexpr bool operator==(const vf_fault_set& a, const vf_fault_set& b) {
  for (unsigned i = 0; i < VF_FAULT_WORDS; ++i) {
    if (a.word[i] != b.word[i]) {
      return false;
    }
  }
  return true;
}

constexpr bool operator!=(const vf_fault_set& a, const vf_fault_set& b) {
  return !(a == b);
}

namespace vfsim::contract {

constexpr vf_fault_set fault_set(std::initializer_list<enum vf_fault> faults) {
  vf_fault_set set{};
  for (const enum vf_fault fault : faults) {
    set = vf_fault_with(set, fault);
  }
  return set;
}

/// Whether the two have a fault in common.
constexpr bool intersects(const vf_fault_set& a, const vf_fault_set& b) {
  for (unsigned i = 0; i < VF_FAULT_WORDS; ++i) {
    if ((a.word[i] & b.word[i]) != 0) {
      return true;
    }
  }
  return false;
}

}  // namespace vfsim::contract
