/* A function's objects and other state as image records: the translation between struct vf_function / struct fw_function
 * / registers and the payload bytes of image.h. Used by state_save.c and state_load.c. */
#ifndef VFSIM_FIRMWARE_CORE_STATE_RECORD_H
#define VFSIM_FIRMWARE_CORE_STATE_RECORD_H

#include "firmware/core/fw_internal.h"

/* The function has the object `index` of `kind` now. Kinds that are not objects exist always (CAPS: where changed). */
bool fw_state_exists(const struct fw *fw, uint32_t fn, unsigned kind, uint32_t index);
/* Payload bytes of an existing record. */
uint32_t fw_state_bytes(const struct fw *fw, uint32_t fn, unsigned kind, uint32_t index);
/* Writes the payload of an existing record, at most FW_IMAGE_RECORD_MAX bytes; returns its bytes. */
uint32_t fw_state_encode(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index, uint8_t *payload);

/* Context structure of an object kind (FW_IMAGE_EQ and behind); room for any of them. */
union fw_state_object {
  struct vf_eq eq;
  struct vf_cq cq;
  struct vf_wq wq;
  struct vf_mkey mkey;
  struct vf_qp qp;
  struct vf_tis tis;
  struct vf_tir tir;
  struct vf_rqt rqt;
  struct vf_flow_table ft;
  struct vf_flow_group fg;
  struct vf_flow_entry fte;
  struct vf_q_counter qc;
};
/* kind >= FW_IMAGE_EQ: the object in the context memory. */
void *fw_state_at(struct vf_function *ctx, unsigned kind, uint32_t index);
/* Its page list description; NULL if the kind has none. */
struct vf_pages *fw_state_pages(unsigned kind, void *object);
/* Fills `object` (valid = 1, gen 0, mtt 0) from a payload that fw_image_check() accepted. A receive queue table's list is
 * taken as far as it fits. */
void fw_state_decode(unsigned kind, const uint8_t *payload, union fw_state_object *object);

/* Copies a context structure of the kind. */
void fw_state_copy(unsigned kind, const void *object, union fw_state_object *copy);
/* Bit map (image_sets) to one byte per number. */
void fw_state_bits_decode(const uint8_t *bits, uint8_t *set, uint32_t count);

/* Puts a record's payload into the function. `mtt`: translation entries allocated for its page list, if it has one. */
void fw_state_install(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index, const uint8_t *payload, uint32_t mtt);
/* Removes an object and frees its translation entries. */
void fw_state_remove(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index);

#endif
