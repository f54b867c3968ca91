/* SUSPEND_VHCA and RESUME_VHCA.
 *
 * Suspend initiator: no new command of the function is started; its running commands end; the gate is closed; the
 * hardware drains what is in progress; then the command is acknowledged. Suspend responder: the function stops reacting;
 * interrupts that are on their way arrive; then the acknowledgement.
 * Source: mlx5 device interface, sections 4.2 and 6.5; quiesce contract Q1, Q2, Q4. */
#include "firmware/core/vhca_internal.h"
#include "firmware/interface/faults.h"

enum suspend_step { SUSPEND_CHECK, SUSPEND_COMMANDS, SUSPEND_DRAIN };

static void ctrl_change(struct fw *fw, uint32_t fn, uint32_t set, uint32_t clear) {
  const uint32_t reg = fw_fn_reg(fn, FW_FN_CTRL);
  fw_reg_write(fw, reg, (fw_reg_read(fw, reg) & ~clear) | set);
}

static enum fw_exec suspend_fail(struct fw *fw, struct fw_cmd *cmd, uint32_t fn, uint32_t stop, uint8_t status,
                                 uint32_t syndrome) {
  ctrl_change(fw, fn, 0, stop | FW_CTRL_CMD_HOLD);
  fw->fn[fn].suspending = false;
  fw->vhca[fn].op = FW_VHCA_NONE;
  return fw_cmd_fail(cmd, status, syndrome);
}

static uint32_t suspend_order(const struct fw *fw, const struct fw_cmd *cmd, uint32_t fn) {
  const struct fw_function *f = &fw->fn[fn];
  if (fw->vhca[fn].op == FW_VHCA_SUSPEND) {
    return VF_SYND_ALREADY_SUSPENDED;
  }
  if (cmd->op_mod == VF_SUSPEND_INITIATOR) {
    return f->suspended_initiator ? VF_SYND_ALREADY_SUSPENDED : VF_SYND_NONE;
  }
  if (!f->suspended_initiator) {
    return VF_SYND_SUSPEND_ORDER;
  }
  return f->suspended_responder ? VF_SYND_ALREADY_SUSPENDED : VF_SYND_NONE;
}

/* The function's running commands have ended: closes its half of the door. */
static void suspend_close(struct fw *fw, const struct fw_cmd *cmd, uint32_t fn) {
  ctrl_change(fw, fn, cmd->op_mod == VF_SUSPEND_INITIATOR ? FW_CTRL_INITIATOR_STOP : FW_CTRL_RESPONDER_STOP,
              FW_CTRL_CMD_HOLD);
}

static enum fw_exec suspend_drained(struct fw *fw, struct fw_cmd *cmd, uint32_t fn) {
  struct fw_function *f = &fw->fn[fn];
  const uint32_t status = fw_reg_read(fw, fw_fn_reg(fn, FW_FN_STATUS));
  const bool initiator = cmd->op_mod == VF_SUSPEND_INITIATOR;
  const bool early = initiator && vf_fault(fw->config.faults, VF_FAULT_ack_before_drain);
  if ((status & FW_STATUS_DRAINED) == 0 && !early) {
    fw->image.responder_waits |= !initiator;
    return FW_EXEC_AGAIN;
  }
  fw_reg_write(fw, FW_DRAIN_FN0 + fn / 32 * 4, 1U << fn % 32);
  if (initiator && (status & FW_STATUS_CPL_TIMEOUT) != 0) {
    return suspend_fail(fw, cmd, fn, FW_CTRL_INITIATOR_STOP, VF_STATUS_INTERNAL, VF_SYND_DRAIN_TIMEOUT);
  }
  f->suspended_initiator = true;
  f->suspended_responder = !initiator;
  f->suspending = false;
  fw->vhca[fn].op = FW_VHCA_NONE;
  return fw_cmd_ok(cmd, 16);
}

/* false: refused, the answer is set. */
static bool suspend_start(struct fw *fw, struct fw_cmd *cmd) {
  uint32_t fn = 0;
  if (!fw_vhca_target(fw, cmd, (uint32_t)VF_GET(suspend_vhca_in, cmd->in, vhca_id), &fn)) {
    return false;
  }
  if (cmd->op_mod > VF_SUSPEND_RESPONDER) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
    return false;
  }
  const uint32_t wrong = suspend_order(fw, cmd, fn);
  if (wrong != VF_SYND_NONE) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, wrong);
    return false;
  }
  if (!fw_vhca_free(fw, cmd, fn)) {
    return false;
  }
  cmd->arg[FW_ARG_FN] = fn;
  cmd->arg[FW_ARG_EPOCH] = fw->vhca[fn].epoch;
  cmd->step = SUSPEND_COMMANDS;
  fw->vhca[fn].op = FW_VHCA_SUSPEND;
  fw->fn[fn].suspending = true;
  ctrl_change(fw, fn, FW_CTRL_CMD_HOLD, 0);
  return true;
}

enum fw_exec fw_op_SUSPEND_VHCA(struct fw *fw, struct fw_cmd *cmd) {
  if (cmd->step == SUSPEND_CHECK && !suspend_start(fw, cmd)) {
    return FW_EXEC_DONE;
  }
  const uint32_t fn = (uint32_t)cmd->arg[FW_ARG_FN];
  if (fw->vhca[fn].epoch != cmd->arg[FW_ARG_EPOCH]) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, VF_SYND_FUNCTION_RESET);
  }
  if (cmd->step == SUSPEND_COMMANDS) {
    if (fw->fn[fn].commands_running != 0) {
      return FW_EXEC_AGAIN;
    }
    suspend_close(fw, cmd, fn);
    cmd->step = SUSPEND_DRAIN;
  }
  return suspend_drained(fw, cmd, fn);
}

static uint32_t resume_order(const struct fw *fw, const struct fw_cmd *cmd, uint32_t fn) {
  const struct fw_function *f = &fw->fn[fn];
  if (cmd->op_mod == VF_RESUME_RESPONDER) {
    if (!f->suspended_responder) {
      return VF_SYND_NOT_SUSPENDED;
    }
    return fw->vhca[fn].load_state == FW_LOAD_OPEN ? VF_SYND_IMAGE_TRUNCATED : VF_SYND_NONE;
  }
  if (!f->suspended_initiator) {
    return VF_SYND_NOT_SUSPENDED;
  }
  /* Also while the responder half is being suspended: the two would undo each other. */
  return f->suspended_responder || f->suspending ? VF_SYND_RESUME_ORDER : VF_SYND_NONE;
}

enum fw_exec fw_op_RESUME_VHCA(struct fw *fw, struct fw_cmd *cmd) {
  uint32_t fn = 0;
  if (!fw_vhca_target(fw, cmd, (uint32_t)VF_GET(resume_vhca_in, cmd->in, vhca_id), &fn)) {
    return FW_EXEC_DONE;
  }
  if (cmd->op_mod > VF_RESUME_INITIATOR) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
  }
  const uint32_t wrong = resume_order(fw, cmd, fn);
  if (wrong != VF_SYND_NONE) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RES_STATE, wrong);
  }
  if (!fw_vhca_free(fw, cmd, fn)) {
    return FW_EXEC_DONE;
  }
  struct fw_vhca *v = &fw->vhca[fn];
  if (cmd->op_mod == VF_RESUME_INITIATOR) {
    fw->fn[fn].suspended_initiator = false;
    ctrl_change(fw, fn, 0, FW_CTRL_INITIATOR_STOP);
    return fw_cmd_ok(cmd, 16);
  }
  if (v->pend_vectors != 0) { /* before the door opens, so that they leave in the order of their numbers */
    fw_reg_write(fw, fw_fn_reg(fn, FW_FN_MSIX_PEND), v->pend_vectors);
    v->pend_vectors = 0;
  }
  if (v->chunking) { /* the rest of the chunks would describe another state */
    fw_vhca_untrack(fw, fn);
  }
  v->load_state = FW_LOAD_NONE;
  v->load_id = 0;
  fw->fn[fn].suspended_responder = false;
  fw_vport_update(fw, fn); /* the link changed meanwhile, or is another NIC's */
  ctrl_change(fw, fn, 0, FW_CTRL_RESPONDER_STOP);
  return fw_cmd_ok(cmd, 16);
}
