/* Virtual ports: link state, addresses, MTU. Virtual port f is function f's. */
#include <string.h>

#include "firmware/core/object.h"

enum {
  VPORT_PORT = 1,   /* number of the only port */
  VPORT_UPLINK = 2, /* QUERY_VPORT_STATE op_mod: the physical port */
  VPORT_MAC_BYTES = 6,
  VPORT_QUERY_LIST =
      VF_LAYOUT_BYTES_query_nic_vport_context_out, /* byte of the address list in the answer, */
  VPORT_MODIFY_LIST = VF_LAYOUT_BYTES_modify_nic_vport_context_in, /* and in the input */
  VPORT_PROMISC_ALL = 1,
  VPORT_PROMISC_MC = 2,
  VPORT_PROMISC_UC = 4,
};

static uint64_t mac_get(const uint8_t* mac) {
  return vf_be32_load(mac) * UINT64_C(0x10000) + (uint64_t)(mac[4] << 8 | mac[5]);
}

static void mac_set(uint8_t* mac, uint64_t value) {
  for (int i = 0; i < VPORT_MAC_BYTES; ++i) {
    mac[i] = (uint8_t)(value >> (40 - 8 * i));
  }
}

void fw_vport_reset(struct fw* fw, uint32_t fn) {
  struct vf_function* ctx = fw_ctx(fw, fn);
  struct fw_function* f = &fw->fn[fn];
  const uint64_t serial = fw->config.serial;
  memset(ctx->mac, 0, sizeof(ctx->mac));
  mac_set(ctx->mac[0], UINT64_C(0x020000000000) | (serial & 0xff) << 24 | fn);
  ctx->mac_count = 1;
  ctx->promiscuous = 0;
  ctx->mtu = (uint16_t)fw_port_mtu(fw);
  f->port_admin_up = 1;
  f->vport_admin = VF_VPORT_ADMIN_FOLLOW;
  f->promisc = 0;
  f->mc_count = 0;
  f->system_image_guid = UINT64_C(0x0200000000000000) | serial << 16;
  f->node_guid = f->system_image_guid | fn;
  f->port_guid = f->node_guid;
  f->vport_up = fw_vport_up(fw, fn);
  ctx->link_up = 1;
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_MAC_UPDATE), 1);
}

bool fw_vport_up(const struct fw* fw, uint32_t fn) {
  const struct fw_function* f = &fw->fn[fn];
  return f->port_admin_up && (f->vport_admin == VF_VPORT_ADMIN_UP ||
                              (f->vport_admin == VF_VPORT_ADMIN_FOLLOW && fw->link_up));
}

void fw_vport_update(struct fw* fw, uint32_t fn) {
  struct fw_function* f = &fw->fn[fn];
  const bool up = fw_vport_up(fw, fn);
  if (f->suspended_responder) {
    return; /* nothing of a stopped function changes; RESUME looks again */
  }
  fw_ctx(fw, fn)->link_up = f->port_admin_up && f->vport_admin != VF_VPORT_ADMIN_DOWN;
  if (up == f->vport_up) {
    return;
  }
  f->vport_up = up;
  if (f->initialized) {
    uint8_t data[VF_LAYOUT_BYTES_eqe_port_change] = {0};
    VF_SET(eqe_port_change, data, port_num, VPORT_PORT);
    (void)fw_event(fw, fn, VF_EVENT_PORT_CHANGE, up ? VF_PORT_CHANGE_ACTIVE : VF_PORT_CHANGE_DOWN,
                   data);
  }
}

/* Function of a command's virtual port; -1: refused. */
static int vport_of(struct fw* fw, struct fw_cmd* cmd) {
  if (VF_GET(query_vport_state_in, cmd->in, other_vport) == 0) {
    return cmd->fn;
  }
  if (cmd->fn != 0) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
    return -1;
  }
  return fw_function_of(fw, cmd, VF_GET(query_vport_state_in, cmd->in, vport_number));
}

enum fw_exec fw_op_QUERY_VPORT_STATE(struct fw* fw, struct fw_cmd* cmd) {
  const int fn = vport_of(fw, cmd);
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  const bool uplink = cmd->op_mod == VPORT_UPLINK;
  VF_SET(query_vport_state_out, cmd->out, admin_state,
         uplink ? VF_VPORT_ADMIN_UP : fw->fn[fn].vport_admin);
  VF_SET(query_vport_state_out, cmd->out, state,
         uplink ? fw->link_up : fw_vport_up(fw, (uint32_t)fn));
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_vport_state_out));
}

enum fw_exec fw_op_MODIFY_VPORT_STATE(struct fw* fw, struct fw_cmd* cmd) {
  const int fn = vport_of(fw, cmd);
  const uint64_t admin = VF_GET(modify_vport_state_in, cmd->in, admin_state);
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  if (admin > VF_VPORT_ADMIN_FOLLOW || cmd->op_mod == VPORT_UPLINK) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  fw->fn[fn].vport_admin = (uint8_t)admin;
  fw_vport_update(fw, (uint32_t)fn);
  return fw_cmd_ok(cmd, 16);
}

/* Puts as many addresses of a list into the answer as the driver has room for; returns how many. */
static uint32_t put_list(struct fw_cmd* cmd, const uint8_t (*list)[VPORT_MAC_BYTES],
                         uint32_t count) {
  const uint32_t room = (cmd->out_len - VPORT_QUERY_LIST) / (uint32_t)VF_BYTES(mac_entry);
  const uint32_t shown = count < room ? count : room;
  for (uint32_t i = 0; i < shown; ++i) {
    vf_be64_store(cmd->out + VPORT_QUERY_LIST + i * VF_BYTES(mac_entry), mac_get(list[i]));
  }
  return shown;
}

enum fw_exec fw_op_QUERY_NIC_VPORT_CONTEXT(struct fw* fw, struct fw_cmd* cmd) {
  const uint64_t type = VF_GET(query_nic_vport_context_in, cmd->in, allowed_list_type);
  const int fn = vport_of(fw, cmd);
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  if (type > VF_MAC_LIST_MULTICAST) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  const struct fw_function* f = &fw->fn[fn];
  const struct vf_function* ctx = fw_ctx(fw, (uint32_t)fn);
  uint8_t* c = VF_PTR(query_nic_vport_context_out, cmd->out, nic_vport_context);
  const uint64_t permanent = mac_get(ctx->mac[0]);
  VF_SET(nic_vport_context, c, mtu, ctx->mtu);
  VF_SET(nic_vport_context, c, system_image_guid, f->system_image_guid);
  VF_SET(nic_vport_context, c, port_guid, f->port_guid);
  VF_SET(nic_vport_context, c, node_guid, f->node_guid);
  VF_SET(nic_vport_context, c, promisc_uc, (f->promisc & VPORT_PROMISC_UC) != 0);
  VF_SET(nic_vport_context, c, promisc_mc, (f->promisc & VPORT_PROMISC_MC) != 0);
  VF_SET(nic_vport_context, c, promisc_all, (f->promisc & VPORT_PROMISC_ALL) != 0);
  VF_SET(nic_vport_context, c, allowed_list_type, type);
  VF_SET(nic_vport_context, c, permanent_address_mac_addr_47_32, permanent >> 32);
  VF_SET(nic_vport_context, c, permanent_address_mac_addr_31_0, permanent);
  const uint32_t shown = type == VF_MAC_LIST_UNICAST
                             ? put_list(cmd, &ctx->mac[1], ctx->mac_count - 1U)
                             : put_list(cmd, f->mc, f->mc_count);
  VF_SET(nic_vport_context, c, allowed_list_size, shown);
  return fw_cmd_ok(cmd, VPORT_QUERY_LIST + shown * (uint32_t)VF_BYTES(mac_entry));
}

/* All fields of a MODIFY before any of them is taken over. */
static bool check_modify(struct fw* fw, struct fw_cmd* cmd, const uint8_t* c) {
  const uint64_t type = VF_GET(nic_vport_context, c, allowed_list_type);
  const uint64_t count = VF_GET(nic_vport_context, c, allowed_list_size);
  if (VF_GET(modify_nic_vport_context_in, cmd->in, field_select_mtu) != 0 &&
      (VF_GET(nic_vport_context, c, mtu) == 0 ||
       VF_GET(nic_vport_context, c, mtu) > fw_port_mtu(fw))) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  if (VF_GET(modify_nic_vport_context_in, cmd->in, field_select_addresses_list) == 0) {
    return true;
  }
  if (type > VF_MAC_LIST_MULTICAST) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (count > (type == VF_MAC_LIST_UNICAST ? VF_UC_MACS - 1 : FW_MC_MACS)) {
    return fw_refuse(cmd, VF_STATUS_LIMIT, VF_SYND_BAD_SIZE);
  }
  return cmd->in_len >= VPORT_MODIFY_LIST + count * VF_BYTES(mac_entry) ||
         fw_refuse(cmd, VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
}

static void set_list(struct fw* fw, uint32_t fn, const struct fw_cmd* cmd, const uint8_t* c) {
  struct vf_function* ctx = fw_ctx(fw, fn);
  const bool unicast = VF_GET(nic_vport_context, c, allowed_list_type) == VF_MAC_LIST_UNICAST;
  const uint32_t count = (uint32_t)VF_GET(nic_vport_context, c, allowed_list_size);
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t mac = vf_be64_load(cmd->in + VPORT_MODIFY_LIST + i * VF_BYTES(mac_entry));
    mac_set(unicast ? ctx->mac[1 + i] : fw->fn[fn].mc[i], mac);
  }
  if (unicast) {
    ctx->mac_count = (uint8_t)(1 + count);
  } else {
    fw->fn[fn].mc_count = (uint8_t)count;
  }
}

static void set_promisc(struct fw* fw, uint32_t fn, const uint8_t* c) {
  const unsigned all = VF_GET(nic_vport_context, c, promisc_all) != 0 ? VPORT_PROMISC_ALL : 0;
  const unsigned mc = VF_GET(nic_vport_context, c, promisc_mc) != 0 ? VPORT_PROMISC_MC : 0;
  const unsigned uc = VF_GET(nic_vport_context, c, promisc_uc) != 0 ? VPORT_PROMISC_UC : 0;
  fw->fn[fn].promisc = (uint8_t)(all | mc | uc);
  fw_ctx(fw, fn)->promiscuous = (all | uc) != 0; /* all multicast arrives anyway */
}

enum fw_exec fw_op_MODIFY_NIC_VPORT_CONTEXT(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* in = cmd->in;
  const uint8_t* c = VF_PTR(modify_nic_vport_context_in, in, nic_vport_context);
  const int vport = vport_of(fw, cmd);
  if (vport < 0 || !check_modify(fw, cmd, c)) {
    return FW_EXEC_DONE;
  }
  const uint32_t fn = (uint32_t)vport;
  struct fw_function* f = &fw->fn[fn];
  if (VF_GET(modify_nic_vport_context_in, in, field_select_mtu) != 0) {
    fw_ctx(fw, fn)->mtu = (uint16_t)VF_GET(nic_vport_context, c, mtu);
  }
  if (VF_GET(modify_nic_vport_context_in, in, field_select_node_guid) != 0) {
    f->node_guid = VF_GET(nic_vport_context, c, node_guid);
  }
  if (VF_GET(modify_nic_vport_context_in, in, field_select_port_guid) != 0) {
    f->port_guid = VF_GET(nic_vport_context, c, port_guid);
  }
  if (VF_GET(modify_nic_vport_context_in, in, field_select_promisc) != 0) {
    set_promisc(fw, fn, c);
  }
  if (VF_GET(modify_nic_vport_context_in, in, field_select_permanent_address) != 0) {
    mac_set(fw_ctx(fw, fn)->mac[0],
            VF_GET(nic_vport_context, c, permanent_address_mac_addr_47_32) << 32 |
                VF_GET(nic_vport_context, c, permanent_address_mac_addr_31_0));
  }
  if (VF_GET(modify_nic_vport_context_in, in, field_select_addresses_list) != 0) {
    set_list(fw, fn, cmd, c);
  }
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_MAC_UPDATE), 1);
  return fw_cmd_ok(cmd, 16);
}
