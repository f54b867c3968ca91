/* LOAD_VHCA_STATE: reads an image through the PF's key, checks everything, and only then changes the function.
 * Source: mlx5 device interface, sections 4.2 and 6.5. */
#include <string.h>

#include "firmware/core/state_check.h"
#include "firmware/core/state_record.h"
#include "firmware/core/vhca_internal.h"
#include "firmware/interface/faults.h"

enum load_step { LOAD_CHECK, LOAD_START, LOAD_WAIT };

/* Length of the page list that needs translation entries; 0: none. */
static uint32_t pages_of(const struct fw_image_record *r) {
  const bool translated = !r->tombstone && r->kind >= FW_IMAGE_EQ &&
                          fw_image_kind_info((unsigned)r->kind)->list == FW_IMAGE_LIST_PAGES;
  return translated ? (uint32_t)VF_GET(image_list, r->payload, list_count) : 0;
}

static uint32_t *mtt_of(struct fw *fw, const struct fw_image_record *r) {
  return &fw->image.mtt_at[fw_image_kind_info((unsigned)r->kind)->slot + r->index];
}

/* Gives back what allocate() got for the first `records` records. */
static void release(struct fw *fw, const uint8_t *image, uint32_t bytes, uint32_t records) {
  struct fw_image_record r;
  bool more = fw_image_first(image, bytes, &r);
  for (uint32_t i = 0; i < records && more; ++i, more = fw_image_next(image, bytes, &r)) {
    if (pages_of(&r) != 0) {
      fw_mtt_free(fw, *mtt_of(fw, &r), pages_of(&r));
    }
  }
}

/* Allocates the translation entries of every page list in the image. false: not enough, nothing is kept. */
static bool allocate(struct fw *fw, const uint8_t *image, uint32_t bytes) {
  struct fw_image_record r;
  uint32_t done = 0;
  for (bool more = fw_image_first(image, bytes, &r); more; more = fw_image_next(image, bytes, &r), ++done) {
    const uint32_t mtt = pages_of(&r) == 0 ? 0 : fw_mtt_alloc(fw, pages_of(&r));
    if (mtt == UINT32_MAX) {
      release(fw, image, bytes, done);
      return false;
    }
    *mtt_of(fw, &r) = mtt;
  }
  return true;
}

/* Before a full image: nothing of what the function had stays, except the pages that the PF gave for it. */
static void clear(struct fw *fw, uint32_t fn) {
  struct fw_function *f = &fw->fn[fn];
  struct vf_function *ctx = fw_ctx(fw, fn);
  static const uint8_t no_pages[VF_LAYOUT_BYTES_image_fw_pages];
  fw_function_free_objects(fw, fn);
  fw_state_install(fw, fn, FW_IMAGE_FW_PAGES, 0, no_pages, 0);
  memset(f->caps_changed, 0, sizeof f->caps_changed);
  memset(ctx->pd, 0, sizeof ctx->pd);
  memset(ctx->td, 0, sizeof ctx->td);
  memset(ctx->uar, 0, sizeof ctx->uar);
  memset(ctx->held_event, 0, sizeof ctx->held_event);
  ctx->held_events = 0;
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_MSIX_CLEAR), UINT32_MAX);
  memset(&ctx->counters, 0, sizeof ctx->counters);
  memset(&fw->port_base[fn], 0, sizeof fw->port_base[fn]);
}

static void install(struct fw *fw, uint32_t fn, const uint8_t *image, uint32_t bytes) {
  struct fw_vhca *v = &fw->vhca[fn];
  struct fw_image_record r;
  if (VF_GET(image_header, image, kind) == FW_IMAGE_FULL) {
    clear(fw, fn);
  }
  for (bool more = fw_image_first(image, bytes, &r); more; more = fw_image_next(image, bytes, &r)) {
    if (r.kind == FW_IMAGE_COUNTERS && VF_GET(image_header, image, kind) != FW_IMAGE_FULL &&
        vf_fault(fw->config.faults, VF_FAULT_load_stale_counters)) {
      continue;
    }
    if (r.tombstone) {
      fw_state_remove(fw, fn, (unsigned)r.kind, r.index);
    } else {
      fw_state_install(fw, fn, (unsigned)r.kind, r.index, r.payload, *mtt_of(fw, &r));
      if (r.kind == FW_IMAGE_CQ && vf_fault(fw->config.faults, VF_FAULT_load_drops_arm_state)) {
        fw_ctx(fw, fn)->cq[r.index].st = VF_QUEUE_FIRED;
      }
    }
  }
  fw_vhca_untrack(fw, fn); /* what was saved from the function before says nothing of it now */
  v->load_state = (VF_GET(image_header, image, flags) & FW_IMAGE_FINAL) != 0 ? FW_LOAD_FINAL : FW_LOAD_OPEN;
  v->load_sequence = (uint32_t)VF_GET(image_header, image, sequence);
  v->load_id = VF_GET(image_header, image, image_id);
}

/* Deliberate defects: what LOAD does not look at. */
static bool overlooked(const struct fw *fw, uint32_t syndrome) {
  const struct vf_fault_set faults = fw->config.faults;
  return (syndrome == VF_SYND_IMAGE_EXTENDED && vf_fault(faults, VF_FAULT_load_takes_extended)) ||
         (syndrome == VF_SYND_IMAGE_BAD_VERSION && vf_fault(faults, VF_FAULT_load_takes_any_format));
}

/* Deliberate defect: records without pages in front of the bad place are installed already. */
static void half_load(struct fw *fw, uint32_t fn, const uint8_t *image, uint32_t bytes, uint32_t bad) {
  struct fw_image_record r;
  for (bool more = fw_image_first(image, bytes, &r); more && r.offset < bad; more = fw_image_next(image, bytes, &r)) {
    if (!r.tombstone && r.kind >= 0 && pages_of(&r) == 0) {
      fw_state_install(fw, fn, (unsigned)r.kind, r.index, r.payload, 0);
    }
  }
}

static enum fw_exec load_end(struct fw *fw, struct fw_cmd *cmd) {
  const uint32_t fn = (uint32_t)cmd->arg[FW_ARG_FN];
  const uint32_t epoch = (uint32_t)cmd->arg[FW_ARG_EPOCH];
  const uint32_t bytes = (uint32_t)VF_GET(load_vhca_state_in, cmd->in, size);
  const uint8_t *image = fw_vhca_buffer(fw, cmd)->data;
  uint32_t syndrome = VF_SYND_NONE;
  uint32_t offset = 0;
  fw_vhca_done(fw, cmd, fn, epoch); /* nobody else can take the buffer before this call ends */
  if (fw->vhca[fn].epoch != epoch) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, VF_SYND_FUNCTION_RESET);
  }
  if (cmd->dma_result != FW_DMA_OK) {
    return fw_vhca_dma_failed(cmd);
  }
  if (fw_image_check(image, bytes, &syndrome, &offset) == 0 || overlooked(fw, syndrome)) {
    syndrome = fw_state_check(fw, fn, image, bytes);
  }
  if (syndrome != VF_SYND_NONE) {
    if (vf_fault(fw->config.faults, VF_FAULT_refused_load_stays)) {
      half_load(fw, fn, image, bytes, offset);
    }
    fw->hal->log(fw->hal->ctx, FW_LOG_WARNING, "LOAD refused, offset", fn, offset);
    return fw_cmd_fail(cmd, syndrome == VF_SYND_IMAGE_SEQUENCE ? VF_STATUS_BAD_RES_STATE : VF_STATUS_BAD_PARAM, syndrome);
  }
  if (!allocate(fw, image, bytes)) {
    return fw_cmd_fail(cmd, VF_STATUS_NO_RESOURCES, VF_SYND_OUT_OF_TRANSLATIONS);
  }
  install(fw, fn, image, bytes);
  return fw_cmd_ok(cmd, 16);
}

/* DONE: refused; AGAIN: no buffer yet, or cmd->step says that the transfer can start. */
static enum fw_exec load_begin(struct fw *fw, struct fw_cmd *cmd) {
  uint32_t fn = 0;
  if (!fw_vhca_target(fw, cmd, (uint32_t)VF_GET(load_vhca_state_in, cmd->in, vhca_id), &fn) ||
      !fw_vhca_free(fw, cmd, fn)) {
    return FW_EXEC_DONE;
  }
  const uint64_t size = VF_GET(load_vhca_state_in, cmd->in, size);
  if (!fw_vhca_stopped(fw, fn)) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, VF_SYND_NOT_SUSPENDED);
  }
  if (size < FW_IMAGE_HEADER + FW_IMAGE_TRAILER || size > FW_IMAGE_MAX) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM,
                       size > FW_IMAGE_MAX ? VF_SYND_IMAGE_EXTENDED : VF_SYND_IMAGE_TRUNCATED);
  }
  if (fw_vhca_buffer_take(fw, cmd) == NULL) {
    return FW_EXEC_AGAIN;
  }
  fw->vhca[fn].op = FW_VHCA_LOAD;
  cmd->arg[FW_ARG_FN] = fn;
  cmd->arg[FW_ARG_EPOCH] = fw->vhca[fn].epoch;
  cmd->step = LOAD_START;
  return FW_EXEC_AGAIN;
}

enum fw_exec fw_op_LOAD_VHCA_STATE(struct fw *fw, struct fw_cmd *cmd) {
  if (cmd->step == LOAD_CHECK) {
    if (load_begin(fw, cmd) == FW_EXEC_DONE) {
      return FW_EXEC_DONE;
    }
    fw_cmd_dma_reset(cmd);
  }
  if (cmd->step == LOAD_START) {
    const struct fw_dma dma = {.function = 0,
                               .space = FW_DMA_MKEY,
                               .mkey = (uint32_t)VF_GET(load_vhca_state_in, cmd->in, mkey),
                               .addr = VF_GET(load_vhca_state_in, cmd->in, va),
                               .buf = fw_vhca_buffer(fw, cmd)->data,
                               .bytes = (uint32_t)VF_GET(load_vhca_state_in, cmd->in, size),
                               .to_host = false};
    if (!fw_cmd_dma(fw, cmd, &dma)) {
      return FW_EXEC_AGAIN;
    }
    cmd->step = LOAD_WAIT;
  }
  if (cmd->step != LOAD_WAIT || cmd->dma_pending != 0) {
    return FW_EXEC_AGAIN;
  }
  return load_end(fw, cmd);
}
