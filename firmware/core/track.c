#include "firmware/core/track.h"

#include <string.h>

#include "firmware/core/fw_internal.h"

enum {
  OBJ_BASE = 1,          /* first object id */
  MODIFY_RANGE = 3,      /* modify_field_select: the range to report */
  ENTRY_BYTES = 8,       /* of a report */
  COUNTER_MASK = 0xffff, /* of a doorbell record */
  IMM_STATE_SHIFT = 28,
};

/* What a report does next. Each message goes through RECORD .. COMPLETE. */
enum phase {
  PHASE_SNAPSHOT, /* move dirty pages out of the hardware's marks */
  PHASE_RECORD,   /* read the doorbell record of the receive ring */
  PHASE_ENTRY,    /* its answer is here: read the next receive entry */
  PHASE_SEND,     /* its answer is here: write the pages */
  PHASE_COMPLETE, /* they are visible: post the completion */
};

VF_STATIC_ASSERT((int)FW_TRACK_COOKIE > (int)FW_CMDS, "cookies of commands and trackers differ");

/* ---- hardware side ---- */

static void tracking_start(struct fw *fw, const struct fw_track *t) {
  struct vf_function *ctx = fw_ctx(fw, t->fn);
  ctx->track_log_page = t->log_page;
  ctx->track_range_count = t->range_count;
  memcpy(ctx->track_range, t->range, sizeof ctx->track_range);
  fw_reg_write(fw, fw_fn_reg(t->fn, FW_FN_TRACK_CTRL), 1);
}

static void tracking_stop(struct fw *fw, uint32_t fn) {
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_TRACK_CTRL), 0);
  fw_ctx(fw, fn)->track_range_count = 0;
}

static void snapshot(struct fw *fw, struct fw_track *t) {
  struct vf_function *ctx = fw_ctx(fw, t->fn);
  ctx->snap_addr = t->range_start;
  ctx->snap_len = t->range_length;
  fw_reg_write(fw, fw_fn_reg(t->fn, FW_FN_TRACK_SNAP), 1);
  t->count = ctx->snap_count;
  t->more = ctx->snap_more != 0;
  t->taken = 0;
}

/* ---- queue pairs ---- */

static struct vf_qp *pf_qp(const struct fw *fw, uint32_t qpn) {
  const uint32_t index = qpn - VF_QP_BASE;
  struct vf_qp *qp = &fw_ctx(fw, 0)->qp[index < VF_QP_COUNT ? index : 0];
  return index < VF_QP_COUNT && qp->valid != 0 ? qp : NULL;
}

/* The host's end of the connection, able to receive; NULL if it is not. */
static struct vf_qp *receiver(const struct fw *fw, uint32_t qpn) {
  const struct vf_qp *own = pf_qp(fw, qpn);
  if (own == NULL || own->state != VF_QP_RTS) {
    return NULL;
  }
  struct vf_qp *host = pf_qp(fw, own->remote_qpn);
  const bool ready = host != NULL && (host->state == VF_QP_RTR || host->state == VF_QP_RTS);
  return ready && host->rq_type == VF_QP_RQ_NORMAL && host->ring.pages != 0 ? host : NULL;
}

/* ---- reports ---- */

static void report_end(struct fw *fw, struct fw_track *t, uint8_t state) {
  t->state = state;
  --fw->track_reports;
}

static void fail(struct fw *fw, struct fw_track *t) {
  uint8_t data[VF_LAYOUT_BYTES_eqe_object_change] = {0};
  report_end(fw, t, VF_PAGE_TRACK_ERROR);
  VF_SET(eqe_object_change, data, obj_type, VF_OBJ_TYPE_PAGE_TRACK);
  VF_SET(eqe_object_change, data, obj_id, (uint32_t)(t - fw->track) + OBJ_BASE);
  (void)fw_event(fw, 0, VF_EVENT_OBJECT_CHANGE, 0, data);
}

/* Starts a transfer of the tracker. false: no descriptor free, nothing happened. */
static bool transfer(struct fw *fw, struct fw_track *t, struct fw_dma dma, uint8_t next) {
  dma.cookie = FW_TRACK_COOKIE + (uint32_t)(t - fw->track);
  dma.function = 0;
  if (!fw->hal->dma_start(fw->hal->ctx, &dma)) {
    return false;
  }
  t->dma_running = true;
  t->phase = next;
  return true;
}

static bool read_record(struct fw *fw, struct fw_track *t, const struct vf_qp *host) {
  if (fw->hal->time_ns(fw->hal->ctx) < t->wait_until_ns) {
    return false;
  }
  const struct fw_dma dma = {
      .space = FW_DMA_BUS, .addr = host->dbr_addr, .buf = t->small, .bytes = (uint32_t)VF_BYTES(wq_dbr)};
  return transfer(fw, t, dma, PHASE_ENTRY);
}

static bool read_entry(struct fw *fw, struct fw_track *t, const struct vf_qp *host) {
  const uint32_t posted = (uint32_t)VF_GET(wq_dbr, t->small, rq_counter);
  if (((posted - host->rq_hw_counter) & COUNTER_MASK) == 0) { /* nothing to receive into: look again later */
    t->wait_until_ns = fw->hal->time_ns(fw->hal->ctx) + FW_TRACK_WAIT_NS;
    t->phase = PHASE_RECORD;
    return false;
  }
  const uint64_t index = host->rq_hw_counter & ((1U << host->log_rq_size) - 1);
  const uint64_t offset = index << host->log_rq_stride;
  const uint64_t page = offset >> host->ring.log_page;
  if (page >= host->ring.pages) {
    fail(fw, t);
    return false;
  }
  const uint64_t base = fw->hal->ram->mtt[host->ring.mtt + page] & ~(uint64_t)(VF_PAGE_BYTES - 1);
  const struct fw_dma dma = {.space = FW_DMA_BUS,
                             .addr = base + (offset & ((UINT64_C(1) << host->ring.log_page) - 1)),
                             .buf = t->small,
                             .bytes = (uint32_t)VF_BYTES(wqe_data)};
  return transfer(fw, t, dma, PHASE_SEND);
}

static uint32_t at_most(uint64_t limit, uint32_t value) { return value < limit ? value : (uint32_t)limit; }

static bool send_pages(struct fw *fw, struct fw_track *t) {
  const struct vf_function *ctx = fw_ctx(fw, t->fn);
  const uint32_t left = t->count - t->taken;
  if (left == 0 && t->more) { /* the function was reset meanwhile; a message without pages would end the report */
    t->phase = PHASE_SNAPSHOT;
    return true;
  }
  const uint32_t room = at_most(VF_GET(wqe_data, t->small, byte_count), 1U << t->log_msg) / ENTRY_BYTES;
  t->entries = at_most(room, left);
  if (t->entries == 0) {
    if (left != 0) { /* the entry cannot take even one page */
      fail(fw, t);
      return false;
    }
    t->phase = PHASE_COMPLETE;
    return true;
  }
  for (uint32_t i = 0; i < t->entries; ++i) {
    vf_be64_store(t->payload + (size_t)i * ENTRY_BYTES, ctx->snap_page[t->taken + i]);
  }
  const struct fw_dma dma = {.space = FW_DMA_MKEY,
                             .mkey = (uint32_t)VF_GET(wqe_data, t->small, lkey),
                             .addr = VF_GET(wqe_data, t->small, addr),
                             .buf = t->payload,
                             .bytes = t->entries * ENTRY_BYTES,
                             .to_host = true};
  return transfer(fw, t, dma, PHASE_COMPLETE);
}

static bool complete(struct fw *fw, struct fw_track *t, struct vf_qp *host) {
  uint8_t *cqe = fw_ctx(fw, 0)->cqe_stage;
  t->taken += t->entries;
  const bool last = t->taken == t->count && !t->more;
  const uint32_t state = last ? VF_PAGE_TRACK_TRACKING : VF_PAGE_TRACK_REPORTING;
  memset(cqe, 0, VF_BYTES(cqe));
  VF_SET(cqe, cqe, imm, state << IMM_STATE_SHIFT);
  VF_SET(cqe, cqe, byte_cnt, t->entries * ENTRY_BYTES);
  VF_SET(cqe, cqe, timestamp, fw->hal->time_ns(fw->hal->ctx));
  VF_SET(cqe, cqe, qpn, pf_qp(fw, t->qpn)->remote_qpn);
  VF_SET(cqe, cqe, wqe_counter, host->rq_hw_counter & COUNTER_MASK);
  VF_SET(cqe, cqe, opcode, VF_CQE_RESP_SEND_IMM);
  ++host->rq_hw_counter;
  fw_reg_write(fw, fw_fn_reg(0, FW_FN_CQE_POST), host->cqn_rcv);
  t->phase = t->taken == t->count ? PHASE_SNAPSHOT : PHASE_RECORD;
  if (last) {
    report_end(fw, t, VF_PAGE_TRACK_TRACKING);
  }
  return !last;
}

/* One step of a report. true: the next one is possible at once. */
static bool step(struct fw *fw, struct fw_track *t) {
  struct vf_qp *host = receiver(fw, t->qpn);
  if (t->dma_result != FW_DMA_OK || host == NULL) {
    fail(fw, t);
    return false;
  }
  switch ((enum phase)t->phase) {
    case PHASE_SNAPSHOT:
      snapshot(fw, t);
      if (t->count == 0 && t->more) {
        return true;
      }
      t->phase = PHASE_RECORD;
      return true;
    case PHASE_RECORD:
      return read_record(fw, t, host);
    case PHASE_ENTRY:
      return read_entry(fw, t, host);
    case PHASE_SEND:
      return send_pages(fw, t);
    default:
      return complete(fw, t, host);
  }
}

bool fw_track_poll(struct fw *fw) {
  bool again = false;
  for (uint32_t i = 0; i < VF_TRACK_COUNT && fw->track_reports != 0; ++i) {
    struct fw_track *t = &fw->track[i];
    while (t->used && t->state == VF_PAGE_TRACK_REPORTING && !t->dma_running && step(fw, t)) {
    }
    again = again || (t->used && t->state == VF_PAGE_TRACK_REPORTING && !t->dma_running);
  }
  return again;
}

void fw_track_dma_ended(struct fw *fw, uint32_t cookie, enum fw_dma_result result) {
  struct fw_track *t = &fw->track[cookie - FW_TRACK_COOKIE];
  t->dma_running = false;
  if (!t->dma_stale) {
    t->dma_result = result;
  }
  t->dma_stale = false;
}

/* ---- life ---- */

void fw_track_init(struct fw *fw) {
  for (uint32_t i = 0; i < VF_TRACK_COUNT; ++i) {
    fw->track[i].used = false;
    fw->track[i].dma_running = false;
    fw->track[i].dma_stale = false;
  }
  fw->track_reports = 0;
}

static void drop(struct fw *fw, struct fw_track *t) {
  if (t->state == VF_PAGE_TRACK_REPORTING) {
    --fw->track_reports;
  }
  tracking_stop(fw, t->fn);
  t->used = false;
  t->dma_stale = t->dma_running;
}

void fw_track_reset(struct fw *fw, uint32_t fn) {
  for (uint32_t i = 0; i < VF_TRACK_COUNT; ++i) {
    struct fw_track *t = &fw->track[i];
    if (t->used && fn == 0) {
      drop(fw, t);
    } else if (t->used && t->fn == fn) {
      /* A report goes on, with what the new tracking finds; the message on its way is the last of the old pages. */
      const bool sending = t->dma_running && t->phase == PHASE_COMPLETE;
      t->count = t->taken + (sending ? t->entries : 0);
      t->more = true;
      if (!t->dma_running) {
        t->phase = PHASE_SNAPSHOT;
      }
      tracking_start(fw, t);
    }
  }
}

/* ---- commands ---- */

static struct fw_track *find(struct fw *fw, struct fw_cmd *cmd) {
  const uint32_t index = (uint32_t)VF_GET(general_obj_in_cmd_hdr, cmd->in, obj_id) - OBJ_BASE;
  if (cmd->fn != 0) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
    return NULL;
  }
  if (VF_GET(general_obj_in_cmd_hdr, cmd->in, obj_type) != VF_OBJ_TYPE_PAGE_TRACK) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
    return NULL;
  }
  if (index >= VF_TRACK_COUNT || !fw->track[index].used) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_OBJECT);
    return NULL;
  }
  return &fw->track[index];
}

/* Takes the ranges. Older drivers send last - start as a length, newer ones the length: rounding up to pages makes both
 * the same. false: not acceptable. */
static bool take_ranges(struct fw_track *t, const uint8_t *list) {
  const uint64_t page = UINT64_C(1) << t->log_page;
  memset(t->range, 0, sizeof t->range);
  for (uint32_t i = 0; i < t->range_count; ++i) {
    const uint8_t *p = list + i * VF_BYTES(page_track_range);
    const uint64_t start = VF_GET(page_track_range, p, start_address);
    const uint64_t length = VF_GET(page_track_range, p, length);
    const uint64_t rounded = (length + (start & (page - 1)) + page - 1) & ~(page - 1);
    if (length == 0 || rounded < length || (start & ~(page - 1)) + (rounded - 1) < start) {
      return false;
    }
    t->range[i].start = start & ~(page - 1);
    t->range[i].length = rounded;
  }
  return true;
}

/* Fills the tracker from the command; the status and syndrome of the first thing wrong, or OK. */
static uint8_t describe(struct fw *fw, struct fw_cmd *cmd, struct fw_track *t, uint32_t *syndrome) {
  const uint8_t *obj = cmd->in + VF_BYTES(general_obj_in_cmd_hdr);
  const uint32_t ranges = (uint32_t)VF_GET(page_track, obj, num_ranges);
  t->log_page = (uint8_t)VF_GET(page_track, obj, log_page_size);
  t->log_msg = (uint8_t)VF_GET(page_track, obj, log_msg_size);
  t->log_space = (uint8_t)VF_GET(page_track, obj, log_addr_space_size);
  t->type = (uint8_t)VF_GET(page_track, obj, track_type);
  t->qpn = (uint32_t)VF_GET(page_track, obj, reporting_qpn);
  t->range_count = (uint8_t)ranges;
  *syndrome = VF_SYND_UNSUPPORTED_FIELD;
  if (t->log_page < VF_TRACK_LOG_MIN_PAGE || t->log_page > VF_TRACK_LOG_MAX_PAGE ||
      t->log_msg < VF_TRACK_LOG_MIN_MSG || t->log_msg > VF_TRACK_LOG_MAX_MSG) {
    return VF_STATUS_BAD_PARAM;
  }
  *syndrome = VF_SYND_TRACK_BAD_RANGE;
  if (ranges == 0 || ranges > VF_TRACK_RANGES || t->log_space < VF_TRACK_LOG_MIN_SPACE ||
      t->log_space > VF_TRACK_LOG_MAX_SPACE) {
    return VF_STATUS_BAD_PARAM;
  }
  if (cmd->in_len < VF_BYTES(create_page_track_obj_in) + ranges * VF_BYTES(page_track_range)) {
    *syndrome = VF_SYND_SHORT_INPUT;
    return VF_STATUS_BAD_INPUT_LEN;
  }
  if (!take_ranges(t, cmd->in + VF_BYTES(create_page_track_obj_in))) {
    return VF_STATUS_BAD_PARAM;
  }
  *syndrome = VF_SYND_TRACK_BAD_QP;
  return receiver(fw, t->qpn) == NULL ? VF_STATUS_BAD_RESOURCE : VF_STATUS_OK;
}

/* The hardware has one set of marks per function. A tracker whose queue pairs are gone is a leftover of a driver that
 * went without destroying it. true: the function is free to be tracked. */
static bool untracked(struct fw *fw, uint32_t fn) {
  for (uint32_t i = 0; i < VF_TRACK_COUNT; ++i) {
    struct fw_track *t = &fw->track[i];
    if (t->used && t->fn == fn && receiver(fw, t->qpn) != NULL) {
      return false;
    }
    if (t->used && t->fn == fn) {
      drop(fw, t);
    }
  }
  return true;
}

/* The VF to track; 0: refused. */
static uint32_t tracked_fn(struct fw *fw, struct fw_cmd *cmd) {
  const uint8_t *obj = cmd->in + VF_BYTES(general_obj_in_cmd_hdr);
  if (cmd->fn != 0) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
    return 0;
  }
  if (VF_GET(general_obj_in_cmd_hdr, cmd->in, obj_type) != VF_OBJ_TYPE_PAGE_TRACK) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
    return 0;
  }
  if (cmd->in_len < VF_BYTES(create_page_track_obj_in)) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
    return 0;
  }
  const int fn = fw_vhca_to_fn(fw, (uint32_t)VF_GET(page_track, obj, vhca_id));
  if (fn <= 0) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_VHCA_ID);
    return 0;
  }
  if (!untracked(fw, (uint32_t)fn)) {
    fw_cmd_fail(cmd, VF_STATUS_RES_BUSY, VF_SYND_TRACK_BUSY);
    return 0;
  }
  return (uint32_t)fn;
}

enum fw_exec fw_op_CREATE_GENERAL_OBJECT(struct fw *fw, struct fw_cmd *cmd) {
  const uint32_t fn = tracked_fn(fw, cmd);
  if (fn == 0) {
    return FW_EXEC_DONE;
  }
  uint32_t index = 0;
  while (index < VF_TRACK_COUNT && (fw->track[index].used || fw->track[index].dma_running)) {
    ++index;
  }
  if (index == VF_TRACK_COUNT) {
    return fw_cmd_fail(cmd, VF_STATUS_NO_RESOURCES, VF_SYND_OUT_OF_CONTEXTS);
  }
  struct fw_track *t = &fw->track[index];
  uint32_t syndrome = VF_SYND_NONE;
  const uint8_t status = describe(fw, cmd, t, &syndrome);
  if (status != VF_STATUS_OK) {
    return fw_cmd_fail(cmd, status, syndrome);
  }
  t->used = true;
  t->fn = fn;
  t->state = VF_PAGE_TRACK_TRACKING;
  tracking_start(fw, t);
  VF_SET(general_obj_out_cmd_hdr, cmd->out, obj_id, index + OBJ_BASE);
  return fw_cmd_ok(cmd, VF_BYTES(general_obj_out_cmd_hdr));
}

enum fw_exec fw_op_MODIFY_GENERAL_OBJECT(struct fw *fw, struct fw_cmd *cmd) {
  const uint8_t *obj = cmd->in + VF_BYTES(general_obj_in_cmd_hdr);
  struct fw_track *t = find(fw, cmd);
  if (t == NULL) {
    return FW_EXEC_DONE;
  }
  if (cmd->in_len < VF_BYTES(modify_page_track_obj_in)) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
  }
  if (VF_GET(page_track, obj, modify_field_select) != MODIFY_RANGE ||
      VF_GET(page_track, obj, state) != VF_PAGE_TRACK_REPORTING) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (t->state == VF_PAGE_TRACK_ERROR) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, VF_SYND_TRACK_DEAD);
  }
  if (t->state == VF_PAGE_TRACK_REPORTING) {
    return fw_cmd_fail(cmd, VF_STATUS_RES_BUSY, VF_SYND_TRACK_BUSY);
  }
  if (receiver(fw, t->qpn) == NULL) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RESOURCE, VF_SYND_TRACK_BAD_QP);
  }
  t->range_start = VF_GET(page_track, obj, range_start_address);
  t->range_length = VF_GET(page_track, obj, length);
  if (t->range_length == 0 || t->range_start + (t->range_length - 1) < t->range_start) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_TRACK_BAD_RANGE);
  }
  t->state = VF_PAGE_TRACK_REPORTING;
  t->phase = PHASE_SNAPSHOT;
  t->dma_result = FW_DMA_OK;
  t->wait_until_ns = 0;
  ++fw->track_reports;
  return fw_cmd_ok(cmd, VF_BYTES(general_obj_out_cmd_hdr));
}

enum fw_exec fw_op_QUERY_GENERAL_OBJECT(struct fw *fw, struct fw_cmd *cmd) {
  uint8_t *obj = cmd->out + VF_BYTES(general_obj_out_cmd_hdr);
  const struct fw_track *t = find(fw, cmd);
  if (t == NULL) {
    return FW_EXEC_DONE;
  }
  VF_SET(general_obj_out_cmd_hdr, cmd->out, obj_id, VF_GET(general_obj_in_cmd_hdr, cmd->in, obj_id));
  VF_SET(page_track, obj, vhca_id, VF_VHCA_ID_BASE + t->fn);
  VF_SET(page_track, obj, state, t->state);
  VF_SET(page_track, obj, track_type, t->type);
  VF_SET(page_track, obj, log_addr_space_size, t->log_space);
  VF_SET(page_track, obj, log_page_size, t->log_page);
  VF_SET(page_track, obj, log_msg_size, t->log_msg);
  VF_SET(page_track, obj, reporting_qpn, t->qpn);
  VF_SET(page_track, obj, num_ranges, t->range_count);
  return fw_cmd_ok(cmd, VF_BYTES(general_obj_out_cmd_hdr) + VF_BYTES(page_track));
}

enum fw_exec fw_op_DESTROY_GENERAL_OBJECT(struct fw *fw, struct fw_cmd *cmd) {
  struct fw_track *t = find(fw, cmd);
  if (t == NULL) {
    return FW_EXEC_DONE;
  }
  drop(fw, t);
  return fw_cmd_ok(cmd, VF_BYTES(general_obj_out_cmd_hdr));
}
