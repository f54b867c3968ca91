/* The contract, expanded for C11 and C++17: bit offsets, widths, sizes, opcodes, statuses, and typed access to
 * big-endian layouts. All tables are the *.def files of this folder; nothing here repeats a number of theirs.
 *
 *   VF_GET(save_vhca_state_in, p, mkey)          value of a field (at most 64 bits) of the layout at byte pointer p
 *   VF_SET(save_vhca_state_in, p, mkey, v)       store it; bits of v above the width are dropped
 *   VF_PTR(create_cq_in, p, cq_context)          byte pointer of a nested layout or byte string (byte aligned)
 *   VF_BYTES(create_cq_in)                       size of the layout without its trailing list
 *   VF_OFF(...), VF_WID(...)                     bit offset and bit width
 */
#ifndef VFSIM_FIRMWARE_INTERFACE_LAYOUT_H
#define VFSIM_FIRMWARE_INTERFACE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define VF_STATIC_ASSERT static_assert
#else
#define VF_STATIC_ASSERT _Static_assert
#endif

enum vf_layout_constants {
#define LAYOUT(s, bytes, doc) VF_LAYOUT_BYTES_##s = (bytes),
#define FIELD(s, f, off, w, doc) VF_FIELD_OFF_##s##__##f = (off), VF_FIELD_WID_##s##__##f = (w),
#define BLOB(s, f, off, w, doc) FIELD(s, f, off, w, doc)
#include "firmware/interface/layouts.def"
#undef LAYOUT
#undef FIELD
#undef BLOB
  VF_LAYOUT_CONSTANTS_END
};

#define LAYOUT(s, bytes, doc)
#define FIELD(s, f, off, w, doc)                                                                          \
  VF_STATIC_ASSERT((w) == 64 ? (off) % 32 == 0 : (w) < 64 && (off) / 32 == ((off) + (w)-1) / 32,          \
                   #s "." #f " crosses a dword");
#define BLOB(s, f, off, w, doc) VF_STATIC_ASSERT((off) % 8 == 0 && (w) % 8 == 0, #s "." #f " is not byte aligned");
#include "firmware/interface/layouts.def"
#undef LAYOUT
#undef FIELD
#undef BLOB

#define VF_OFF(s, f) ((size_t)VF_FIELD_OFF_##s##__##f)
#define VF_WID(s, f) ((size_t)VF_FIELD_WID_##s##__##f)
#define VF_BYTES(s) ((size_t)VF_LAYOUT_BYTES_##s)
#define VF_GET(s, p, f) vf_field_get((p), VF_OFF(s, f), VF_WID(s, f))
#define VF_SET(s, p, f, v) vf_field_set((p), VF_OFF(s, f), VF_WID(s, f), (v))
#define VF_PTR(s, p, f) ((p) + VF_OFF(s, f) / 8)

enum vf_opcode {
#define OPCODE(name, value, in_bytes, out_bytes, doc) VF_OP_##name = (value),
#include "firmware/interface/opcodes.def"
#undef OPCODE
};

/* Each value set of enums.def becomes constants VF_<SET>_<NAME>. */
enum vf_enum_constants {
#define ENUM_VALUE(set, name, value, doc) VF_##set##_##name = (value),
#include "firmware/interface/enums.def"
#undef ENUM_VALUE
};

enum vf_syndrome {
#define SYNDROME(name, value, doc) VF_SYND_##name = (value),
#include "firmware/interface/syndromes.def"
#undef SYNDROME
};

/* Plain numbers (addresses, limits); 64-bit ones would not fit an enum in C11, none is needed. */
enum vf_numbers {
#define NUMBER(name, value, doc) VF_##name = (value),
#include "firmware/interface/numbers.def"
#undef NUMBER
};

static inline uint32_t vf_be32_load(const void *p) {
  const uint8_t *b = (const uint8_t *)p;
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}
static inline void vf_be32_store(void *p, uint32_t v) {
  uint8_t *b = (uint8_t *)p;
  b[0] = (uint8_t)(v >> 24);
  b[1] = (uint8_t)(v >> 16);
  b[2] = (uint8_t)(v >> 8);
  b[3] = (uint8_t)v;
}
static inline uint64_t vf_be64_load(const void *p) {
  return (uint64_t)vf_be32_load(p) << 32 | vf_be32_load((const uint8_t *)p + 4);
}
static inline void vf_be64_store(void *p, uint64_t v) {
  vf_be32_store(p, (uint32_t)(v >> 32));
  vf_be32_store((uint8_t *)p + 4, (uint32_t)v);
}
static inline uint64_t vf_field_get(const void *p, size_t off, size_t w) {
  const uint8_t *dw = (const uint8_t *)p + off / 32 * 4;
  if (w == 64) {
    return vf_be64_load(dw);
  }
  return (uint64_t)(vf_be32_load(dw) >> (32 - w - off % 32)) & ((UINT64_C(1) << w) - 1);
}
static inline void vf_field_set(void *p, size_t off, size_t w, uint64_t v) {
  uint8_t *dw = (uint8_t *)p + off / 32 * 4;
  if (w == 64) {
    vf_be64_store(dw, v);
    return;
  }
  const size_t shift = 32 - w - off % 32;
  const uint32_t mask = (uint32_t)((UINT64_C(1) << w) - 1);
  vf_be32_store(dw, (vf_be32_load(dw) & ~(mask << shift)) | (((uint32_t)v & mask) << shift));
}

#endif
