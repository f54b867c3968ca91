/* Where packets come from and go to: TIS (send), TIR and RQT (receive). */
#include <string.h>

#include "firmware/core/object.h"

enum { RQT_LIST_AT = 32 + VF_LAYOUT_BYTES_rqtc, RQT_ENTRY_BYTES = 4, TIR_KEY_WORDS = 10 };

enum fw_exec fw_op_CREATE_TIS(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* tisc = VF_PTR(create_tis_in, cmd->in, ctx);
  void* entry;
  if (VF_GET(tisc, tisc, tls_en) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (!fw_obj_ref(fw, cmd, FW_TD, VF_GET(tisc, tisc, transport_domain), true) ||
      !fw_obj_ref(fw, cmd, FW_PD, VF_GET(tisc, tisc, pd), false)) {
    return FW_EXEC_DONE;
  }
  const uint32_t number = fw_obj_new(fw, cmd, FW_TIS, &entry);
  struct vf_tis* tis = entry;
  if (tis == NULL) {
    return FW_EXEC_DONE;
  }
  tis->prio = (uint8_t)VF_GET(tisc, tisc, prio);
  tis->td = (uint32_t)VF_GET(tisc, tisc, transport_domain);
  tis->pd = (uint32_t)VF_GET(tisc, tisc, pd);
  return fw_obj_created(fw, cmd, FW_TIS, number);
}

static void set_hash(struct vf_tir* tir, const uint8_t* tirc) {
  tir->hash_fn = (uint8_t)VF_GET(tirc, tirc, rx_hash_fn);
  tir->symmetric = (uint8_t)VF_GET(tirc, tirc, rx_hash_symmetric);
  tir->hash_fields = (uint32_t)VF_GET(tirc, tirc, rx_hash_field_selector_outer);
  const uint8_t* key = tirc + VF_OFF(tirc, rx_hash_toeplitz_key_0) / 8;
  for (uint32_t i = 0; i < TIR_KEY_WORDS; ++i) {
    tir->toeplitz[i] = vf_be32_load(key + i * 4);
  }
}

enum fw_exec fw_op_CREATE_TIR(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* tirc = VF_PTR(create_tir_in, cmd->in, ctx);
  const uint64_t disp = VF_GET(tirc, tirc, disp_type);
  const bool direct = disp == VF_TIR_DISP_DIRECT;
  void* entry;
  if (disp > VF_TIR_DISP_INDIRECT || VF_GET(tirc, tirc, tls_en) != 0 ||
      VF_GET(tirc, tirc, packet_merge_mask) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (!fw_obj_ref(fw, cmd, FW_TD, VF_GET(tirc, tirc, transport_domain), true) ||
      (direct ? !fw_obj_ref(fw, cmd, FW_RQ, VF_GET(tirc, tirc, inline_rqn), true)
              : !fw_obj_ref(fw, cmd, FW_RQT, VF_GET(tirc, tirc, indirect_table), true))) {
    return FW_EXEC_DONE;
  }
  const uint32_t number = fw_obj_new(fw, cmd, FW_TIR, &entry);
  struct vf_tir* tir = entry;
  if (tir == NULL) {
    return FW_EXEC_DONE;
  }
  tir->disp_type = (uint8_t)disp;
  tir->inline_rqn = direct ? (uint32_t)VF_GET(tirc, tirc, inline_rqn) : 0;
  tir->rqtn = direct ? 0 : (uint32_t)VF_GET(tirc, tirc, indirect_table);
  tir->td = (uint32_t)VF_GET(tirc, tirc, transport_domain);
  set_hash(tir, tirc);
  return fw_obj_created(fw, cmd, FW_TIR, number);
}

enum fw_exec fw_op_MODIFY_TIR(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* tirc = VF_PTR(modify_tir_in, cmd->in, ctx);
  struct vf_tir* tir = fw_obj_of(fw, cmd, FW_TIR, VF_GET(modify_tir_in, cmd->in, tirn));
  if (tir == NULL) {
    return FW_EXEC_DONE;
  }
  if (VF_GET(modify_tir_in, cmd->in, bitmask_packet_merge) != 0 &&
      VF_GET(tirc, tirc, packet_merge_mask) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (VF_GET(modify_tir_in, cmd->in, bitmask_hash) != 0) {
    set_hash(tir, tirc);
  }
  return fw_cmd_ok(cmd, 16); /* self_lb_block: a frame never returns to its sender */
}

/* Length and content of a queue list; at most `max` entries. */
static bool check_list(struct fw* fw, struct fw_cmd* cmd, const uint8_t* rqtc, uint64_t max) {
  const uint64_t actual = VF_GET(rqtc, rqtc, rqt_actual_size);
  if (VF_GET(rqtc, rqtc, list_q_type) != 0 || VF_GET(rqtc, rqtc, rq_vhca_id_format) != 0) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (max > VF_RQT_ENTRIES || actual == 0 || actual > max) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  if (cmd->in_len < RQT_LIST_AT + actual * RQT_ENTRY_BYTES) {
    return fw_refuse(cmd, VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
  }
  for (uint32_t i = 0; i < actual; ++i) {
    if (!fw_obj_ref(fw, cmd, FW_RQ,
                    vf_be32_load(cmd->in + RQT_LIST_AT + i * RQT_ENTRY_BYTES) & 0xffffff, true)) {
      return false;
    }
  }
  return true;
}

static void set_list(struct vf_rqt* rqt, const struct fw_cmd* cmd, const uint8_t* rqtc) {
  rqt->actual = (uint32_t)VF_GET(rqtc, rqtc, rqt_actual_size);
  for (uint32_t i = 0; i < rqt->actual; ++i) {
    rqt->rqn[i] = vf_be32_load(cmd->in + RQT_LIST_AT + i * RQT_ENTRY_BYTES) & 0xffffff;
  }
}

enum fw_exec fw_op_CREATE_RQT(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* rqtc = VF_PTR(create_rqt_in, cmd->in, rqt_context);
  void* entry;
  if (!check_list(fw, cmd, rqtc, VF_GET(rqtc, rqtc, rqt_max_size))) {
    return FW_EXEC_DONE;
  }
  const uint32_t number = fw_obj_new(fw, cmd, FW_RQT, &entry);
  struct vf_rqt* rqt = entry;
  if (rqt == NULL) {
    return FW_EXEC_DONE;
  }
  rqt->max = (uint32_t)VF_GET(rqtc, rqtc, rqt_max_size);
  set_list(rqt, cmd, rqtc);
  return fw_obj_created(fw, cmd, FW_RQT, number);
}

enum fw_exec fw_op_MODIFY_RQT(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* rqtc = VF_PTR(modify_rqt_in, cmd->in, ctx);
  struct vf_rqt* rqt = fw_obj_of(fw, cmd, FW_RQT, VF_GET(modify_rqt_in, cmd->in, rqtn));
  if (rqt == NULL) {
    return FW_EXEC_DONE;
  }
  if (VF_GET(modify_rqt_in, cmd->in, bitmask_rqn_list) != 0) {
    if (!check_list(fw, cmd, rqtc, rqt->max)) {
      return FW_EXEC_DONE;
    }
    set_list(rqt, cmd, rqtc);
  }
  return fw_cmd_ok(cmd, 16);
}
