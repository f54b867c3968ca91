/* Deliberate defects, all off by default: VF_FAULT_<name>, one per row of faults.def. */
#ifndef VFSIM_FIRMWARE_INTERFACE_FAULTS_H
#define VFSIM_FIRMWARE_INTERFACE_FAULTS_H

#include "firmware/interface/layout.h"

enum vf_fault {
#define FAULT(name, layer, rule, doc) VF_FAULT_##name,
#include "firmware/interface/faults.def"
#undef FAULT
  VF_FAULT_COUNT
};
VF_STATIC_ASSERT(VF_FAULT_COUNT <= 64, "a fault set is 64 bits");

/* 1 if `fault` is in the set. */
static inline int vf_fault(uint64_t set, enum vf_fault fault) {
  return (int)(set >> (unsigned)fault & 1U);
}

#endif
