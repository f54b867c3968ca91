#include "firmware/core/counters.h"

#include <string.h>

#include "firmware/core/object.h"

enum { PPCNT_IEEE_802_3 = 0, COUNTER_WORDS = sizeof(struct vf_port_counters) / 8 };

/* a += sign * b, field by field; counts wrap. */
static void accumulate(struct vf_port_counters* a, const struct vf_port_counters* b, bool minus) {
  uint64_t x[COUNTER_WORDS];
  uint64_t y[COUNTER_WORDS];
  memcpy(x, a, sizeof(x));
  memcpy(y, b, sizeof(y));
  for (uint32_t i = 0; i < COUNTER_WORDS; ++i) {
    x[i] = minus ? x[i] - y[i] : x[i] + y[i];
  }
  memcpy(a, x, sizeof(x));
}

static struct vf_port_counters port_counters(const struct fw* fw, uint32_t fn) {
  struct vf_port_counters sum = fw_ctx(fw, fn)->counters;
  for (uint32_t vf = 1; fn == 0 && vf <= fw->total_vfs; ++vf) {
    accumulate(&sum, &fw_ctx(fw, vf)->counters, false);
  }
  return sum;
}

void fw_counters_ppcnt(struct fw* fw, uint32_t fn, uint8_t* reg, bool clear) {
  const struct vf_port_counters now = port_counters(fw, fn);
  struct vf_port_counters c = now;
  accumulate(&c, &fw->port_base[fn], true);
  uint8_t* set = VF_PTR(ppcnt_reg, reg, counter_set);
  if (VF_GET(ppcnt_reg, reg, grp) == PPCNT_IEEE_802_3) {
    VF_SET(ieee_802_3_counters, set, frames_transmitted,
           c.tx_unicast_packets + c.tx_multicast_packets + c.tx_broadcast_packets);
    VF_SET(ieee_802_3_counters, set, frames_received,
           c.rx_unicast_packets + c.rx_multicast_packets + c.rx_broadcast_packets);
    VF_SET(ieee_802_3_counters, set, octets_transmitted,
           c.tx_unicast_octets + c.tx_multicast_octets + c.tx_broadcast_octets);
    VF_SET(ieee_802_3_counters, set, octets_received,
           c.rx_unicast_octets + c.rx_multicast_octets + c.rx_broadcast_octets);
    VF_SET(ieee_802_3_counters, set, multicast_transmitted, c.tx_multicast_packets);
    VF_SET(ieee_802_3_counters, set, broadcast_transmitted, c.tx_broadcast_packets);
    VF_SET(ieee_802_3_counters, set, multicast_received, c.rx_multicast_packets);
    VF_SET(ieee_802_3_counters, set, broadcast_received, c.rx_broadcast_packets);
  }
  if (clear) {
    fw->port_base[fn] = now;
  }
}

/* Zeroes a function's counters without changing what PPCNT shows. */
static void clear_vport(struct fw* fw, uint32_t fn) {
  struct vf_port_counters* c = &fw_ctx(fw, fn)->counters;
  accumulate(&fw->port_base[fn], c, true);
  if (fn != 0) {
    accumulate(&fw->port_base[0], c, true);
  }
  memset(c, 0, sizeof(*c));
}

enum fw_exec fw_op_QUERY_VPORT_COUNTER(struct fw* fw, struct fw_cmd* cmd) {
  const bool other = VF_GET(query_vport_counter_in, cmd->in, other_vport) != 0;
  if (other && cmd->fn != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
  }
  const int fn =
      other ? fw_function_of(fw, cmd, VF_GET(query_vport_counter_in, cmd->in, vport_number))
            : cmd->fn;
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  const struct vf_port_counters* c = &fw_ctx(fw, (uint32_t)fn)->counters;
  uint8_t* out = cmd->out;
  VF_SET(query_vport_counter_out, out, received_errors_packets, c->rx_dropped);
  VF_SET(query_vport_counter_out, out, received_eth_broadcast_packets, c->rx_broadcast_packets);
  VF_SET(query_vport_counter_out, out, received_eth_broadcast_octets, c->rx_broadcast_octets);
  VF_SET(query_vport_counter_out, out, transmitted_eth_broadcast_packets, c->tx_broadcast_packets);
  VF_SET(query_vport_counter_out, out, transmitted_eth_broadcast_octets, c->tx_broadcast_octets);
  VF_SET(query_vport_counter_out, out, received_eth_unicast_packets, c->rx_unicast_packets);
  VF_SET(query_vport_counter_out, out, received_eth_unicast_octets, c->rx_unicast_octets);
  VF_SET(query_vport_counter_out, out, transmitted_eth_unicast_packets, c->tx_unicast_packets);
  VF_SET(query_vport_counter_out, out, transmitted_eth_unicast_octets, c->tx_unicast_octets);
  VF_SET(query_vport_counter_out, out, received_eth_multicast_packets, c->rx_multicast_packets);
  VF_SET(query_vport_counter_out, out, received_eth_multicast_octets, c->rx_multicast_octets);
  VF_SET(query_vport_counter_out, out, transmitted_eth_multicast_packets, c->tx_multicast_packets);
  VF_SET(query_vport_counter_out, out, transmitted_eth_multicast_octets, c->tx_multicast_octets);
  if (VF_GET(query_vport_counter_in, cmd->in, clear) != 0) {
    clear_vport(fw, (uint32_t)fn);
  }
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_vport_counter_out));
}

enum fw_exec fw_op_QUERY_Q_COUNTER(struct fw* fw, struct fw_cmd* cmd) {
  if (VF_GET(query_q_counter_in, cmd->in, other_vport) != 0 ||
      VF_GET(query_q_counter_in, cmd->in, aggregate) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  struct vf_q_counter* qc =
      fw_obj_of(fw, cmd, FW_QC, VF_GET(query_q_counter_in, cmd->in, counter_set_id));
  if (qc == NULL) {
    return FW_EXEC_DONE;
  }
  VF_SET(query_q_counter_out, cmd->out, out_of_buffer, qc->out_of_buffer);
  if (VF_GET(query_q_counter_in, cmd->in, clear) != 0) {
    qc->out_of_buffer = 0;
  }
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_q_counter_out));
}
