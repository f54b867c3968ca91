/* Life of a function: reset, ENABLE / DISABLE, INIT / TEARDOWN, and what a driver asks first. */
#include <string.h>

#include "firmware/core/object.h"

enum {
  ISSI_SUPPORTED = 3, /* steps 0 and 1 */
  TEARDOWN_FORCE = 1, /* TEARDOWN_HCA profiles; the others are not offered */
  ADAPTER_OUI = 0x0002c9,
};

int fw_function_of(struct fw* fw, struct fw_cmd* cmd, uint64_t function_id) {
  if (cmd->fn != 0) {
    if (function_id != 0 && function_id != cmd->fn) {
      fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
      return -1;
    }
    return cmd->fn;
  }
  if (function_id > fw->total_vfs) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_FUNCTION_ID);
    return -1;
  }
  return (int)function_id;
}

/* ---- reset ---- */

void fw_function_free_objects(struct fw* fw, uint32_t fn) {
  struct vf_function* f = fw_ctx(fw, fn);
  fw_obj_free_all(fw, fn);
  f->held_events = 0;
  f->rx_root_table = 0;
}

/* Forgets the pages that the function's own driver gave: its memory is no longer the firmware's. */
static void forget_pages(struct fw* fw, uint32_t fn, bool all) {
  struct fw_function* f = &fw->fn[fn];
  uint32_t kept = 0;
  for (uint32_t i = 0; i < f->page_count && !all; ++i) {
    if ((f->page[i] & FW_PAGE_OF_PF) != 0) {
      f->page[kept++] = f->page[i];
    }
  }
  f->page_count = kept;
  f->pages_asked = 0;
}

void fw_function_reset(struct fw* fw, uint32_t fn) {
  struct vf_function* ctx = fw_ctx(fw, fn);
  struct fw_function* f = &fw->fn[fn];
  fw_cmd_abort_function(fw, fn);
  fw_function_free_objects(fw, fn);
  fw_vhca_reset(fw, fn); /* opens the gates: nothing may be left that could run */
  f->initialized = false;
  f->suspended_initiator = false;
  f->suspended_responder = false;
  f->suspending = false;
  f->issi = 0;
  memset(f->driver_version, 0, sizeof(f->driver_version));
  memset(f->caps_changed, 0, sizeof(f->caps_changed));
  memset(&ctx->counters, 0, sizeof(ctx->counters));
  memset(&fw->port_base[fn], 0, sizeof(fw->port_base[fn]));
  ctx->vhca_id = (uint16_t)(VF_VHCA_ID_BASE + fn);
  forget_pages(fw, fn, fn == 0);
  fw_vport_reset(fw, fn);
  for (uint32_t i = 0; fn == 0 && i < fw_functions(fw); ++i) {
    fw_ctx(fw, i)->enabled = 0; /* the PF enables its functions anew, itself first */
    forget_pages(fw, i, true);
  }
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_CMDQ_HI), 0);
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_CMDQ_LO), 0);
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_CMD_DB), UINT32_MAX);
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_HEALTH), 0);
  fw_track_reset(fw, fn); /* last: a tracker of the function goes on with the clean context */
}

/* ---- commands ---- */

enum fw_exec fw_op_ENABLE_HCA(struct fw* fw, struct fw_cmd* cmd) {
  if (VF_GET(enable_hca_in, cmd->in, embedded_cpu_function) != 0 ||
      VF_GET(enable_hca_in, cmd->in, function_id_type) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  const int fn = fw_function_of(fw, cmd, VF_GET(enable_hca_in, cmd->in, function_id));
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  if (!fw_ctx(fw, 0)->enabled && fn != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_SYS_STATE, VF_SYND_FUNCTION_NOT_ENABLED);
  }
  if (cmd->fn != 0 && !fw_ctx(fw, (uint32_t)fn)->enabled) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_SYS_STATE, VF_SYND_FUNCTION_NOT_ENABLED);
  }
  fw_ctx(fw, (uint32_t)fn)->enabled = 1;
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(enable_hca_out));
}

static int32_t pages_of_pf(const struct fw* fw, uint32_t fn) {
  int32_t count = 0;
  for (uint32_t i = 0; i < fw->fn[fn].page_count; ++i) {
    count += (fw->fn[fn].page[i] & FW_PAGE_OF_PF) != 0;
  }
  return count;
}

/* A driver disables itself when it goes; a VF stays enabled then, for the next driver. The PF takes
 * a VF away. */
enum fw_exec fw_op_DISABLE_HCA(struct fw* fw, struct fw_cmd* cmd) {
  if (VF_GET(disable_hca_in, cmd->in, embedded_cpu_function) != 0 ||
      VF_GET(disable_hca_in, cmd->in, function_id_type) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  const int fn = fw_function_of(fw, cmd, VF_GET(disable_hca_in, cmd->in, function_id));
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  if (fn == cmd->fn) {
    fw_function_free_objects(fw, (uint32_t)fn);
    fw->fn[fn].initialized = false;
    fw_ctx(fw, (uint32_t)fn)->enabled = fn != 0;
    return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(disable_hca_out));
  }
  fw_function_reset(fw, (uint32_t)fn);
  fw_ctx(fw, (uint32_t)fn)->enabled = 0;
  if (pages_of_pf(fw, (uint32_t)fn) > 0) {
    fw_request_pages(fw, (uint32_t)fn, -pages_of_pf(fw, (uint32_t)fn));
  }
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(disable_hca_out));
}

enum fw_exec fw_op_INIT_HCA(struct fw* fw, struct fw_cmd* cmd) {
  fw->fn[cmd->fn].initialized = true;
  fw_vport_update(fw, cmd->fn);
  return fw_cmd_ok(cmd, 16);
}

enum fw_exec fw_op_TEARDOWN_HCA(struct fw* fw, struct fw_cmd* cmd) {
  if (VF_GET(teardown_hca_in, cmd->in, profile) > TEARDOWN_FORCE) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  fw_function_free_objects(fw, cmd->fn);
  fw->fn[cmd->fn].initialized = false;
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(teardown_hca_out));
}

enum fw_exec fw_op_QUERY_ISSI(struct fw* fw, struct fw_cmd* cmd) {
  VF_SET(query_issi_out, cmd->out, current_issi, fw->fn[cmd->fn].issi);
  VF_SET(query_issi_out, cmd->out, supported_issi_dw0, ISSI_SUPPORTED);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_issi_out));
}

enum fw_exec fw_op_SET_ISSI(struct fw* fw, struct fw_cmd* cmd) {
  const uint64_t issi = VF_GET(set_issi_in, cmd->in, current_issi);
  if (issi > 31 || (ISSI_SUPPORTED >> issi & 1) == 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  fw->fn[cmd->fn].issi = (uint8_t)issi;
  return fw_cmd_ok(cmd, 16);
}

enum fw_exec fw_op_SET_DRIVER_VERSION(struct fw* fw, struct fw_cmd* cmd) {
  struct fw_function* f = &fw->fn[cmd->fn];
  memcpy(f->driver_version, VF_PTR(set_driver_version_in, cmd->in, driver_version),
         sizeof(f->driver_version));
  return fw_cmd_ok(cmd, 16);
}

enum fw_exec fw_op_QUERY_ADAPTER(struct fw* fw, struct fw_cmd* cmd) {
  static const char board[16] = "VFSIM_MIGRATABLE";
  (void)fw;
  VF_SET(query_adapter_out, cmd->out, query_adapter_struct_ieee_vendor_id, ADAPTER_OUI);
  VF_SET(query_adapter_out, cmd->out, query_adapter_struct_vsd_vendor_id, VF_PCI_VENDOR);
  memcpy(VF_PTR(query_adapter_out, cmd->out, query_adapter_struct_vsd_contd_psid), board,
         sizeof(board));
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_adapter_out));
}
