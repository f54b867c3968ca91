/* Queue pairs: reliable connections between two pairs of one function, as page trackers use them. A
 * pair has a receive ring or no ring at all. */
#include "firmware/core/object.h"

enum { QP_LOG_STRIDE_UNIT = 4, QP_ST_RC = 0 };

static bool check(struct fw* fw, struct fw_cmd* cmd, const uint8_t* qpc) {
  const uint64_t rq_type = VF_GET(qpc, qpc, rq_type);
  if (VF_GET(qpc, qpc, st) != QP_ST_RC || VF_GET(qpc, qpc, no_sq) == 0 ||
      VF_GET(qpc, qpc, page_offset) != 0 || VF_GET(qpc, qpc, dbr_umem_valid) != 0 ||
      VF_GET(create_qp_in, cmd->in, wq_umem_valid) != 0 ||
      (rq_type != VF_QP_RQ_NORMAL && rq_type != VF_QP_RQ_ZERO_SIZE)) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  return fw_obj_ref(fw, cmd, FW_PD, VF_GET(qpc, qpc, pd), true) &&
         fw_obj_ref(fw, cmd, FW_UAR, VF_GET(qpc, qpc, uar_page), true) &&
         fw_obj_ref(fw, cmd, FW_CQ, VF_GET(qpc, qpc, cqn_rcv), rq_type == VF_QP_RQ_NORMAL);
}

enum fw_exec fw_op_CREATE_QP(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* qpc = VF_PTR(create_qp_in, cmd->in, qpc);
  void* entry;
  if (!check(fw, cmd, qpc)) {
    return FW_EXEC_DONE;
  }
  const uint32_t number = fw_obj_new(fw, cmd, FW_QP, &entry);
  struct vf_qp* qp = entry;
  if (qp == NULL) {
    return FW_EXEC_DONE;
  }
  qp->rq_type = (uint8_t)VF_GET(qpc, qpc, rq_type);
  qp->log_rq_size = (uint8_t)VF_GET(qpc, qpc, log_rq_size);
  qp->log_rq_stride = (uint8_t)(VF_GET(qpc, qpc, log_rq_stride) + QP_LOG_STRIDE_UNIT);
  if (qp->rq_type == VF_QP_RQ_NORMAL &&
      !fw_pages_install(fw, cmd, UINT64_C(1) << (qp->log_rq_size + qp->log_rq_stride),
                        VF_PAGE_SHIFT + (uint32_t)VF_GET(qpc, qpc, log_page_size), &qp->ring)) {
    return FW_EXEC_DONE;
  }
  qp->state = VF_QP_RST;
  qp->log_msg_max = (uint8_t)VF_GET(qpc, qpc, log_msg_max);
  qp->pd = (uint32_t)VF_GET(qpc, qpc, pd);
  qp->uar = (uint32_t)VF_GET(qpc, qpc, uar_page);
  qp->user_index = (uint32_t)VF_GET(qpc, qpc, user_index);
  qp->cqn_rcv = (uint32_t)VF_GET(qpc, qpc, cqn_rcv);
  qp->dbr_addr = VF_GET(qpc, qpc, dbr_addr);
  return fw_obj_created(fw, cmd, FW_QP, number);
}

/* The pair of a transition command; NULL: refused. */
static struct vf_qp* in_state(struct fw* fw, struct fw_cmd* cmd, uint8_t from) {
  struct vf_qp* qp = fw_obj_of(fw, cmd, FW_QP, VF_GET(rst2init_qp_in, cmd->in, qpn));
  if (qp != NULL && qp->state != from) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_QP_STATE, VF_SYND_BAD_STATE_TRANSITION);
    return NULL;
  }
  return qp;
}

static enum fw_exec to_state(struct fw_cmd* cmd, struct vf_qp* qp, uint8_t to) {
  qp->state = to;
  return fw_cmd_ok(cmd, 16);
}

enum fw_exec fw_op_RST2INIT_QP(struct fw* fw, struct fw_cmd* cmd) {
  struct vf_qp* qp = in_state(fw, cmd, VF_QP_RST);
  return qp == NULL ? FW_EXEC_DONE : to_state(cmd, qp, VF_QP_INIT);
}

enum fw_exec fw_op_INIT2RTR_QP(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* qpc = VF_PTR(init2rtr_qp_in, cmd->in, qpc);
  struct vf_qp* qp = in_state(fw, cmd, VF_QP_INIT);
  if (qp == NULL || !fw_obj_ref(fw, cmd, FW_QP, VF_GET(qpc, qpc, remote_qpn), true)) {
    return FW_EXEC_DONE;
  }
  qp->remote_qpn = (uint32_t)VF_GET(qpc, qpc, remote_qpn);
  qp->log_msg_max = (uint8_t)VF_GET(qpc, qpc, log_msg_max);
  return to_state(cmd, qp, VF_QP_RTR);
}

enum fw_exec fw_op_RTR2RTS_QP(struct fw* fw, struct fw_cmd* cmd) {
  struct vf_qp* qp = in_state(fw, cmd, VF_QP_RTR);
  return qp == NULL ? FW_EXEC_DONE : to_state(cmd, qp, VF_QP_RTS);
}

enum fw_exec fw_op_2ERR_QP(struct fw* fw, struct fw_cmd* cmd) {
  struct vf_qp* qp = fw_obj_of(fw, cmd, FW_QP, VF_GET(object_in, cmd->in, number));
  return qp == NULL ? FW_EXEC_DONE : to_state(cmd, qp, VF_QP_ERR);
}

enum fw_exec fw_op_2RST_QP(struct fw* fw, struct fw_cmd* cmd) {
  const uint32_t number = (uint32_t)VF_GET(object_in, cmd->in, number);
  struct vf_qp* qp = fw_obj_of(fw, cmd, FW_QP, number);
  if (qp == NULL) {
    return FW_EXEC_DONE;
  }
  qp->remote_qpn = 0;
  qp->rq_hw_counter = 0;
  fw_obj_renew(fw, cmd->fn, FW_QP, number);
  return to_state(cmd, qp, VF_QP_RST);
}

enum fw_exec fw_op_QUERY_QP(struct fw* fw, struct fw_cmd* cmd) {
  const struct vf_qp* qp = fw_obj_of(fw, cmd, FW_QP, VF_GET(object_in, cmd->in, number));
  if (qp == NULL) {
    return FW_EXEC_DONE;
  }
  uint8_t* qpc = VF_PTR(query_qp_out, cmd->out, qpc);
  VF_SET(qpc, qpc, state, qp->state);
  VF_SET(qpc, qpc, st, QP_ST_RC);
  VF_SET(qpc, qpc, pd, qp->pd);
  VF_SET(qpc, qpc, log_msg_max, qp->log_msg_max);
  VF_SET(qpc, qpc, log_rq_size, qp->log_rq_size);
  VF_SET(qpc, qpc, log_rq_stride, qp->log_rq_stride - QP_LOG_STRIDE_UNIT);
  VF_SET(qpc, qpc, no_sq, 1);
  VF_SET(qpc, qpc, uar_page, qp->uar);
  VF_SET(qpc, qpc, user_index, qp->user_index);
  VF_SET(qpc, qpc, remote_qpn, qp->remote_qpn);
  VF_SET(qpc, qpc, cqn_rcv, qp->cqn_rcv);
  VF_SET(qpc, qpc, dbr_addr, qp->dbr_addr);
  VF_SET(qpc, qpc, rq_type, qp->rq_type);
  VF_SET(qpc, qpc, hw_rq_counter, qp->rq_hw_counter);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_qp_out));
}
