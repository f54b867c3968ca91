/* Packs members of hw_context.h into the records of hw_layouts.def: what an RTL block gets when it reads context
 * memory. */
#ifndef VFSIM_FIRMWARE_INTERFACE_HW_RECORDS_H
#define VFSIM_FIRMWARE_INTERFACE_HW_RECORDS_H

#include <string.h>

#include "firmware/interface/hw_context.h"

/* `record`: VF_BYTES(hw_mkey) bytes. */
static inline void vf_mkey_record(const struct vf_mkey *key, uint8_t *record) {
  memset(record, 0, VF_BYTES(hw_mkey));
  VF_SET(hw_mkey, record, valid, key->valid != 0);
  VF_SET(hw_mkey, record, length64, key->length64 != 0);
  VF_SET(hw_mkey, record, local_read, key->local_read != 0);
  VF_SET(hw_mkey, record, local_write, key->local_write != 0);
  VF_SET(hw_mkey, record, relaxed_read, key->relaxed_read != 0);
  VF_SET(hw_mkey, record, relaxed_write, key->relaxed_write != 0);
  VF_SET(hw_mkey, record, physical, key->mode == VF_MKC_MODE_PA);
  VF_SET(hw_mkey, record, log_page, key->pages.log_page);
  VF_SET(hw_mkey, record, gen, key->gen);
  VF_SET(hw_mkey, record, key, key->key);
  VF_SET(hw_mkey, record, pd, key->pd);
  VF_SET(hw_mkey, record, mtt, key->pages.mtt);
  VF_SET(hw_mkey, record, pages, key->pages.pages);
  VF_SET(hw_mkey, record, start, key->start);
  VF_SET(hw_mkey, record, len, key->len);
}

#endif
