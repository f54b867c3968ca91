/* Capabilities: one table row per field that is not zero, with its maximum and its value after
 * reset. */
#include <string.h>

#include "firmware/core/object.h"

/* Index of a capability type in fw_function.caps_set. */
enum cap_area {
  AREA_GENERAL,
  AREA_ETHERNET,
  AREA_FLOW_TABLE,
  AREA_GENERAL_2,
  AREA_ADV_VIRTUALIZATION
};
static const uint8_t area_type[VF_CAP_AREAS] = {VF_CAP_GENERAL, VF_CAP_ETHERNET, VF_CAP_FLOW_TABLE,
                                                VF_CAP_GENERAL_2, VF_CAP_ADV_VIRTUALIZATION};

enum {
  CAP_AREA_AT = 16,         /* byte of the area in QUERY's output and SET's input */
  CAP_AREA_USED = 256,      /* bytes of an area that have fields; the rest is zero */
  CAP_DEVICE_KHZ = 1000000, /* the internal timer counts nanoseconds */
  CAP_OBJ_TYPE_WORD = 64,   /* general_obj_types_127_64 begins with this type */
  CAP_LOG_MAX_MSG = 30,
};

enum cap_who { ALL, PF, VF };

struct cap {
  uint8_t area, who;
  uint16_t off;
  uint8_t width;
  uint64_t max, current;
};
#define CAP(area, who, layout, field, max, current) \
  { area, who, VF_OFF(layout, field), VF_WID(layout, field), max, current }
#define GENERAL(who, field, value) CAP(AREA_GENERAL, who, cmd_hca_cap, field, value, value)
#define ETHERNET(field, value) \
  CAP(AREA_ETHERNET, ALL, per_protocol_networking_offload_caps, field, value, value)
#define RECEIVE(field, value)                                                                     \
  CAP(AREA_FLOW_TABLE, ALL, flow_table_nic_cap, flow_table_properties_nic_receive_##field, value, \
      value)
#define GENERAL_2(who, field, value) CAP(AREA_GENERAL_2, who, cmd_hca_cap_2, field, value, value)
#define TRACK(field, value) \
  CAP(AREA_ADV_VIRTUALIZATION, PF, adv_virtualization_cap, pg_track_##field, value, value)

static const struct cap caps[] = {
    GENERAL(ALL, hca_cap_2, 1),
    GENERAL(ALL, dtor, 1),
    GENERAL(ALL, log_max_qp_sz, 15),
    GENERAL(ALL, log_max_qp, 8),
    GENERAL(ALL, log_max_cq_sz, 20),
    GENERAL(ALL, log_max_cq, 8),
    GENERAL(ALL, log_max_eq_sz, 16),
    GENERAL(ALL, log_max_eq, 4),
    GENERAL(ALL, log_max_mkey, 10),
    GENERAL(PF, vport_group_manager, 1),
    GENERAL(ALL, nic_flow_table, 1),
    GENERAL(ALL, port_type, 1),
    GENERAL(ALL, num_ports, 1),
    GENERAL(ALL, log_max_msg, CAP_LOG_MAX_MSG),
    GENERAL(ALL, cqe_version, 1),
    CAP(AREA_GENERAL, ALL, cmd_hca_cap, cmdif_checksum, 3, 0),
    GENERAL(ALL, eth_net_offloads, 1),
    GENERAL(ALL, uar_4k, 1),
    GENERAL(ALL, log_pg_sz, VF_PAGE_SHIFT),
    GENERAL(ALL, driver_version, 1),
    GENERAL(ALL, log_bf_reg_size, 9),
    GENERAL(ALL, max_wqe_sz_sq, 1024),
    GENERAL(ALL, max_wqe_sz_rq, 512),
    GENERAL(ALL, log_max_transport_domain, 4),
    GENERAL(ALL, log_max_pd, 8),
    GENERAL(ALL, log_max_current_mc_list, 4),
    GENERAL(ALL, log_max_current_uc_list, 3),
    GENERAL(ALL, max_num_eqs, VF_EQ_COUNT),
    GENERAL(ALL, device_frequency_khz, CAP_DEVICE_KHZ),
    GENERAL(ALL, num_of_uars_per_page, 1),
    GENERAL(PF, adv_virtualization, 1),
    GENERAL(PF, migration, 1),
    ETHERNET(csum_cap, 1),
    ETHERNET(vlan_cap, 1),
    ETHERNET(max_lso_cap, 16),
    ETHERNET(wqe_inline_mode, 0), /* the first header bytes of a packet are in its WQE */
    ETHERNET(rss_ind_tbl_cap, 8),
    RECEIVE(ft_support, 1),
    RECEIVE(flow_modify_en, 1),
    RECEIVE(log_max_ft_size, 16),
    RECEIVE(max_ft_level, 64),
    RECEIVE(log_max_ft_num, 6),
    RECEIVE(log_max_flow, 9),
    GENERAL_2(VF, migratable, 1),
    GENERAL_2(PF, migration_multi_load, 1),
    GENERAL_2(PF, migration_tracking_state, 1),
    CAP(AREA_GENERAL_2, PF, cmd_hca_cap_2, migration_in_chunks, 1,
        0), /* current: fw_config.chunk_mode */
    GENERAL_2(PF, migration_state, 1),
    GENERAL_2(PF, general_obj_types_127_64,
              UINT64_C(1) << (VF_OBJ_TYPE_PAGE_TRACK - CAP_OBJ_TYPE_WORD)),
    TRACK(log_max_num, 7),
    TRACK(max_num_range, VF_TRACK_RANGES),
    TRACK(log_min_addr_space, VF_TRACK_LOG_MIN_SPACE),
    TRACK(log_max_addr_space, VF_TRACK_LOG_MAX_SPACE),
    TRACK(log_min_msg_size, VF_TRACK_LOG_MIN_MSG),
    TRACK(log_max_msg_size, VF_TRACK_LOG_MAX_MSG),
    TRACK(log_min_page_size, VF_TRACK_LOG_MIN_PAGE),
    TRACK(log_max_page_size, VF_TRACK_LOG_MAX_PAGE),
};
enum { CAP_COUNT = sizeof(caps) / sizeof(caps[0]) };

static bool offered(const struct cap* cap, uint32_t fn) {
  return cap->who == ALL || (cap->who == PF) == (fn == 0);
}

/* Area of a type; VF_CAP_AREAS: not offered. */
static uint32_t find_area(uint32_t type) {
  uint32_t area = 0;
  while (area < VF_CAP_AREAS && area_type[area] != type) {
    ++area;
  }
  return area;
}

/* Area as the function has it at reset (or its maximum); `out` is CAP_AREA_USED zero bytes. */
static void fill(const struct fw* fw, uint32_t fn, uint32_t area, bool maximum, uint8_t* out) {
  for (uint32_t i = 0; i < CAP_COUNT; ++i) {
    if (caps[i].area == area && offered(&caps[i], fn)) {
      vf_field_set(out, caps[i].off, caps[i].width, maximum ? caps[i].max : caps[i].current);
    }
  }
  if (area == AREA_GENERAL_2 && fn == 0 && fw->config.chunk_mode) {
    VF_SET(cmd_hca_cap_2, out, migration_in_chunks, 1);
  }
}

static void query(const struct fw* fw, uint32_t fn, uint32_t area, bool maximum, uint8_t* out) {
  const struct fw_function* f = &fw->fn[fn];
  if (!maximum && f->caps_changed[area]) {
    memcpy(out, f->caps_set[area], CAP_AREA_USED);
  } else {
    fill(fw, fn, area, maximum, out);
  }
  if (area == AREA_GENERAL) {
    VF_SET(cmd_hca_cap, out, vhca_id,
           VF_VHCA_ID_BASE + fn); /* who I am is not the driver's to choose */
  }
}

/* Function of QUERY / SET_HCA_CAP (both have the same header); -1: refused. */
static int target_of(struct fw* fw, struct fw_cmd* cmd) {
  if (VF_GET(query_hca_cap_in, cmd->in, ec_vf_function) != 0 ||
      VF_GET(query_hca_cap_in, cmd->in, function_id_type) != 0) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
    return -1;
  }
  if (VF_GET(query_hca_cap_in, cmd->in, other_function) == 0) {
    return cmd->fn;
  }
  if (cmd->fn != 0) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
    return -1;
  }
  return fw_function_of(fw, cmd, VF_GET(query_hca_cap_in, cmd->in, function_id));
}

enum fw_exec fw_op_QUERY_HCA_CAP(struct fw* fw, struct fw_cmd* cmd) {
  const uint32_t area = find_area(cmd->op_mod >> 1);
  if (area == VF_CAP_AREAS) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_CAP_TYPE);
  }
  const int fn = target_of(fw, cmd);
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  query(fw, (uint32_t)fn, area, (cmd->op_mod & 1) == 0, cmd->out + CAP_AREA_AT);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_hca_cap_out));
}

bool fw_cap_acceptable(const struct fw* fw, uint32_t fn, uint32_t area, const uint8_t* in) {
  uint8_t max[CAP_AREA_USED] = {0};
  fill(fw, fn, area, true, max);
  for (uint32_t i = 0; i < CAP_COUNT; ++i) {
    if (caps[i].area == area && vf_field_get(in, caps[i].off, caps[i].width) >
                                    vf_field_get(max, caps[i].off, caps[i].width)) {
      return false;
    }
  }
  return true;
}

enum fw_exec fw_op_SET_HCA_CAP(struct fw* fw, struct fw_cmd* cmd) {
  const uint32_t area = find_area(cmd->op_mod >> 1);
  const uint8_t* in = cmd->in + CAP_AREA_AT;
  if ((cmd->op_mod & 1) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
  }
  if (area == VF_CAP_AREAS) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_CAP_TYPE);
  }
  const int fn = target_of(fw, cmd);
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  if (!fw_cap_acceptable(fw, (uint32_t)fn, area, in)) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_CAP_VALUE);
  }
  memcpy(fw->fn[fn].caps_set[area], in, CAP_AREA_USED);
  fw->fn[fn].caps_changed[area] = true;
  return fw_cmd_ok(cmd, 16);
}

bool fw_cap_checksum(const struct fw* fw, uint32_t fn) {
  const struct fw_function* f = &fw->fn[fn];
  return f->caps_changed[AREA_GENERAL] &&
         VF_GET(cmd_hca_cap, f->caps_set[AREA_GENERAL], cmdif_checksum) != 0;
}
