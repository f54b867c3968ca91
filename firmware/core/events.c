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

/* Index of the event queue of the function that takes events of the type; VF_EQ_COUNT: none. */
static uint32_t queue_for(const struct fw* fw, uint32_t fn, uint8_t type) {
  const struct vf_function* f = fw_ctx(fw, fn);
  uint32_t i = 0;
  while (i < VF_EQ_COUNT && (!f->eq[i].valid || (f->eq[i].mask[type / 64] >> type % 64 & 1U) == 0)) {
    ++i;
  }
  return i;
}

bool fw_event_wanted(const struct fw* fw, uint32_t fn, uint8_t type) {
  return queue_for(fw, fn, type) != VF_EQ_COUNT;
}

bool fw_event(struct fw* fw, uint32_t fn, uint8_t type, uint8_t sub_type, const uint8_t* data) {
  const uint32_t i = queue_for(fw, fn, type);
  if (i == VF_EQ_COUNT) {
    return false;
  }
  fw_event_on(fw, fn, VF_EQ_BASE + i, type, sub_type, data);
  return true;
}
