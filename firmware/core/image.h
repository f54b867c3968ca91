/* The state image of a VF as bytes: walking, checking, names. Nothing here knows struct fw, so that host tools can use
 * it; every function is pure.
 *
 * An image is a header, records in ascending order of (type, number), and an END record: firmware/interface/
 * image_layouts.def and image_records.def. A full image replaces everything; an increment holds the records that changed
 * since the image `base_id` and tombstones of objects that are gone. An image that did not fit its buffer has the flag
 * `more`, and continues in an increment; the last one from a stopped function has the flag `final`.
 * No field is volatile: two images of the same state are equal byte for byte, header included, also when one of them was
 * taken from a function that was filled by loading the other. */
#ifndef VFSIM_FIRMWARE_CORE_IMAGE_H
#define VFSIM_FIRMWARE_CORE_IMAGE_H

#include <stdbool.h>

#include "firmware/interface/layout.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  FW_IMAGE_MAGIC = 0x56465349,
  FW_IMAGE_FORMAT = 1,
  FW_IMAGE_HEADER = 64,   /* VF_BYTES(image_header) */
  FW_IMAGE_HEAD = 16,     /* VF_BYTES(image_record) */
  FW_IMAGE_TRAILER = 24,  /* END record */
  FW_IMAGE_LAYOUT_MAX = 320, /* longest layout */
  FW_IMAGE_FULL = 0,      /* kind */
  FW_IMAGE_INCREMENT = 1, /* kind */
  FW_IMAGE_FINAL = 1,     /* flags */
  FW_IMAGE_MORE = 2,      /* flags */
  FW_IMAGE_TOMBSTONE = 1, /* record flags */
  FW_IMAGE_END = 0xffff,  /* record type */
  FW_IMAGE_FEATURES = 3,  /* features that this firmware has */
  FW_IMAGE_LIST_MAX = VF_CMD_MAX_IN_BYTES / 8, /* entries of a list: no command can give an object more pages */
  FW_IMAGE_RECORD_MAX = FW_IMAGE_LIST_MAX * 8 + 512, /* payload bytes */
  FW_IMAGE_MAX = 10 * 1024 * 1024, /* an image with every translation entry of the NIC and every object is shorter */
};

enum fw_image_list { FW_IMAGE_LIST_NONE, FW_IMAGE_LIST_PAGES, FW_IMAGE_LIST_NUMBERS, FW_IMAGE_LIST_EVENTS };

/* Kinds of records, in the order of image_records.def. */
enum fw_image_kind_index {
#define IMAGE_RECORD(name, type, layout, base, count, list, doc) FW_IMAGE_##name,
#include "firmware/interface/image_records.def"
#undef IMAGE_RECORD
  FW_IMAGE_KINDS
};

/* Slots: every record that an image can have, numbered without holes in image order. Slot of an object =
 * FW_IMAGE_SLOT_<kind> + index. */
enum fw_image_slot {
#define IMAGE_RECORD(name, type, layout, base, count, list, doc) \
  FW_IMAGE_SLOT_##name, FW_IMAGE_LAST_##name = FW_IMAGE_SLOT_##name + (int)(count) - 1,
#include "firmware/interface/image_records.def"
#undef IMAGE_RECORD
  FW_IMAGE_SLOTS
};

/* Identifiers of the layouts in image_layouts.def. */
enum fw_image_layout {
#define LAYOUT(s, bytes, doc) FW_IMAGE_LAYOUT_##s,
#define FIELD(s, f, off, w, doc)
#define BLOB(s, f, off, w, doc)
#include "firmware/interface/image_layouts.def"
#undef LAYOUT
#undef FIELD
#undef BLOB
  FW_IMAGE_LAYOUTS
};

struct fw_image_kind {
  const char *name;
  const char *doc;
  uint16_t type;
  uint16_t layout; /* enum fw_image_layout */
  uint32_t fixed;  /* bytes before the list */
  uint32_t base, count;
  uint32_t slot;   /* first */
  uint8_t list;    /* enum fw_image_list */
};

/* A field of a layout: number of at most 64 bits, or a byte string (blob). */
struct fw_image_field {
  const char *name;
  const char *doc;
  uint16_t layout;
  uint16_t bit, width;
  bool blob;
};

struct fw_image_record {
  const uint8_t *head;
  const uint8_t *payload;
  uint32_t offset; /* of the head in the image */
  uint32_t bytes;  /* of the payload */
  uint32_t number;
  uint32_t index;  /* number - base; meaningful if kind >= 0 and within count */
  uint16_t type;
  int kind;        /* enum fw_image_kind_index, -1 unknown */
  bool tombstone;
};

/* kind < FW_IMAGE_KINDS. */
const struct fw_image_kind *fw_image_kind_info(unsigned kind);
/* Fields of all layouts; those of one layout are not contiguous. */
const struct fw_image_field *fw_image_fields(size_t *count);
/* Bytes of the list behind `fixed` that `entries` entries take, padding included. */
uint32_t fw_image_list_bytes(uint8_t list, uint32_t entries);

/* The record at the beginning / behind `record`. false: END, or the bytes do not hold another record. Safe on any bytes. */
bool fw_image_first(const uint8_t *image, size_t bytes, struct fw_image_record *record);
bool fw_image_next(const uint8_t *image, size_t bytes, struct fw_image_record *record);

/* Everything that can be said of an image without a device: identity, lengths, order, checksums, list lengths, bits
 * that no field has.
 * 0: good. Else 1, a VF_SYND_IMAGE_* in *syndrome and the offset of what is wrong in *offset. */
int fw_image_check(const uint8_t *image, size_t bytes, uint32_t *syndrome, uint32_t *offset);

/* 64-bit hash of 8-byte words (bytes a multiple of 8), continuing `seed`; never 0. Content identity, not security. */
uint64_t fw_image_hash(uint64_t seed, const uint8_t *data, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
