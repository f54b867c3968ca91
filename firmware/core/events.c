/* Events: firmware stages them in the context, hardware writes the entry (or holds it while the
 * gate is closed). */
#include <string.h>

#include "firmware/core/fw_internal.h"

void fw_event_on(struct fw* fw, uint32_t fn, uint32_t eqn, uint8_t type, uint8_t sub_type,
                 const uint8_t* data) {
  struct vf_event* stage = &fw_ctx(fw, fn)->eqe_stage;
  memset(stage, 0, sizeof(*stage));
  stage->type = type;
  stage->sub_type = sub_type;
  stage->eqn = eqn;
  if (data != NULL) {
    memcpy(stage->data, data, sizeof(stage->data));
  }
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_EQE_POST), eqn);
}

bool fw_event(struct fw* fw, uint32_t fn, uint8_t type, uint8_t sub_type, const uint8_t* data) {
  const struct vf_function* f = fw_ctx(fw, fn);
  for (uint32_t i = 0; i < VF_EQ_COUNT; ++i) {
    if (f->eq[i].valid && (f->eq[i].mask[type / 64] >> type % 64 & 1U) != 0) {
      fw_event_on(fw, fn, VF_EQ_BASE + i, type, sub_type, data);
      return true;
    }
  }
  return false;
}
