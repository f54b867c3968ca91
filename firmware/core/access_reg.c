/* ACCESS_REG: registers of the port and of the device. A read returns the register, a write the
 * register as it is then. */
#include <string.h>

#include "firmware/core/counters.h"
#include "firmware/core/object.h"

enum {
  REG_AT = 16,   /* byte of the register in input and output */
  REG_WRITE = 0, /* op_mod */
  REG_ENDIANNESS_BYTES = 16,
  PORT_NUMBER = 1,
  PTYS_ETHERNET = 4,           /* proto_mask */
  PTYS_100GBASE_CR4 = 1 << 20, /* eth_proto bit of the only speed */
};

static enum fw_exec done(struct fw_cmd* cmd, uint32_t bytes) {
  return fw_cmd_ok(cmd, REG_AT + bytes);
}

static bool own_port(struct fw_cmd* cmd, uint64_t port) {
  return port == PORT_NUMBER || fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_FUNCTION_ID);
}

static enum fw_exec pmtu(struct fw* fw, struct fw_cmd* cmd, const uint8_t* in, uint8_t* out) {
  struct vf_function* ctx = fw_ctx(fw, cmd->fn);
  const uint64_t wanted = VF_GET(pmtu_reg, in, admin_mtu);
  if (!own_port(cmd, VF_GET(pmtu_reg, in, local_port))) {
    return FW_EXEC_DONE;
  }
  if (cmd->op_mod == REG_WRITE) {
    if (wanted == 0 || wanted > fw_port_mtu(fw)) {
      return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
    }
    ctx->mtu = (uint16_t)wanted;
  }
  VF_SET(pmtu_reg, out, local_port, PORT_NUMBER);
  VF_SET(pmtu_reg, out, max_mtu, fw_port_mtu(fw));
  VF_SET(pmtu_reg, out, admin_mtu, ctx->mtu);
  VF_SET(pmtu_reg, out, oper_mtu, ctx->mtu);
  return done(cmd, (uint32_t)VF_BYTES(pmtu_reg));
}

static enum fw_exec ptys(struct fw* fw, struct fw_cmd* cmd, const uint8_t* in, uint8_t* out) {
  if (!own_port(cmd, VF_GET(ptys_reg, in, local_port))) {
    return FW_EXEC_DONE;
  }
  if (cmd->op_mod == REG_WRITE &&
      (VF_GET(ptys_reg, in, eth_proto_admin) & PTYS_100GBASE_CR4) == 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  VF_SET(ptys_reg, out, local_port, PORT_NUMBER);
  VF_SET(ptys_reg, out, proto_mask, PTYS_ETHERNET);
  VF_SET(ptys_reg, out, eth_proto_capability, PTYS_100GBASE_CR4);
  VF_SET(ptys_reg, out, eth_proto_admin, PTYS_100GBASE_CR4);
  VF_SET(ptys_reg, out, eth_proto_oper, fw_vport_up(fw, cmd->fn) ? PTYS_100GBASE_CR4 : 0);
  return done(cmd, (uint32_t)VF_BYTES(ptys_reg));
}

/* Admin status is the function's own; the physical port stays up for the others. */
static enum fw_exec paos(struct fw* fw, struct fw_cmd* cmd, const uint8_t* in, uint8_t* out) {
  struct fw_function* f = &fw->fn[cmd->fn];
  const uint64_t admin = VF_GET(paos_reg, in, admin_status);
  if (!own_port(cmd, VF_GET(paos_reg, in, local_port))) {
    return FW_EXEC_DONE;
  }
  if (cmd->op_mod == REG_WRITE) {
    if (admin != VF_PORT_ADMIN_UP && admin != VF_PORT_ADMIN_DOWN) {
      return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
    }
    f->port_admin_up = admin == VF_PORT_ADMIN_UP;
    fw_vport_update(fw, cmd->fn);
  }
  VF_SET(paos_reg, out, local_port, PORT_NUMBER);
  VF_SET(paos_reg, out, admin_status, f->port_admin_up ? VF_PORT_ADMIN_UP : VF_PORT_ADMIN_DOWN);
  VF_SET(paos_reg, out, oper_status,
         fw_vport_up(fw, cmd->fn) ? VF_PORT_ADMIN_UP : VF_PORT_ADMIN_DOWN);
  return done(cmd, (uint32_t)VF_BYTES(paos_reg));
}

static enum fw_exec ppcnt(struct fw* fw, struct fw_cmd* cmd, const uint8_t* in, uint8_t* out) {
  if (!own_port(cmd, VF_GET(ppcnt_reg, in, local_port))) {
    return FW_EXEC_DONE;
  }
  VF_SET(ppcnt_reg, out, local_port, PORT_NUMBER);
  VF_SET(ppcnt_reg, out, grp, VF_GET(ppcnt_reg, in, grp));
  VF_SET(ppcnt_reg, out, prio_tc, VF_GET(ppcnt_reg, in, prio_tc));
  fw_counters_ppcnt(fw, cmd->fn, out, VF_GET(ppcnt_reg, in, clr) != 0);
  return done(cmd, (uint32_t)VF_BYTES(ppcnt_reg));
}

static enum fw_exec host_endianness(struct fw* fw, struct fw_cmd* cmd, const uint8_t* in,
                                    uint8_t* out) {
  (void)fw;
  if (cmd->fn != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
  }
  out[0] = in[0]; /* nothing depends on it: all exchanged integers have a fixed order */
  return done(cmd, REG_ENDIANNESS_BYTES);
}

/* Time-outs in milliseconds (multiplier 0). */
static enum fw_exec dtor(struct fw* fw, struct fw_cmd* cmd, const uint8_t* in, uint8_t* out) {
  (void)fw;
  (void)in;
  if (cmd->op_mod == REG_WRITE) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  VF_SET(dtor_reg, out, pcie_toggle_to_to_value, 2000);
  VF_SET(dtor_reg, out, health_poll_to_to_value, 2000);
  VF_SET(dtor_reg, out, full_crdump_to_to_value, 60000);
  VF_SET(dtor_reg, out, fw_reset_to_to_value, 60000);
  VF_SET(dtor_reg, out, flush_on_err_to_to_value, 2000);
  VF_SET(dtor_reg, out, pci_sync_update_to_to_value, 5000);
  VF_SET(dtor_reg, out, tear_down_to_to_value, 3000);
  VF_SET(dtor_reg, out, fsm_reactivate_to_to_value, 5000);
  VF_SET(dtor_reg, out, reclaim_pages_to_to_value, 5000);
  VF_SET(dtor_reg, out, reclaim_vfs_pages_to_to_value, 120000);
  VF_SET(dtor_reg, out, reset_unload_to_to_value, 300000);
  return done(cmd, (uint32_t)VF_BYTES(dtor_reg));
}

struct port_reg {
  uint16_t id, bytes;
  enum fw_exec (*access)(struct fw* fw, struct fw_cmd* cmd, const uint8_t* in, uint8_t* out);
};

static const struct port_reg regs[] = {
    {VF_REG_PMTU, VF_LAYOUT_BYTES_pmtu_reg, pmtu},
    {VF_REG_PTYS, VF_LAYOUT_BYTES_ptys_reg, ptys},
    {VF_REG_PAOS, VF_LAYOUT_BYTES_paos_reg, paos},
    {VF_REG_PPCNT, VF_LAYOUT_BYTES_ppcnt_reg, ppcnt},
    {VF_REG_DTOR, VF_LAYOUT_BYTES_dtor_reg, dtor},
    {VF_REG_HOST_ENDIANNESS, REG_ENDIANNESS_BYTES, host_endianness},
};

enum fw_exec fw_op_ACCESS_REG(struct fw* fw, struct fw_cmd* cmd) {
  const uint64_t id = VF_GET(access_register_in, cmd->in, register_id);
  for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); ++i) {
    if (regs[i].id != id) {
      continue;
    }
    if (cmd->in_len < REG_AT + (uint32_t)regs[i].bytes) {
      return fw_cmd_fail(cmd, VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
    }
    if (cmd->out_len < REG_AT + (uint32_t)regs[i].bytes) {
      return fw_cmd_fail(cmd, VF_STATUS_BAD_OUTPUT_LEN, VF_SYND_SHORT_OUTPUT);
    }
    return regs[i].access(fw, cmd, cmd->in + REG_AT, cmd->out + REG_AT);
  }
  return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNKNOWN_REGISTER);
}
