/* Send and receive queues: one ring in the same layout, so both contexts share all but a few
 * fields. */
#include "firmware/core/object.h"

enum {
  WQ_LOG_MAX = 15, /* counters have 16 bits */
  SQ_LOG_STRIDE = 6,
  RQ_LOG_STRIDE_MIN = 4,
  RQ_LOG_STRIDE_MAX = 10,
  RQ_MODIFY_COUNTER_SET = 8, /* modify_bitmask: counter_set_id */
};

/* sqc and rqc agree in these. */
VF_STATIC_ASSERT(VF_OFF(sqc, cqn) == VF_OFF(rqc, cqn) && VF_OFF(sqc, state) == VF_OFF(rqc, state),
                 "common part");
VF_STATIC_ASSERT(VF_OFF(sqc, wq) == VF_OFF(rqc, wq) &&
                     VF_OFF(sqc, user_index) == VF_OFF(rqc, user_index),
                 "common part");
VF_STATIC_ASSERT(VF_OFF(sqc, ts_format) == VF_OFF(rqc, ts_format) &&
                     VF_OFF(sqc, hairpin) == VF_OFF(rqc, hairpin),
                 "common part");

static bool check_wq(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, const uint8_t* ctx) {
  const uint8_t* wq = VF_PTR(sqc, ctx, wq);
  const uint64_t stride = VF_GET(wq, wq, log_wq_stride);
  if (VF_GET(wq, wq, wq_type) != VF_WQ_TYPE_CYCLIC || VF_GET(wq, wq, page_offset) != 0 ||
      VF_GET(wq, wq, dbr_umem_valid) != 0 || VF_GET(wq, wq, wq_umem_valid) != 0 ||
      VF_GET(sqc, ctx, hairpin) != 0) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  const bool good_stride = kind == FW_SQ
                               ? stride == SQ_LOG_STRIDE
                               : stride >= RQ_LOG_STRIDE_MIN && stride <= RQ_LOG_STRIDE_MAX;
  if (VF_GET(wq, wq, log_wq_sz) > WQ_LOG_MAX || !good_stride) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  if (VF_GET(sqc, ctx, state) != VF_WQ_RST) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_STATE_TRANSITION);
  }
  /* A receive queue without a domain reaches no memory: the drop queue of the Linux driver. */
  return fw_obj_ref(fw, cmd, FW_CQ, VF_GET(sqc, ctx, cqn), true) &&
         fw_obj_ref(fw, cmd, FW_PD, VF_GET(wq, wq, pd), kind == FW_SQ) &&
         fw_obj_ref(fw, cmd, FW_UAR, VF_GET(wq, wq, uar_page), kind == FW_SQ);
}

/* The new queue's context with all common fields; NULL: refused. */
static struct vf_wq* new_wq(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind,
                            const uint8_t* ctx, uint32_t* number) {
  const uint8_t* wq = VF_PTR(sqc, ctx, wq);
  void* entry;
  if (!check_wq(fw, cmd, kind, ctx)) {
    return NULL;
  }
  *number = fw_obj_new(fw, cmd, kind, &entry);
  struct vf_wq* q = entry;
  const uint32_t log_size = (uint32_t)VF_GET(wq, wq, log_wq_sz);
  const uint32_t log_stride = (uint32_t)VF_GET(wq, wq, log_wq_stride);
  if (q == NULL ||
      !fw_pages_install(fw, cmd, UINT64_C(1) << (log_size + log_stride),
                        VF_PAGE_SHIFT + (uint32_t)VF_GET(wq, wq, log_wq_pg_sz), &q->ring)) {
    return NULL;
  }
  q->state = VF_WQ_RST;
  q->log_size = (uint8_t)log_size;
  q->log_stride = (uint8_t)log_stride;
  q->ts_format = (uint16_t)VF_GET(sqc, ctx, ts_format);
  q->cqn = (uint32_t)VF_GET(sqc, ctx, cqn);
  q->pd = (uint32_t)VF_GET(wq, wq, pd);
  q->uar = (uint32_t)VF_GET(wq, wq, uar_page);
  q->user_index = (uint32_t)VF_GET(sqc, ctx, user_index);
  q->flags = vf_be32_load(ctx); /* state is 0 here */
  q->dbr_addr = VF_GET(wq, wq, dbr_addr);
  return q;
}

enum fw_exec fw_op_CREATE_SQ(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* sqc = VF_PTR(create_sq_in, cmd->in, ctx);
  const uint32_t tisn =
      VF_GET(sqc, sqc, tis_lst_sz) > 0 ? (uint32_t)VF_GET(sqc, sqc, tis_num_0) : 0;
  uint32_t number;
  if (!fw_obj_ref(fw, cmd, FW_TIS, tisn, false)) {
    return FW_EXEC_DONE;
  }
  struct vf_wq* q = new_wq(fw, cmd, FW_SQ, sqc, &number);
  if (q == NULL) {
    return FW_EXEC_DONE;
  }
  q->tisn = tisn;
  return fw_obj_created(fw, cmd, FW_SQ, number);
}

enum fw_exec fw_op_CREATE_RQ(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* rqc = VF_PTR(create_rq_in, cmd->in, ctx);
  const uint32_t counter = (uint32_t)VF_GET(rqc, rqc, counter_set_id);
  uint32_t number;
  if (VF_GET(rqc, rqc, mem_rq_type) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (!fw_obj_ref(fw, cmd, FW_QC, counter, false)) {
    return FW_EXEC_DONE;
  }
  struct vf_wq* q = new_wq(fw, cmd, FW_RQ, rqc, &number);
  if (q == NULL) {
    return FW_EXEC_DONE;
  }
  q->q_counter = counter;
  return fw_obj_created(fw, cmd, FW_RQ, number);
}

static bool allowed(uint64_t from, uint64_t to) {
  return from == to || to == VF_WQ_RST || (from == VF_WQ_RST && to == VF_WQ_RDY) ||
         (from == VF_WQ_RDY && to == VF_WQ_ERR);
}

/* Queue of a MODIFY command whose state change was checked; NULL: refused. */
static struct vf_wq* modify_wq(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind) {
  struct vf_wq* q = fw_obj_of(fw, cmd, kind, VF_GET(modify_wq_in, cmd->in, number));
  const uint8_t* ctx = VF_PTR(modify_wq_in, cmd->in, ctx);
  if (q != NULL && (VF_GET(modify_wq_in, cmd->in, state) != q->state ||
                    !allowed(q->state, VF_GET(sqc, ctx, state)))) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, VF_SYND_BAD_STATE_TRANSITION);
    return NULL;
  }
  return q;
}

static enum fw_exec set_state(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind,
                              struct vf_wq* q) {
  const uint8_t* ctx = VF_PTR(modify_wq_in, cmd->in, ctx);
  const uint8_t state = (uint8_t)VF_GET(sqc, ctx, state);
  if (state == VF_WQ_RST && q->state != VF_WQ_RST) {
    q->hw_counter = 0;
    q->sw_counter = 0;
    fw_obj_renew(fw, cmd->fn, kind, (uint32_t)VF_GET(modify_wq_in, cmd->in, number));
  }
  q->state = state;
  return fw_cmd_ok(cmd, 16);
}

enum fw_exec fw_op_MODIFY_SQ(struct fw* fw, struct fw_cmd* cmd) {
  struct vf_wq* q = modify_wq(fw, cmd, FW_SQ);
  return q == NULL ? FW_EXEC_DONE : set_state(fw, cmd, FW_SQ, q);
}

enum fw_exec fw_op_MODIFY_RQ(struct fw* fw, struct fw_cmd* cmd) {
  struct vf_wq* q = modify_wq(fw, cmd, FW_RQ);
  const uint8_t* rqc = VF_PTR(modify_wq_in, cmd->in, ctx);
  if (q == NULL) {
    return FW_EXEC_DONE;
  }
  if ((VF_GET(modify_wq_in, cmd->in, modify_bitmask) & RQ_MODIFY_COUNTER_SET) != 0) {
    if (!fw_obj_ref(fw, cmd, FW_QC, VF_GET(rqc, rqc, counter_set_id), false)) {
      return FW_EXEC_DONE;
    }
    q->q_counter = (uint32_t)VF_GET(rqc, rqc, counter_set_id);
  }
  return set_state(fw, cmd, FW_RQ, q);
}

/* Answers with the context; `ctx` has the fields that only one kind has. */
static enum fw_exec query_wq(struct fw_cmd* cmd, const struct vf_wq* q) {
  uint8_t* ctx = VF_PTR(query_wq_out, cmd->out, ctx);
  uint8_t* wq = VF_PTR(sqc, ctx, wq);
  vf_be32_store(ctx, q->flags);
  VF_SET(sqc, ctx, state, q->state);
  VF_SET(sqc, ctx, user_index, q->user_index);
  VF_SET(sqc, ctx, cqn, q->cqn);
  VF_SET(wq, wq, wq_type, VF_WQ_TYPE_CYCLIC);
  VF_SET(wq, wq, pd, q->pd);
  VF_SET(wq, wq, uar_page, q->uar);
  VF_SET(wq, wq, dbr_addr, q->dbr_addr);
  VF_SET(wq, wq, hw_counter, q->hw_counter);
  VF_SET(wq, wq, sw_counter, q->sw_counter);
  VF_SET(wq, wq, log_wq_stride, q->log_stride);
  VF_SET(wq, wq, log_wq_pg_sz, q->ring.log_page - VF_PAGE_SHIFT);
  VF_SET(wq, wq, log_wq_sz, q->log_size);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_wq_out));
}

enum fw_exec fw_op_QUERY_SQ(struct fw* fw, struct fw_cmd* cmd) {
  const struct vf_wq* q = fw_obj_of(fw, cmd, FW_SQ, VF_GET(object_in, cmd->in, number));
  if (q == NULL) {
    return FW_EXEC_DONE;
  }
  uint8_t* sqc = VF_PTR(query_wq_out, cmd->out, ctx);
  VF_SET(sqc, sqc, tis_lst_sz, q->tisn != 0);
  VF_SET(sqc, sqc, tis_num_0, q->tisn);
  return query_wq(cmd, q);
}

enum fw_exec fw_op_QUERY_RQ(struct fw* fw, struct fw_cmd* cmd) {
  const struct vf_wq* q = fw_obj_of(fw, cmd, FW_RQ, VF_GET(object_in, cmd->in, number));
  if (q == NULL) {
    return FW_EXEC_DONE;
  }
  uint8_t* rqc = VF_PTR(query_wq_out, cmd->out, ctx);
  VF_SET(rqc, rqc, counter_set_id, q->q_counter);
  return query_wq(cmd, q);
}
