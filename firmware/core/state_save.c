/* QUERY_VHCA_MIGRATION_STATE and SAVE_VHCA_STATE.
 *
 * An image is built within one call, so that it is a consistent snapshot also of a function that runs, and then written
 * through the PF's key. fw_vhca.saved[] has the content hash of every record that the images so far have carried: an
 * increment holds what differs from it.
 * Source: mlx5 device interface, section 4.2 (rules of each kind of SAVE) and 6.5. */
#include <string.h>

#include "firmware/core/crc32c.h"
#include "firmware/core/state_record.h"
#include "firmware/core/vhca_internal.h"
#include "firmware/interface/faults.h"

/* What a SAVE is for. */
enum save_use {
  SAVE_TRACKED, /* set_track: pre-copy round */
  SAVE_CLEANUP, /* ends tracking of a function that goes on running */
  SAVE_FINAL,   /* of a stopped function */
};

struct save_size {
  uint32_t total;   /* whole image */
  uint32_t records; /* that it would hold */
  uint32_t largest; /* record, head included */
};

/* Steps of the command. */
enum save_step { SAVE_CHECK, SAVE_START, SAVE_BEYOND, SAVE_WAIT };

static bool slot_changed(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index, uint32_t slot) {
  const uint64_t saved = fw->vhca[fn].saved[slot];
  if (!fw_state_exists(fw, fn, kind, index)) {
    return saved != 0;
  }
  if (saved == 0) {
    return true;
  }
  const uint32_t bytes = fw_state_encode(fw, fn, kind, index, fw->image.record);
  return fw_image_hash(0, fw->image.record, bytes) != saved;
}

/* Size of the image that a SAVE would write now. */
static struct save_size measure(struct fw *fw, uint32_t fn, bool incremental) {
  struct save_size size = {FW_IMAGE_HEADER + FW_IMAGE_TRAILER, 0, 0};
  for (unsigned kind = 0; kind < FW_IMAGE_KINDS; ++kind) {
    const struct fw_image_kind *info = fw_image_kind_info(kind);
    for (uint32_t index = 0; index < info->count; ++index) {
      const bool exists = fw_state_exists(fw, fn, kind, index);
      if (incremental ? slot_changed(fw, fn, kind, index, info->slot + index) : exists) {
        const uint32_t bytes = FW_IMAGE_HEAD + (exists ? fw_state_bytes(fw, fn, kind, index) : 0);
        size.total += bytes;
        size.largest = bytes > size.largest ? bytes : size.largest;
        ++size.records;
      }
    }
  }
  return size;
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }
static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* What the next chunk of a split image takes: at least its largest record. */
static uint32_t chunk_bytes(const struct save_size *size, uint32_t wanted) {
  const uint32_t least = FW_IMAGE_HEADER + size->largest + FW_IMAGE_TRAILER;
  return smaller(larger(larger(least, FW_CHUNK_MIN), wanted), size->total);
}

static uint8_t migration_state(const struct fw_vhca *v, uint32_t changed) {
  if (!v->tracking) {
    return VF_MIGRATION_STATE_IDLE;
  }
  if (v->first_open) {
    return VF_MIGRATION_STATE_INIT;
  }
  return changed != 0 ? VF_MIGRATION_STATE_DIRTY : VF_MIGRATION_STATE_READY;
}

enum fw_exec fw_op_QUERY_VHCA_MIGRATION_STATE(struct fw *fw, struct fw_cmd *cmd) {
  uint32_t fn = 0;
  if (!fw_vhca_target(fw, cmd, (uint32_t)VF_GET(query_vhca_migration_state_in, cmd->in, vhca_id), &fn)) {
    return FW_EXEC_DONE;
  }
  struct fw_vhca *v = &fw->vhca[fn];
  const bool incremental = VF_GET(query_vhca_migration_state_in, cmd->in, incremental) != 0;
  const bool chunk = VF_GET(query_vhca_migration_state_in, cmd->in, chunk) != 0;
  if (incremental && !v->tracking && !v->chunking) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, VF_SYND_NOT_TRACKING);
  }
  v->chunk_mode = chunk;
  struct save_size size = measure(fw, fn, incremental);
  const uint32_t changed = incremental || !v->tracking ? size.records : measure(fw, fn, true).records;
  if (!fw_vhca_stopped(fw, fn)) {
    size.total += (size.total / 8 + FW_IMAGE_SLACK) & ~7U;
  }
  const uint32_t required = chunk ? chunk_bytes(&size, size.total / FW_CHUNKS) : size.total;
  v->announced = required;
  VF_SET(query_vhca_migration_state_out, cmd->out, migration_state, migration_state(v, changed));
  VF_SET(query_vhca_migration_state_out, cmd->out, required_umem_size, required);
  VF_SET(query_vhca_migration_state_out, cmd->out, remaining_total_size, chunk ? size.total : 0);
  return fw_cmd_ok(cmd, VF_BYTES(query_vhca_migration_state_out));
}

/* Finds out what the SAVE is for. VF_SYND_NONE, or why it is refused (status BAD_RES_STATE). */
static uint32_t save_use(const struct fw *fw, uint32_t fn, bool incremental, bool set_track, enum save_use *use) {
  const struct fw_vhca *v = &fw->vhca[fn];
  const bool stopped = fw_vhca_stopped(fw, fn);
  if (!stopped && v->op == FW_VHCA_SUSPEND) {
    return VF_SYND_ALREADY_SUSPENDED;
  }
  if (set_track) {
    *use = SAVE_TRACKED;
    if (stopped) {
      return VF_SYND_ALREADY_SUSPENDED;
    }
    return incremental && !v->tracking ? VF_SYND_NOT_TRACKING : VF_SYND_NONE;
  }
  if (!stopped) {
    *use = SAVE_CLEANUP;
    return incremental || !v->tracking ? VF_SYND_NOT_SUSPENDED : VF_SYND_NONE;
  }
  *use = SAVE_FINAL;
  if (incremental && !v->tracking && !v->chunking) {
    return v->chunk_mode ? VF_SYND_NO_STATE_PENDING : VF_SYND_NOT_TRACKING;
  }
  return VF_SYND_NONE;
}

/* ---- building ---- */

struct writer {
  uint8_t *data;
  uint32_t limit; /* of the image, END record included */
  uint32_t at;
  uint32_t records;
  bool full; /* a record did not fit */
};

static void seal_record(uint8_t *head, uint16_t type, uint32_t number, uint32_t bytes, bool tombstone) {
  memset(head, 0, FW_IMAGE_HEAD);
  VF_SET(image_record, head, type, type);
  VF_SET(image_record, head, flags, tombstone ? FW_IMAGE_TOMBSTONE : 0);
  VF_SET(image_record, head, number, number);
  VF_SET(image_record, head, bytes, bytes);
  VF_SET(image_record, head, crc, fw_crc32c(0, head, (size_t)FW_IMAGE_HEAD + bytes));
}

/* Appends the slot if the image must have it. */
static void write_slot(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index, bool incremental, struct writer *w) {
  const struct fw_image_kind *info = fw_image_kind_info(kind);
  const uint64_t saved = incremental ? fw->vhca[fn].saved[info->slot + index] : 0;
  const bool exists = fw_state_exists(fw, fn, kind, index);
  if (!exists && saved == 0) {
    return;
  }
  const uint32_t bytes = exists ? fw_state_bytes(fw, fn, kind, index) : 0;
  if (w->at + FW_IMAGE_HEAD + bytes + FW_IMAGE_TRAILER > FW_IMAGE_MAX) {
    w->full = true;
    return;
  }
  uint8_t *head = w->data + w->at;
  if (exists) {
    fw_state_encode(fw, fn, kind, index, head + FW_IMAGE_HEAD);
    if (saved != 0 && fw_image_hash(0, head + FW_IMAGE_HEAD, bytes) == saved) {
      return;
    }
  }
  if (w->at + FW_IMAGE_HEAD + bytes + FW_IMAGE_TRAILER > w->limit) {
    w->full = true;
    return;
  }
  seal_record(head, info->type, info->base + index, bytes, !exists);
  w->at += FW_IMAGE_HEAD + bytes;
  ++w->records;
}

static void write_header(const struct fw_vhca *v, struct writer *w, bool incremental, uint8_t flags) {
  uint8_t *h = w->data;
  memset(h, 0, FW_IMAGE_HEADER);
  VF_SET(image_header, h, magic, FW_IMAGE_MAGIC);
  VF_SET(image_header, h, format, FW_IMAGE_FORMAT);
  VF_SET(image_header, h, header_bytes, FW_IMAGE_HEADER);
  VF_SET(image_header, h, total_bytes, w->at + FW_IMAGE_TRAILER);
  VF_SET(image_header, h, vendor_id, VF_PCI_VENDOR);
  VF_SET(image_header, h, device_id, VF_PCI_DEVICE_VF);
  VF_SET(image_header, h, fw_major, VF_FW_REV_MAJOR);
  VF_SET(image_header, h, fw_minor, VF_FW_REV_MINOR);
  VF_SET(image_header, h, fw_subminor, VF_FW_REV_SUBMINOR);
  VF_SET(image_header, h, kind, incremental ? FW_IMAGE_INCREMENT : FW_IMAGE_FULL);
  VF_SET(image_header, h, flags, flags);
  VF_SET(image_header, h, sequence, incremental ? v->save_sequence + 1 : 0);
  VF_SET(image_header, h, base_id, incremental ? v->save_id : 0);
  VF_SET(image_header, h, records, w->records);
  VF_SET(image_header, h, msix_vectors, VF_MSIX_VECTORS);
  VF_SET(image_header, h, features, FW_IMAGE_FEATURES);
  /* The identity covers header and records: equal states have equal images, and a chain of increments equal chains. */
  VF_SET(image_header, h, image_id, fw_image_hash(0, h, w->at));
  VF_SET(image_header, h, header_crc, fw_crc32c(0, h, FW_IMAGE_HEADER));
}

/* Builds the image; returns its bytes. */
static uint32_t build(struct fw *fw, uint32_t fn, bool incremental, bool final, struct writer *w) {
  w->at = FW_IMAGE_HEADER;
  w->records = 0;
  w->full = false;
  for (unsigned kind = 0; kind < FW_IMAGE_KINDS && !w->full; ++kind) {
    const uint32_t count = fw_image_kind_info(kind)->count;
    for (uint32_t index = 0; index < count && !w->full; ++index) {
      write_slot(fw, fn, kind, index, incremental, w);
    }
  }
  uint8_t flags = 0;
  if (w->full) {
    flags = FW_IMAGE_MORE;
  } else if (final) {
    flags = FW_IMAGE_FINAL;
  }
  write_header(&fw->vhca[fn], w, incremental, flags);
  uint8_t *end = w->data + w->at;
  VF_SET(image_end, end + FW_IMAGE_HEAD, records, w->records);
  VF_SET(image_end, end + FW_IMAGE_HEAD, image_crc, fw_crc32c(0, w->data, w->at));
  seal_record(end, FW_IMAGE_END, 0, (uint32_t)VF_BYTES(image_end), false);
  return w->at + FW_IMAGE_TRAILER;
}

/* The image is on its way: remembers what it carries. */
static void remember(struct fw *fw, uint32_t fn, const uint8_t *image, uint32_t bytes, bool incremental) {
  struct fw_vhca *v = &fw->vhca[fn];
  struct fw_image_record r;
  if (!incremental) {
    memset(v->saved, 0, sizeof v->saved);
  }
  for (bool more = fw_image_first(image, bytes, &r); more; more = fw_image_next(image, bytes, &r)) {
    const uint32_t slot = fw_image_kind_info((unsigned)r.kind)->slot + r.index;
    v->saved[slot] = r.tombstone ? 0 : fw_image_hash(0, r.payload, r.bytes);
  }
  v->save_sequence = (uint32_t)VF_GET(image_header, image, sequence);
  v->save_id = VF_GET(image_header, image, image_id);
}

/* What tracking is after the SAVE. */
static void advance(struct fw *fw, uint32_t fn, enum save_use use, bool incremental, const struct writer *w,
                    uint32_t bytes) {
  struct fw_vhca *v = &fw->vhca[fn];
  if (use == SAVE_TRACKED) {
    remember(fw, fn, w->data, bytes, incremental);
    v->first_open = w->full && (!incremental || v->first_open);
    v->tracking = true;
    v->chunking = false;
  } else if (use == SAVE_FINAL && w->full) {
    remember(fw, fn, w->data, bytes, incremental);
    v->chunking = true;
  } else if (use == SAVE_CLEANUP || incremental || v->tracking || v->chunking) {
    fw_vhca_untrack(fw, fn);
  }
}

static void move_a_queue(struct fw *fw, uint32_t fn) {
  struct vf_cq *cq = fw_ctx(fw, fn)->cq;
  for (uint32_t i = 0; i < VF_CQ_COUNT; ++i) {
    if (cq[i].valid != 0) {
      cq[i].pi = (cq[i].pi + 1) & 0xffffff;
      return;
    }
  }
}

/* Checks, takes a buffer, builds. DONE: refused; AGAIN: no buffer yet, or cmd->step says that the image is ready. */
static enum fw_exec save_begin(struct fw *fw, struct fw_cmd *cmd) {
  uint32_t fn = 0;
  if (!fw_vhca_target(fw, cmd, (uint32_t)VF_GET(save_vhca_state_in, cmd->in, vhca_id), &fn) ||
      !fw_vhca_free(fw, cmd, fn)) {
    return FW_EXEC_DONE;
  }
  struct fw_vhca *v = &fw->vhca[fn];
  const bool incremental = VF_GET(save_vhca_state_in, cmd->in, incremental) != 0;
  const uint32_t size = (uint32_t)VF_GET(save_vhca_state_in, cmd->in, size);
  enum save_use use = SAVE_FINAL;
  const uint32_t refused =
      save_use(fw, fn, incremental, VF_GET(save_vhca_state_in, cmd->in, set_track) != 0, &use);
  if (refused != VF_SYND_NONE) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, refused);
  }
  struct fw_image_buffer *buffer = fw_vhca_buffer_take(fw, cmd);
  if (buffer == NULL) {
    return FW_EXEC_AGAIN;
  }
  const bool chunk = use == SAVE_FINAL && v->chunk_mode;
  struct writer w = {buffer->data, chunk ? smaller(size, v->announced) : size, 0, 0, false};
  uint32_t bytes = build(fw, fn, incremental, use == SAVE_FINAL, &w);
  if (w.full && w.records == 0 && w.limit < size) { /* a record has grown since the announcement */
    w.limit = size;
    bytes = build(fw, fn, incremental, use == SAVE_FINAL, &w);
  }
  const bool may_split = use != SAVE_FINAL || chunk;
  if (bytes > size || (w.full && (!may_split || w.records == 0))) {
    buffer->used = false;
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BUFFER_TOO_SMALL);
  }
  if (vf_fault(fw->config.faults, VF_FAULT_state_moves_in_stop)) {
    move_a_queue(fw, fn);
  }
  advance(fw, fn, use, incremental, &w, bytes);
  v->op = FW_VHCA_SAVE;
  cmd->arg[FW_ARG_FN] = fn;
  cmd->arg[FW_ARG_EPOCH] = v->epoch;
  cmd->arg[FW_ARG_BYTES] = bytes;
  cmd->arg[FW_ARG_NEXT] = 0;
  if (v->chunking) {
    const struct save_size rest = measure(fw, fn, true);
    v->announced = chunk_bytes(&rest, v->announced);
    cmd->arg[FW_ARG_NEXT] = v->announced;
  }
  cmd->step = SAVE_START;
  return FW_EXEC_AGAIN;
}

/* Deliberate defect: 64 bytes behind the last page of the key. */
static bool write_beyond(struct fw *fw, struct fw_cmd *cmd) {
  const uint32_t mkey = (uint32_t)VF_GET(save_vhca_state_in, cmd->in, mkey);
  const uint32_t index = (mkey >> 8) - VF_MKEY_BASE;
  const struct vf_mkey *key = &fw_ctx(fw, 0)->mkey[index < VF_MKEY_COUNT ? index : 0];
  if (key->valid == 0 || key->pages.pages == 0) {
    return true;
  }
  const uint64_t last = fw->hal->ram->mtt[key->pages.mtt + key->pages.pages - 1];
  const struct fw_dma dma = {.function = 0,
                             .space = FW_DMA_BUS,
                             .addr = (last & ~UINT64_C(0xfff)) + (UINT64_C(1) << key->pages.log_page),
                             .buf = fw_vhca_buffer(fw, cmd)->data,
                             .bytes = 64,
                             .to_host = true};
  return fw_cmd_dma(fw, cmd, &dma);
}

static enum fw_exec save_end(struct fw *fw, struct fw_cmd *cmd) {
  const uint32_t fn = (uint32_t)cmd->arg[FW_ARG_FN];
  const uint32_t epoch = (uint32_t)cmd->arg[FW_ARG_EPOCH];
  fw_vhca_done(fw, cmd, fn, epoch);
  if (fw->vhca[fn].epoch != epoch) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, VF_SYND_FUNCTION_RESET);
  }
  if (cmd->dma_result != FW_DMA_OK) {
    fw_vhca_untrack(fw, fn); /* the host has not got what saved[] says it has */
    return fw_vhca_dma_failed(cmd);
  }
  VF_SET(save_vhca_state_out, cmd->out, actual_image_size, cmd->arg[FW_ARG_BYTES]);
  VF_SET(save_vhca_state_out, cmd->out, next_required_umem_size, cmd->arg[FW_ARG_NEXT]);
  return fw_cmd_ok(cmd, VF_BYTES(save_vhca_state_out));
}

enum fw_exec fw_op_SAVE_VHCA_STATE(struct fw *fw, struct fw_cmd *cmd) {
  if (cmd->step == SAVE_CHECK) {
    if (save_begin(fw, cmd) == FW_EXEC_DONE) {
      return FW_EXEC_DONE;
    }
    fw_cmd_dma_reset(cmd);
  }
  if (cmd->step == SAVE_START) {
    const struct fw_dma dma = {.function = 0,
                               .space = FW_DMA_MKEY,
                               .mkey = (uint32_t)VF_GET(save_vhca_state_in, cmd->in, mkey),
                               .addr = VF_GET(save_vhca_state_in, cmd->in, va),
                               .buf = fw_vhca_buffer(fw, cmd)->data,
                               .bytes = (uint32_t)cmd->arg[FW_ARG_BYTES],
                               .to_host = true};
    if (!fw_cmd_dma(fw, cmd, &dma)) {
      return FW_EXEC_AGAIN;
    }
    cmd->step = vf_fault(fw->config.faults, VF_FAULT_save_past_mkey) ? SAVE_BEYOND : SAVE_WAIT;
  }
  if (cmd->step == SAVE_BEYOND && write_beyond(fw, cmd)) {
    cmd->step = SAVE_WAIT;
  }
  if (cmd->step != SAVE_WAIT || cmd->dma_pending != 0) {
    return FW_EXEC_AGAIN;
  }
  return save_end(fw, cmd);
}
