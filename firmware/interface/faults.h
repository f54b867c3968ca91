/* Deliberate defects, all off by default: VF_FAULT_<name>, one per row of faults.def, and sets of
 * them. */
#ifndef VFSIM_FIRMWARE_INTERFACE_FAULTS_H
#define VFSIM_FIRMWARE_INTERFACE_FAULTS_H

#include "firmware/interface/layout.h"

enum vf_fault {
#define FAULT(name, layer, rule, doc) VF_FAULT_##name,
#include "firmware/interface/faults.def"
#undef FAULT
  VF_FAULT_COUNT
};

enum { VF_FAULT_WORD_BITS = 64, VF_FAULT_WORDS = (VF_FAULT_COUNT + 63) / 64 };

/* A value; all zero is the empty set. In C++ also contract::fault_set({...}) of fault_set.hpp. */
struct vf_fault_set {
  uint64_t word[VF_FAULT_WORDS];
};

#ifdef __cplusplus
#define VF_CONSTEXPR constexpr
#else
#define VF_CONSTEXPR static inline
#endif

/* 1 if `fault` is in the set. */
VF_CONSTEXPR int vf_fault(struct vf_fault_set set, enum vf_fault fault) {
  return (int)(set.word[(unsigned)fault / VF_FAULT_WORD_BITS] >>
                   (unsigned)fault % VF_FAULT_WORD_BITS &
               1U);
}

/* The set and `fault`. */
VF_CONSTEXPR struct vf_fault_set vf_fault_with(struct vf_fault_set set, enum vf_fault fault) {
  set.word[(unsigned)fault / VF_FAULT_WORD_BITS] |= UINT64_C(1)
                                                    << (unsigned)fault % VF_FAULT_WORD_BITS;
  return set;
}

/* The set without `fault`. */
VF_CONSTEXPR struct vf_fault_set vf_fault_without(struct vf_fault_set set, enum vf_fault fault) {
  set.word[(unsigned)fault / VF_FAULT_WORD_BITS] &=
      ~(UINT64_C(1) << (unsigned)fault % VF_FAULT_WORD_BITS);
  return set;
}

#endif
