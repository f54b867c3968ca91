/* Event queues. */
#include <string.h>

#include "firmware/core/object.h"

enum { EQ_LOG_MAX = 16, EQ_LOG_ENTRY = 6 };

static bool check(struct fw* fw, struct fw_cmd* cmd, const uint8_t* eqc) {
  if (VF_GET(eqc, eqc, ec) != 0 || VF_GET(eqc, eqc, page_offset) != 0) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (VF_GET(eqc, eqc, log_eq_size) > EQ_LOG_MAX || VF_GET(eqc, eqc, intr) >= VF_MSIX_VECTORS) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  return fw_obj_ref(fw, cmd, FW_UAR, VF_GET(eqc, eqc, uar_page), true);
}

enum fw_exec fw_op_CREATE_EQ(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* eqc = VF_PTR(create_eq_in, cmd->in, eq_context_entry);
  void* entry;
  if (!check(fw, cmd, eqc)) {
    return FW_EXEC_DONE;
  }
  const uint32_t number = fw_obj_new(fw, cmd, FW_EQ, &entry);
  struct vf_eq* eq = entry;
  const uint32_t log_size = (uint32_t)VF_GET(eqc, eqc, log_eq_size);
  if (eq == NULL ||
      !fw_pages_install(fw, cmd, UINT64_C(1) << (log_size + EQ_LOG_ENTRY),
                        VF_PAGE_SHIFT + (uint32_t)VF_GET(eqc, eqc, log_page_size), &eq->ring)) {
    return FW_EXEC_DONE;
  }
  /* Not armed until the driver's first doorbell, which follows its interrupt handler. */
  eq->st = VF_GET(eqc, eqc, st) == VF_QUEUE_ALWAYS_ARMED ? VF_QUEUE_ALWAYS_ARMED : VF_QUEUE_FIRED;
  eq->log_size = (uint8_t)log_size;
  eq->oi = (uint8_t)VF_GET(eqc, eqc, oi);
  eq->intr = (uint16_t)VF_GET(eqc, eqc, intr);
  eq->uar = (uint32_t)VF_GET(eqc, eqc, uar_page);
  eq->mask[0] = VF_GET(create_eq_in, cmd->in, event_bitmask_0);
  eq->mask[1] = VF_GET(create_eq_in, cmd->in, event_bitmask_1);
  eq->mask[2] = VF_GET(create_eq_in, cmd->in, event_bitmask_2);
  eq->mask[3] = VF_GET(create_eq_in, cmd->in, event_bitmask_3);
  return fw_obj_created(fw, cmd, FW_EQ, number);
}

enum fw_exec fw_op_QUERY_EQ(struct fw* fw, struct fw_cmd* cmd) {
  const struct vf_eq* eq = fw_obj_of(fw, cmd, FW_EQ, VF_GET(query_eq_in, cmd->in, eq_number));
  if (eq == NULL) {
    return FW_EXEC_DONE;
  }
  uint8_t* eqc = VF_PTR(query_eq_out, cmd->out, eq_context_entry);
  VF_SET(eqc, eqc, st, eq->st);
  VF_SET(eqc, eqc, oi, eq->oi);
  VF_SET(eqc, eqc, log_eq_size, eq->log_size);
  VF_SET(eqc, eqc, uar_page, eq->uar);
  VF_SET(eqc, eqc, intr, eq->intr);
  VF_SET(eqc, eqc, log_page_size, eq->ring.log_page - VF_PAGE_SHIFT);
  VF_SET(eqc, eqc, consumer_counter, eq->ci);
  VF_SET(eqc, eqc, producer_counter, eq->pi);
  VF_SET(query_eq_out, cmd->out, event_bitmask, eq->mask[0]);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_eq_out));
}

enum fw_exec fw_op_GEN_EQE(struct fw* fw, struct fw_cmd* cmd) {
  const uint32_t number = (uint32_t)VF_GET(gen_eqe_in, cmd->in, eq_number);
  const uint8_t* eqe = VF_PTR(gen_eqe_in, cmd->in, eqe);
  if (fw_obj_of(fw, cmd, FW_EQ, number) == NULL) {
    return FW_EXEC_DONE;
  }
  fw_event_on(fw, cmd->fn, number, (uint8_t)VF_GET(eqe, eqe, event_type),
              (uint8_t)VF_GET(eqe, eqe, event_sub_type), VF_PTR(eqe, eqe, event_data));
  return fw_cmd_ok(cmd, 16);
}
