#include "firmware/core/image.h"

#include <string.h>

#include "firmware/core/crc32c.h"

VF_STATIC_ASSERT((int)FW_IMAGE_HEADER == (int)VF_LAYOUT_BYTES_image_header, "header size");
VF_STATIC_ASSERT((int)FW_IMAGE_HEAD == (int)VF_LAYOUT_BYTES_image_record, "record head size");
#define LAYOUT(s, bytes, doc) VF_STATIC_ASSERT((bytes) <= FW_IMAGE_LAYOUT_MAX, #s " is too long");
#define FIELD(s, f, off, w, doc)
#define BLOB(s, f, off, w, doc)
#include "firmware/interface/image_layouts.def"
#undef LAYOUT
#undef FIELD
#undef BLOB
VF_STATIC_ASSERT((int)FW_IMAGE_TRAILER == (int)FW_IMAGE_HEAD + (int)VF_LAYOUT_BYTES_image_end, "END record size");

static const struct fw_image_kind kinds[FW_IMAGE_KINDS] = {
#define IMAGE_RECORD(name, type, layout, base, count, list, doc)                                        \
  {#name, doc, type, FW_IMAGE_LAYOUT_##layout, VF_LAYOUT_BYTES_##layout, base, (uint32_t)(count), FW_IMAGE_SLOT_##name, \
   FW_IMAGE_LIST_##list},
#include "firmware/interface/image_records.def"
#undef IMAGE_RECORD
};

static const struct fw_image_field fields[] = {
#define LAYOUT(s, bytes, doc)
#define FIELD(s, f, off, w, doc) {#f, doc, FW_IMAGE_LAYOUT_##s, off, w, false},
#define BLOB(s, f, off, w, doc) {#f, doc, FW_IMAGE_LAYOUT_##s, off, w, true},
#include "firmware/interface/image_layouts.def"
#undef LAYOUT
#undef FIELD
#undef BLOB
};

const struct fw_image_kind *fw_image_kind_info(unsigned kind) {
  return &kinds[kind < FW_IMAGE_KINDS ? kind : 0];
}

const struct fw_image_field *fw_image_fields(size_t *count) {
  *count = sizeof fields / sizeof fields[0];
  return fields;
}

uint32_t fw_image_list_bytes(uint8_t list, uint32_t entries) {
  switch (list) {
    case FW_IMAGE_LIST_PAGES:
      return entries * 8;
    case FW_IMAGE_LIST_NUMBERS:
      return (entries + 1) / 2 * 8;
    case FW_IMAGE_LIST_EVENTS:
      return entries * (uint32_t)VF_BYTES(image_event);
    default:
      return 0;
  }
}

uint64_t fw_image_hash(uint64_t seed, const uint8_t *data, size_t bytes) {
  uint64_t h = seed ^ UINT64_C(0x9e3779b97f4a7c15) ^ bytes;
  for (size_t i = 0; i + 8 <= bytes; i += 8) {
    h ^= vf_be64_load(data + i);
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 32;
  }
  return h == 0 ? 1 : h;
}

static int kind_of(uint32_t type) {
  for (int k = 0; k < FW_IMAGE_KINDS; ++k) {
    if (kinds[k].type == type) {
      return k;
    }
  }
  return -1;
}

/* Reads the record at `offset`; the payload lies within `bytes`. */
static bool read_record(const uint8_t *image, size_t bytes, size_t offset, struct fw_image_record *r) {
  if (offset > bytes || bytes - offset < FW_IMAGE_HEAD) {
    return false;
  }
  const uint8_t *head = image + offset;
  const uint32_t length = (uint32_t)VF_GET(image_record, head, bytes);
  if (length > bytes - offset - FW_IMAGE_HEAD) {
    return false;
  }
  r->head = head;
  r->payload = head + FW_IMAGE_HEAD;
  r->offset = (uint32_t)offset;
  r->bytes = length;
  r->number = (uint32_t)VF_GET(image_record, head, number);
  r->type = (uint16_t)VF_GET(image_record, head, type);
  r->kind = kind_of(r->type);
  r->index = r->kind < 0 ? 0 : r->number - kinds[r->kind].base;
  r->tombstone = (VF_GET(image_record, head, flags) & FW_IMAGE_TOMBSTONE) != 0;
  return true;
}

bool fw_image_first(const uint8_t *image, size_t bytes, struct fw_image_record *record) {
  return read_record(image, bytes, FW_IMAGE_HEADER, record) && record->type != FW_IMAGE_END;
}

bool fw_image_next(const uint8_t *image, size_t bytes, struct fw_image_record *record) {
  const size_t offset = (size_t)record->offset + FW_IMAGE_HEAD + record->bytes;
  return read_record(image, bytes, offset, record) && record->type != FW_IMAGE_END;
}

static uint32_t crc_without(const uint8_t *data, size_t bytes, size_t crc_at) {
  static const uint8_t zero[4];
  uint32_t crc = fw_crc32c(0, data, crc_at);
  crc = fw_crc32c(crc, zero, sizeof zero);
  return fw_crc32c(crc, data + crc_at + 4, bytes - crc_at - 4);
}

/* Identity and lengths; the syndrome, or VF_SYND_NONE. */
static uint32_t check_header(const uint8_t *image, size_t bytes, uint32_t *offset) {
  *offset = 0;
  if (bytes < 4) {
    return VF_SYND_IMAGE_TRUNCATED;
  }
  if (VF_GET(image_header, image, magic) != FW_IMAGE_MAGIC) {
    return VF_SYND_IMAGE_BAD_MAGIC;
  }
  if (bytes < FW_IMAGE_HEADER) {
    return VF_SYND_IMAGE_TRUNCATED;
  }
  /* The version before the checksum: another version may lay out the rest differently. */
  if (VF_GET(image_header, image, format) != FW_IMAGE_FORMAT ||
      VF_GET(image_header, image, header_bytes) != FW_IMAGE_HEADER) {
    return VF_SYND_IMAGE_BAD_VERSION;
  }
  if (VF_GET(image_header, image, header_crc) !=
      crc_without(image, FW_IMAGE_HEADER, VF_OFF(image_header, header_crc) / 8)) {
    return VF_SYND_IMAGE_BAD_CRC;
  }
  if (VF_GET(image_header, image, vendor_id) != VF_PCI_VENDOR ||
      VF_GET(image_header, image, device_id) != VF_PCI_DEVICE_VF ||
      VF_GET(image_header, image, fw_major) != VF_FW_REV_MAJOR) {
    return VF_SYND_IMAGE_FOREIGN_DEVICE;
  }
  const uint64_t total = VF_GET(image_header, image, total_bytes);
  if (total != bytes) {
    *offset = (uint32_t)(total < bytes ? total : bytes);
    return total > bytes ? VF_SYND_IMAGE_TRUNCATED : VF_SYND_IMAGE_EXTENDED;
  }
  const uint64_t kind = VF_GET(image_header, image, kind);
  const uint64_t flags = VF_GET(image_header, image, flags);
  const bool sequenced = kind == FW_IMAGE_INCREMENT;
  if (kind > FW_IMAGE_INCREMENT || flags > 3 || flags == (FW_IMAGE_FINAL | FW_IMAGE_MORE) ||
      (VF_GET(image_header, image, sequence) != 0) != sequenced ||
      (VF_GET(image_header, image, base_id) != 0) != sequenced || VF_GET(image_header, image, image_id) == 0) {
    return VF_SYND_IMAGE_BAD_FIELD;
  }
  return VF_SYND_NONE;
}

/* True if no bit is set that `layout` does not name; `bytes` at most FW_IMAGE_LAYOUT_MAX. */
static bool defined_bits_only(uint16_t layout, const uint8_t *data, size_t bytes) {
  uint8_t named[FW_IMAGE_LAYOUT_MAX] = {0};
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; ++i) {
    const struct fw_image_field *f = &fields[i];
    if (f->layout == layout) {
      for (uint32_t bit = f->bit; bit < (uint32_t)f->bit + f->width; bit += 8 - bit % 8) {
        const uint32_t left = (uint32_t)f->bit + f->width - bit;
        const uint32_t mask = left < 8 - bit % 8 ? ((1U << left) - 1) << (8 - bit % 8 - left) : 0xffU >> bit % 8;
        named[bit / 8] |= (uint8_t)mask;
      }
    }
  }
  for (size_t i = 0; i < bytes; ++i) {
    if ((data[i] & ~named[i] & 0xff) != 0) {
      return false;
    }
  }
  return true;
}

/* Only what SAVE would write: undefined bits, a page size of a list without pages, padding. The lengths are good. */
static bool canonical(const struct fw_image_kind *kind, const uint8_t *payload, uint32_t entries) {
  const uint8_t *list = payload + kind->fixed;
  if (!defined_bits_only(kind->layout, payload, kind->fixed)) {
    return false;
  }
  const bool sized = kind->list == FW_IMAGE_LIST_PAGES && kind->type >= kinds[FW_IMAGE_EQ].type; /* FW_PAGES are fixed */
  if (kind->list != FW_IMAGE_LIST_NONE && !sized && VF_GET(image_list, payload, list_log_page) != 0) {
    return false;
  }
  if (kind->list == FW_IMAGE_LIST_NUMBERS && entries % 2 != 0) {
    return vf_be32_load(list + (size_t)entries * 4) == 0;
  }
  for (uint32_t i = 0; kind->list == FW_IMAGE_LIST_EVENTS && i < entries; ++i) {
    if (!defined_bits_only(FW_IMAGE_LAYOUT_image_event, list + i * VF_BYTES(image_event), VF_BYTES(image_event))) {
      return false;
    }
  }
  return true;
}

/* One record by itself. */
static uint32_t check_record(const uint8_t *image, const struct fw_image_record *r) {
  if (VF_GET(image_record, r->head, crc) !=
      crc_without(r->head, (size_t)FW_IMAGE_HEAD + r->bytes, VF_OFF(image_record, crc) / 8)) {
    return VF_SYND_IMAGE_BAD_CRC;
  }
  if (r->kind < 0 || VF_GET(image_record, r->head, flags) > FW_IMAGE_TOMBSTONE) {
    return VF_SYND_IMAGE_BAD_RECORD;
  }
  const struct fw_image_kind *kind = &kinds[r->kind];
  if (r->index >= kind->count) {
    return VF_SYND_IMAGE_BAD_FIELD;
  }
  if (r->tombstone) {
    return VF_GET(image_header, image, kind) == FW_IMAGE_INCREMENT && r->bytes == 0 ? VF_SYND_NONE
                                                                                   : VF_SYND_IMAGE_BAD_RECORD;
  }
  if (r->bytes < kind->fixed) {
    return VF_SYND_IMAGE_BAD_RECORD;
  }
  uint32_t entries = 0;
  if (kind->list != FW_IMAGE_LIST_NONE) {
    entries = (uint32_t)VF_GET(image_list, r->payload, list_count);
  }
  if (entries > FW_IMAGE_LIST_MAX || r->bytes != kind->fixed + fw_image_list_bytes(kind->list, entries)) {
    return VF_SYND_IMAGE_BAD_RECORD;
  }
  return canonical(kind, r->payload, entries) ? VF_SYND_NONE : VF_SYND_IMAGE_BAD_FIELD;
}

static uint32_t check_end(const uint8_t *image, size_t bytes, const struct fw_image_record *r, uint32_t records) {
  if (r->bytes != VF_BYTES(image_end) || r->number != 0 || VF_GET(image_record, r->head, flags) != 0 ||
      r->offset + FW_IMAGE_TRAILER != bytes) {
    return VF_SYND_IMAGE_BAD_RECORD;
  }
  if (VF_GET(image_record, r->head, crc) !=
      crc_without(r->head, FW_IMAGE_TRAILER, VF_OFF(image_record, crc) / 8)) {
    return VF_SYND_IMAGE_BAD_CRC;
  }
  if (VF_GET(image_end, r->payload, image_crc) != fw_crc32c(0, image, r->offset)) {
    return VF_SYND_IMAGE_BAD_CRC;
  }
  if (VF_GET(image_end, r->payload, records) != records || VF_GET(image_header, image, records) != records) {
    return VF_SYND_IMAGE_BAD_RECORD;
  }
  return VF_SYND_NONE;
}

static uint32_t check_records(const uint8_t *image, size_t bytes, uint32_t *offset) {
  struct fw_image_record r;
  uint32_t records = 0;
  uint64_t last = 0;
  *offset = FW_IMAGE_HEADER;
  while (read_record(image, bytes, *offset, &r)) {
    if (r.type == FW_IMAGE_END) {
      return check_end(image, bytes, &r, records);
    }
    const uint32_t bad = check_record(image, &r);
    const uint64_t place = (uint64_t)r.type << 32 | r.number;
    if (bad != VF_SYND_NONE) {
      return bad;
    }
    if (place <= last && records != 0) {
      return VF_SYND_IMAGE_BAD_RECORD;
    }
    last = place;
    ++records;
    *offset += FW_IMAGE_HEAD + r.bytes;
  }
  return VF_SYND_IMAGE_BAD_RECORD;
}

int fw_image_check(const uint8_t *image, size_t bytes, uint32_t *syndrome, uint32_t *offset) {
  *syndrome = check_header(image, bytes, offset);
  if (*syndrome == VF_SYND_NONE) {
    *syndrome = check_records(image, bytes, offset);
  }
  return *syndrome == VF_SYND_NONE ? 0 : 1;
}
