/* Receive steering: flow tables, groups and entries. Drivers take groups away before their entries,
 * so a group takes its entries with it; a table must be empty and no entry's destination. */
#include <string.h>

#include "firmware/core/object.h"

enum {
  FLOW_NIC_RX = 0, /* table_type; the only one that is offered */
  FLOW_MAX_LEVEL = 64,
  FLOW_MAX_LOG_SIZE = 16,
  FLOW_OUTER_HEADERS = 1, /* match_criteria_enable; the only one that is offered */
  FLOW_DEST_AT =
      64 + VF_LAYOUT_BYTES_flow_context, /* byte of the destination list in SET_FLOW_TABLE_ENTRY */
  FLOW_ACTIONS = VF_FLOW_ACTION_ALLOW | VF_FLOW_ACTION_DROP | VF_FLOW_ACTION_FORWARD,
};

/* The part that all flow commands share: own function, receive tables only. */
static bool check_header(struct fw_cmd* cmd) {
  if (VF_GET(flow_table_header, cmd->in, other_vport) != 0 ||
      VF_GET(flow_table_header, cmd->in, other_eswitch) != 0) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
  }
  return VF_GET(flow_table_header, cmd->in, table_type) == FLOW_NIC_RX ||
         fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
}

/* The table that the command names; NULL: refused. */
static struct vf_flow_table* table_of(struct fw* fw, struct fw_cmd* cmd) {
  return check_header(cmd) ? fw_obj_of(fw, cmd, FW_FT, VF_GET(flow_table_header, cmd->in, table_id))
                           : NULL;
}

enum fw_exec fw_op_CREATE_FLOW_TABLE(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* ctx = VF_PTR(create_flow_table_in, cmd->in, flow_table_context);
  const uint64_t miss = VF_GET(flow_table_context, ctx, table_miss_id);
  void* entry;
  if (!check_header(cmd)) {
    return FW_EXEC_DONE;
  }
  if (VF_GET(flow_table_context, ctx, level) > FLOW_MAX_LEVEL ||
      VF_GET(flow_table_context, ctx, log_size) > FLOW_MAX_LOG_SIZE) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  if (VF_GET(flow_table_context, ctx, table_miss_action) != 0 &&
      !fw_obj_ref(fw, cmd, FW_FT, miss, true)) {
    return FW_EXEC_DONE;
  }
  const uint32_t number = fw_obj_new(fw, cmd, FW_FT, &entry);
  struct vf_flow_table* ft = entry;
  if (ft == NULL) {
    return FW_EXEC_DONE;
  }
  ft->type = FLOW_NIC_RX;
  ft->level = (uint8_t)VF_GET(flow_table_context, ctx, level);
  ft->log_size = (uint8_t)VF_GET(flow_table_context, ctx, log_size);
  ft->miss_action = (uint32_t)VF_GET(flow_table_context, ctx, table_miss_action);
  ft->miss_table = ft->miss_action != 0 ? (uint32_t)miss : 0;
  return fw_obj_created(fw, cmd, FW_FT, number);
}

enum fw_exec fw_op_DESTROY_FLOW_TABLE(struct fw* fw, struct fw_cmd* cmd) {
  const uint32_t number = (uint32_t)VF_GET(flow_table_header, cmd->in, table_id);
  if (!check_header(cmd)) {
    return FW_EXEC_DONE;
  }
  const enum fw_exec done = fw_obj_destroy(fw, cmd, FW_FT, number);
  if (!fw_obj_exists(fw, cmd->fn, FW_FT, number) && fw_ctx(fw, cmd->fn)->rx_root_table == number) {
    fw_ctx(fw, cmd->fn)->rx_root_table = 0;
  }
  return done;
}

enum fw_exec fw_op_SET_FLOW_TABLE_ROOT(struct fw* fw, struct fw_cmd* cmd) {
  const bool connect = cmd->op_mod == 0;
  if (table_of(fw, cmd) == NULL) {
    return FW_EXEC_DONE;
  }
  fw_ctx(fw, cmd->fn)->rx_root_table =
      connect ? (uint32_t)VF_GET(flow_table_header, cmd->in, table_id) : 0;
  return fw_cmd_ok(cmd, 16);
}

enum fw_exec fw_op_CREATE_FLOW_GROUP(struct fw* fw, struct fw_cmd* cmd) {
  const struct vf_flow_table* ft = table_of(fw, cmd);
  const uint64_t first = VF_GET(create_flow_group_in, cmd->in, start_flow_index);
  const uint64_t last = VF_GET(create_flow_group_in, cmd->in, end_flow_index);
  const uint64_t criteria = VF_GET(create_flow_group_in, cmd->in, match_criteria_enable);
  void* entry;
  if (ft == NULL) {
    return FW_EXEC_DONE;
  }
  if (first > last || last >= UINT64_C(1) << ft->log_size) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  if ((criteria & ~(uint64_t)FLOW_OUTER_HEADERS) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  const uint32_t number = fw_obj_new(fw, cmd, FW_FG, &entry);
  struct vf_flow_group* fg = entry;
  if (fg == NULL) {
    return FW_EXEC_DONE;
  }
  fg->criteria_enable = (uint8_t)criteria;
  fg->table = (uint32_t)VF_GET(create_flow_group_in, cmd->in, table_id);
  fg->first = (uint32_t)first;
  fg->last = (uint32_t)last;
  memcpy(fg->mask, VF_PTR(create_flow_group_in, cmd->in, match_criteria), sizeof(fg->mask));
  return fw_obj_created(fw, cmd, FW_FG, number);
}

enum fw_exec fw_op_DESTROY_FLOW_GROUP(struct fw* fw, struct fw_cmd* cmd) {
  const uint32_t number = (uint32_t)VF_GET(destroy_flow_group_in, cmd->in, group_id);
  if (table_of(fw, cmd) == NULL) {
    return FW_EXEC_DONE;
  }
  const struct vf_flow_group* fg = fw_obj_of(fw, cmd, FW_FG, number);
  if (fg == NULL) {
    return FW_EXEC_DONE;
  }
  if (fg->table != VF_GET(destroy_flow_group_in, cmd->in, table_id)) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_OBJECT);
  }
  for (uint32_t i = 0; i < VF_FTE_COUNT; ++i) {
    if (fw_ctx(fw, cmd->fn)->fte[i].valid && fw_ctx(fw, cmd->fn)->fte[i].group == number) {
      fw_obj_free(fw, cmd->fn, FW_FTE, i);
    }
  }
  return fw_obj_destroy(fw, cmd, FW_FG, number);
}

/* Entry at an index of a table; NULL: none. */
static struct vf_flow_entry* find_entry(struct fw* fw, uint32_t fn, uint64_t table,
                                        uint64_t index) {
  for (uint32_t i = 0; i < VF_FTE_COUNT; ++i) {
    struct vf_flow_entry* e = &fw_ctx(fw, fn)->fte[i];
    if (e->valid && e->table == table && e->index == index) {
      return e;
    }
  }
  return NULL;
}

static bool check_destination(struct fw* fw, struct fw_cmd* cmd, const uint8_t* ctx) {
  const uint8_t* dest = cmd->in + FLOW_DEST_AT;
  if ((VF_GET(flow_context, ctx, action) & VF_FLOW_ACTION_FORWARD) == 0) {
    return true;
  }
  if (VF_GET(flow_context, ctx, destination_list_size) != 1 ||
      VF_GET(flow_context, ctx, extended_destination) != 0) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (cmd->in_len < FLOW_DEST_AT + VF_BYTES(dest_format_struct)) {
    return fw_refuse(cmd, VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
  }
  const uint64_t id = VF_GET(dest_format_struct, dest, destination_id);
  switch (VF_GET(dest_format_struct, dest, destination_type)) {
    case VF_FLOW_DEST_TIR:
      return fw_obj_ref(fw, cmd, FW_TIR, id, true);
    case VF_FLOW_DEST_FLOW_TABLE:
      return fw_obj_ref(fw, cmd, FW_FT, id, true);
    default:
      return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
}

static bool check_entry(struct fw* fw, struct fw_cmd* cmd, const uint8_t* ctx) {
  const struct vf_flow_group* fg =
      fw_obj_find(fw, cmd->fn, FW_FG, VF_GET(flow_context, ctx, group_id));
  const uint64_t index = VF_GET(set_fte_in, cmd->in, flow_index);
  const uint64_t action = VF_GET(flow_context, ctx, action);
  if (fg == NULL || fg->table != VF_GET(set_fte_in, cmd->in, table_id)) {
    return fw_refuse(cmd, VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_REFERENCE);
  }
  if (index < fg->first || index > fg->last) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  if ((action & ~(uint64_t)FLOW_ACTIONS) != 0 || action == 0 ||
      VF_GET(flow_context, ctx, flow_counter_list_size) != 0) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  return check_destination(fw, cmd, ctx);
}

static void fill_entry(struct vf_flow_entry* e, const struct fw_cmd* cmd, const uint8_t* ctx) {
  const uint8_t* dest = cmd->in + FLOW_DEST_AT;
  const bool forward = (VF_GET(flow_context, ctx, action) & VF_FLOW_ACTION_FORWARD) != 0;
  e->action = (uint16_t)VF_GET(flow_context, ctx, action);
  e->table = (uint32_t)VF_GET(set_fte_in, cmd->in, table_id);
  e->index = (uint32_t)VF_GET(set_fte_in, cmd->in, flow_index);
  e->group = (uint32_t)VF_GET(flow_context, ctx, group_id);
  e->tag = (uint32_t)VF_GET(flow_context, ctx, flow_tag);
  e->dest_type = forward ? (uint8_t)VF_GET(dest_format_struct, dest, destination_type) : 0;
  e->dest_id = forward ? (uint32_t)VF_GET(dest_format_struct, dest, destination_id) : 0;
  memcpy(e->value, VF_PTR(flow_context, ctx, match_value), sizeof(e->value));
}

/* op_mod 0: set, in place of an entry that is there; 1: change one that must be there. */
enum fw_exec fw_op_SET_FLOW_TABLE_ENTRY(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* ctx = VF_PTR(set_fte_in, cmd->in, flow_context);
  if (table_of(fw, cmd) == NULL || !check_entry(fw, cmd, ctx)) {
    return FW_EXEC_DONE;
  }
  void* entry = find_entry(fw, cmd->fn, VF_GET(set_fte_in, cmd->in, table_id),
                           VF_GET(set_fte_in, cmd->in, flow_index));
  if (entry == NULL && cmd->op_mod != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_OBJECT);
  }
  if (entry == NULL) {
    (void)fw_obj_new(fw, cmd, FW_FTE, &entry);
  }
  struct vf_flow_entry* e = entry;
  if (e == NULL) {
    return FW_EXEC_DONE;
  }
  fill_entry(e, cmd, ctx);
  e->valid = 1;
  return fw_cmd_ok(cmd, 16);
}

enum fw_exec fw_op_DELETE_FLOW_TABLE_ENTRY(struct fw* fw, struct fw_cmd* cmd) {
  if (table_of(fw, cmd) == NULL) {
    return FW_EXEC_DONE;
  }
  const struct vf_flow_entry* e = find_entry(fw, cmd->fn, VF_GET(delete_fte_in, cmd->in, table_id),
                                             VF_GET(delete_fte_in, cmd->in, flow_index));
  if (e == NULL) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_OBJECT);
  }
  fw_obj_free(fw, cmd->fn, FW_FTE, (uint32_t)(e - fw_ctx(fw, cmd->fn)->fte));
  return fw_cmd_ok(cmd, 16);
}
