/* Members of hw_context.h as records of hw_layouts.def, and back: what an RTL block gets when it reads context memory. */
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

/* The members that the record has; the others are 0. */
static inline struct vf_mkey vf_mkey_of_record(const uint8_t *record) {
  struct vf_mkey key;
  memset(&key, 0, sizeof key);
  key.valid = VF_GET(hw_mkey, record, valid) != 0;
  key.length64 = VF_GET(hw_mkey, record, length64) != 0;
  key.local_read = VF_GET(hw_mkey, record, local_read) != 0;
  key.local_write = VF_GET(hw_mkey, record, local_write) != 0;
  key.relaxed_read = VF_GET(hw_mkey, record, relaxed_read) != 0;
  key.relaxed_write = VF_GET(hw_mkey, record, relaxed_write) != 0;
  key.mode = VF_GET(hw_mkey, record, physical) != 0 ? VF_MKC_MODE_PA : VF_MKC_MODE_MTT;
  key.pages.log_page = (uint8_t)VF_GET(hw_mkey, record, log_page);
  key.gen = (uint16_t)VF_GET(hw_mkey, record, gen);
  key.key = (uint8_t)VF_GET(hw_mkey, record, key);
  key.pd = (uint32_t)VF_GET(hw_mkey, record, pd);
  key.pages.mtt = (uint32_t)VF_GET(hw_mkey, record, mtt);
  key.pages.pages = (uint32_t)VF_GET(hw_mkey, record, pages);
  key.start = VF_GET(hw_mkey, record, start);
  key.len = VF_GET(hw_mkey, record, len);
  return key;
}

#endif
