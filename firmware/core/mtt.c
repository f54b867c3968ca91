/* Allocation of runs in the translation table: a bitmap, first fit. */
#include "firmware/core/fw_internal.h"

static void mark(struct fw* fw, uint32_t first, uint32_t count, bool used) {
  for (uint32_t i = first; i < first + count; ++i) {
    const uint32_t bit = UINT32_C(1) << i % 32;
    fw->mtt_used[i / 32] = used ? fw->mtt_used[i / 32] | bit : fw->mtt_used[i / 32] & ~bit;
  }
}

/* Everything below mtt_hint is in use. */
uint32_t fw_mtt_alloc(struct fw* fw, uint32_t count) {
  uint32_t run = 0;
  for (uint32_t i = fw->mtt_hint; i < VF_MTT_COUNT && run < count;) {
    const uint32_t word = fw->mtt_used[i / 32];
    const uint32_t step = i % 32 == 0 && (word == 0 || word == UINT32_MAX) ? 32 : 1;
    run = (word >> i % 32 & 1U) != 0 ? 0 : run + step;
    i += step;
    if (run >= count) {
      const uint32_t first = i - run;
      mark(fw, first, count, true);
      fw->mtt_hint = first == fw->mtt_hint ? first + count : fw->mtt_hint;
      return first;
    }
  }
  return count == 0 ? 0 : UINT32_MAX;
}

void fw_mtt_changed(struct fw* fw, uint32_t first, uint32_t count) {
  if (count > 0) {
    fw_reg_write(fw, FW_MTT_FIRST, first);
    fw_reg_write(fw, FW_MTT_CHANGED, count);
  }
}

void fw_mtt_free(struct fw* fw, uint32_t first, uint32_t count) {
  mark(fw, first, count, false);
  if (count > 0 && first < fw->mtt_hint) {
    fw->mtt_hint = first;
  }
}
