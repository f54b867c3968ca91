/* Completion queues. */
#include "firmware/core/object.h"

enum {
  CQ_LOG_MAX = 20,
  CQ_LOG_ENTRY = 6,      /* cqe_sz 1: one more */
  CQ_OFFSET_UNIT = 64,   /* of page_offset, bytes */
  CQ_STATUS_OVERRUN = 9, /* cqc.status */
};

static bool check(struct fw* fw, struct fw_cmd* cmd, const uint8_t* cqc) {
  if (VF_GET(cqc, cqc, dbr_umem_valid) != 0 || VF_GET(cqc, cqc, apu_cq) != 0 ||
      VF_GET(cqc, cqc, cqe_comp_en) != 0 || VF_GET(cqc, cqc, cqe_sz) > 1 ||
      VF_GET(create_cq_in, cmd->in, cq_umem_valid) != 0) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (VF_GET(cqc, cqc, log_cq_size) > CQ_LOG_MAX) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  return fw_obj_ref(fw, cmd, FW_EQ, VF_GET(cqc, cqc, c_eqn_or_apu_element), true) &&
         fw_obj_ref(fw, cmd, FW_UAR, VF_GET(cqc, cqc, uar_page), true);
}

static void set_moderation(struct vf_cq* cq, const uint8_t* cqc, uint64_t select) {
  if ((select & VF_CQ_MODIFY_PERIOD) != 0) {
    cq->period = (uint16_t)VF_GET(cqc, cqc, cq_period);
  }
  if ((select & VF_CQ_MODIFY_COUNT) != 0) {
    cq->max_count = (uint16_t)VF_GET(cqc, cqc, cq_max_count);
  }
  if ((select & VF_CQ_MODIFY_OVERRUN) != 0) {
    cq->oi = (uint8_t)VF_GET(cqc, cqc, oi);
  }
  if ((select & VF_CQ_MODIFY_EQN) != 0) {
    cq->eqn = (uint32_t)VF_GET(cqc, cqc, c_eqn_or_apu_element);
  }
}

enum {
  CQ_ALL_FIELDS = VF_CQ_MODIFY_PERIOD | VF_CQ_MODIFY_COUNT | VF_CQ_MODIFY_OVERRUN | VF_CQ_MODIFY_EQN
};

enum fw_exec fw_op_CREATE_CQ(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* cqc = VF_PTR(create_cq_in, cmd->in, cq_context);
  void* entry;
  if (!check(fw, cmd, cqc)) {
    return FW_EXEC_DONE;
  }
  const uint32_t number = fw_obj_new(fw, cmd, FW_CQ, &entry);
  struct vf_cq* cq = entry;
  const uint32_t log_size = (uint32_t)VF_GET(cqc, cqc, log_cq_size);
  const uint32_t log_stride = CQ_LOG_ENTRY + (uint32_t)VF_GET(cqc, cqc, cqe_sz);
  const uint64_t offset = VF_GET(cqc, cqc, page_offset) * CQ_OFFSET_UNIT;
  if (cq == NULL ||
      !fw_pages_install(fw, cmd, (UINT64_C(1) << (log_size + log_stride)) + offset,
                        VF_PAGE_SHIFT + (uint32_t)VF_GET(cqc, cqc, log_page_size), &cq->ring)) {
    return FW_EXEC_DONE;
  }
  cq->st = VF_GET(cqc, cqc, st) == VF_QUEUE_ALWAYS_ARMED ? VF_QUEUE_ALWAYS_ARMED : VF_QUEUE_FIRED;
  cq->log_size = (uint8_t)log_size;
  cq->log_stride = (uint8_t)log_stride;
  cq->cc = (uint8_t)VF_GET(cqc, cqc, cc);
  cq->page_offset = (uint16_t)VF_GET(cqc, cqc, page_offset);
  cq->uar = (uint32_t)VF_GET(cqc, cqc, uar_page);
  cq->dbr_addr = VF_GET(cqc, cqc, dbr_addr);
  set_moderation(cq, cqc, CQ_ALL_FIELDS);
  return fw_obj_created(fw, cmd, FW_CQ, number);
}

enum fw_exec fw_op_MODIFY_CQ(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* cqc = VF_PTR(modify_cq_in, cmd->in, cq_context);
  const uint64_t select = VF_GET(modify_cq_in, cmd->in, modify_field_select);
  struct vf_cq* cq = fw_obj_of(fw, cmd, FW_CQ, VF_GET(modify_cq_in, cmd->in, cqn));
  if (cq == NULL) {
    return FW_EXEC_DONE;
  }
  if ((select & ~(uint64_t)CQ_ALL_FIELDS) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if ((select & VF_CQ_MODIFY_EQN) != 0 &&
      !fw_obj_ref(fw, cmd, FW_EQ, VF_GET(cqc, cqc, c_eqn_or_apu_element), true)) {
    return FW_EXEC_DONE;
  }
  set_moderation(cq, cqc, select);
  return fw_cmd_ok(cmd, 16);
}

enum fw_exec fw_op_QUERY_CQ(struct fw* fw, struct fw_cmd* cmd) {
  const struct vf_cq* cq = fw_obj_of(fw, cmd, FW_CQ, VF_GET(object_in, cmd->in, number));
  if (cq == NULL) {
    return FW_EXEC_DONE;
  }
  uint8_t* cqc = VF_PTR(query_cq_out, cmd->out, cq_context);
  VF_SET(cqc, cqc, status, cq->error ? CQ_STATUS_OVERRUN : 0);
  VF_SET(cqc, cqc, cqe_sz, cq->log_stride - CQ_LOG_ENTRY);
  VF_SET(cqc, cqc, cc, cq->cc);
  VF_SET(cqc, cqc, oi, cq->oi);
  VF_SET(cqc, cqc, st, cq->st);
  VF_SET(cqc, cqc, page_offset, cq->page_offset);
  VF_SET(cqc, cqc, log_cq_size, cq->log_size);
  VF_SET(cqc, cqc, uar_page, cq->uar);
  VF_SET(cqc, cqc, cq_period, cq->period);
  VF_SET(cqc, cqc, cq_max_count, cq->max_count);
  VF_SET(cqc, cqc, c_eqn_or_apu_element, cq->eqn);
  VF_SET(cqc, cqc, log_page_size, cq->ring.log_page - VF_PAGE_SHIFT);
  VF_SET(cqc, cqc, consumer_counter, cq->ci);
  VF_SET(cqc, cqc, producer_counter, cq->pi);
  VF_SET(cqc, cqc, dbr_addr, cq->dbr_addr);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_cq_out));
}
