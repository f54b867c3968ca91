/* Signatures of the command interface: XOR sums over command entries and mailbox blocks.
 * A signature byte is chosen so that the XOR of its range, itself included, is 0xff.
 * Source: mlx5 device interface section 3.4; checked against golden images by golden_test.cpp. */
#ifndef VFSIM_FIRMWARE_INTERFACE_SIGNATURE_H
#define VFSIM_FIRMWARE_INTERFACE_SIGNATURE_H

#include "firmware/interface/layout.h"

/* XOR of `bytes` bytes. */
static inline uint8_t vf_xor8(const void* p, size_t bytes) {
  const uint8_t* b = (const uint8_t*)p;
  uint8_t sum = 0;
  for (size_t i = 0; i < bytes; ++i) {
    sum = (uint8_t)(sum ^ b[i]);
  }
  return sum;
}

/* Command entry (64 bytes): the signature byte covers all of it. Sign after every other byte has
 * its final value. */
static inline void vf_entry_sign(uint8_t* entry) {
  VF_SET(cmd_queue_entry, entry, signature, 0);
  VF_SET(cmd_queue_entry, entry, signature, (uint8_t)~vf_xor8(entry, VF_BYTES(cmd_queue_entry)));
}
static inline int vf_entry_signed(const uint8_t* entry) {
  return vf_xor8(entry, VF_BYTES(cmd_queue_entry)) == 0xff;
}

/* Mailbox block (576 bytes): the control signature covers the block's header, the signature the
 * whole block. */
#define VF_BLOCK_HEADER \
  (VF_OFF(cmd_if_box, mailbox_data) / 8 + VF_WID(cmd_if_box, mailbox_data) / 8)
static inline void vf_block_sign(uint8_t* block) {
  const size_t ctrl = VF_OFF(cmd_if_box, ctrl_signature) / 8;
  const size_t all = VF_OFF(cmd_if_box, signature) / 8;
  block[ctrl] = (uint8_t)~vf_xor8(block + VF_BLOCK_HEADER, ctrl - VF_BLOCK_HEADER);
  block[all] = (uint8_t)~vf_xor8(block, all);
}
/* True if the header's signature is right; `data` adds the check of the whole block. */
static inline int vf_block_signed(const uint8_t* block, int data) {
  const size_t ctrl = VF_OFF(cmd_if_box, ctrl_signature) / 8;
  return vf_xor8(block + VF_BLOCK_HEADER, ctrl + 1 - VF_BLOCK_HEADER) == 0xff &&
         (!data || vf_xor8(block, VF_BYTES(cmd_if_box)) == 0xff);
}

#endif
