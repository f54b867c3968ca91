/* Context memory: what firmware and hardware of one NIC share about its functions and their objects.
 *
 * Firmware creates, changes and destroys objects; hardware reads them and writes back only the fields marked [hw].
 * One struct vf_context_ram per NIC, zero at power-on. Layout is fixed-width and little-endian so that the RISC-V
 * back-end sees the same bytes. Index i of an array is object number BASE + i (numbers.def).
 *
 * `gen` is raised by firmware whenever an entry is created or destroyed: hardware that still works on the old
 * object sees that its work is void.
 */
#ifndef VFSIM_FIRMWARE_INTERFACE_HW_CONTEXT_H
#define VFSIM_FIRMWARE_INTERFACE_HW_CONTEXT_H

#include "firmware/interface/layout.h"

/* Page list of a ring or region: `pages` entries of vf_context_ram.mtt from index `mtt` on, each of 2^log_page bytes. */
struct vf_pages {
  uint32_t mtt;
  uint32_t pages;
  uint8_t log_page;
  uint8_t rsvd[7];
};

struct vf_eq {
  uint8_t valid;
  uint8_t st;         /* VF_QUEUE_ARMED, _FIRED, _ALWAYS_ARMED [hw] */
  uint8_t log_size;
  uint8_t oi;         /* overrun ignored */
  uint16_t intr;      /* MSI-X vector */
  uint16_t gen;
  uint32_t uar;
  uint32_t ci;        /* last consumer index seen in a doorbell, 24 bits [hw] */
  uint32_t pi;        /* producer index, free running, 24 bits [hw] */
  uint32_t rsvd;
  struct vf_pages ring;
  uint64_t mask[4];   /* event types; bit t of word 0 = type t */
};

struct vf_cq {
  uint8_t valid;
  uint8_t st;         /* VF_QUEUE_* [hw] */
  uint8_t log_size;
  uint8_t log_stride; /* 6 or 7 */
  uint8_t oi;
  uint8_t solicited;  /* armed for solicited completions only [hw] */
  uint8_t error;      /* overrun happened [hw] */
  uint8_t cc;         /* collapsed */
  uint16_t gen;
  uint16_t period;
  uint16_t max_count;
  uint16_t page_offset; /* 64-byte units */
  uint32_t uar;
  uint32_t eqn;
  uint32_t ci;        /* consumer index as far as known: arm doorbell or doorbell record [hw] */
  uint32_t pi;        /* [hw] */
  uint32_t arm_sn;    /* last arm sequence [hw] */
  uint64_t dbr_addr;
  struct vf_pages ring;
};

/* Send or receive work queue. Counters are in basic blocks (SQ: 64 bytes) or strides (RQ), free running, 16 bits. */
struct vf_wq {
  uint8_t valid;
  uint8_t state;      /* VF_WQ_* ; hardware may set ERR [hw] */
  uint8_t log_size;
  uint8_t log_stride; /* bytes */
  uint16_t gen;
  uint16_t hw_counter; /* SQ: next block to execute; RQ: next stride to fill [hw] */
  uint16_t sw_counter; /* SQ: producer counter of the newest doorbell; RQ: producer counter last read from the record [hw] */
  uint16_t ts_format;
  uint32_t cqn;
  uint32_t tisn;      /* SQ */
  uint32_t pd;
  uint32_t uar;
  uint32_t user_index;
  uint32_t q_counter; /* RQ */
  uint32_t flags;     /* firmware's own copy of context bits, opaque to hardware */
  uint64_t dbr_addr;
  struct vf_pages ring;
};

struct vf_mkey {
  uint8_t valid;
  uint8_t mode;       /* VF_MKC_MODE_PA or _MTT */
  uint8_t key;        /* mkey[7:0] */
  uint8_t local_read;
  uint8_t local_write;
  uint8_t remote_read;
  uint8_t remote_write;
  uint8_t length64;   /* len ignored */
  uint16_t gen;
  uint8_t relaxed_write;
  uint8_t relaxed_read;
  uint32_t pd;
  uint32_t qpn;
  uint64_t start;
  uint64_t len;
  struct vf_pages pages; /* MTT mode */
};

struct vf_qp {
  uint8_t valid;
  uint8_t state;      /* VF_QP_* */
  uint8_t rq_type;
  uint8_t log_rq_size;
  uint8_t log_rq_stride;
  uint8_t log_msg_max;
  uint16_t gen;
  uint32_t pd;
  uint32_t uar;
  uint32_t user_index;
  uint32_t remote_qpn;
  uint32_t cqn_rcv;
  uint32_t rq_hw_counter; /* next receive entry to fill, free running; kept by firmware */
  uint64_t dbr_addr;
  struct vf_pages ring;
};

struct vf_tis { uint8_t valid; uint8_t prio; uint16_t gen; uint32_t td; uint32_t pd; };
struct vf_tir {
  uint8_t valid;
  uint8_t disp_type;   /* VF_TIR_DISP_* */
  uint8_t hash_fn;
  uint8_t symmetric;
  uint32_t inline_rqn;
  uint32_t rqtn;
  uint32_t td;
  uint32_t hash_fields;
  uint32_t toeplitz[10];
};
struct vf_rqt { uint8_t valid; uint8_t rsvd[3]; uint32_t max; uint32_t actual; uint32_t rqn[VF_RQT_ENTRIES]; };
struct vf_flow_table { uint8_t valid; uint8_t type; uint8_t level; uint8_t log_size; uint32_t miss_action; uint32_t miss_table; };
struct vf_flow_group { uint8_t valid; uint8_t criteria_enable; uint16_t rsvd; uint32_t table; uint32_t first; uint32_t last; uint8_t mask[64]; };
struct vf_flow_entry {
  uint8_t valid;
  uint8_t dest_type;   /* destination_type of the first destination */
  uint16_t action;
  uint32_t table;
  uint32_t index;
  uint32_t group;
  uint32_t tag;
  uint32_t dest_id;
  uint8_t value[64];   /* outer L2-L4 part of the match value */
};
struct vf_q_counter { uint8_t valid; uint8_t rsvd[3]; uint32_t out_of_buffer; /* [hw] */ };

/* Packet and octet counters of a function's virtual port [hw]. */
struct vf_port_counters {
  uint64_t rx_unicast_packets, rx_unicast_octets, rx_broadcast_packets, rx_broadcast_octets;
  uint64_t rx_multicast_packets, rx_multicast_octets;
  uint64_t tx_unicast_packets, tx_unicast_octets, tx_broadcast_packets, tx_broadcast_octets;
  uint64_t tx_multicast_packets, tx_multicast_octets;
  uint64_t rx_dropped; /* no buffer */
};

struct vf_event {
  uint8_t type;
  uint8_t sub_type;
  uint8_t rsvd[2];
  uint32_t eqn;
  uint8_t data[28];
};

struct vf_track_range { uint64_t start, length; };

struct vf_function {
  /* written by firmware, read by hardware */
  uint8_t enabled;        /* ENABLE_HCA done */
  uint8_t promiscuous;
  uint8_t mac_count;
  uint8_t link_up;        /* admin state of the virtual port allows traffic */
  uint16_t vhca_id;
  uint16_t mtu;
  uint8_t mac[VF_UC_MACS][6]; /* [0] is the permanent address */
  struct vf_event eqe_stage;  /* see FW_FN_EQE_POST */
  uint8_t cqe_stage[64];      /* see FW_FN_CQE_POST; owner bit and signature are set by hardware */

  /* events that wait because the gate is closed [hw]; posted in order when it opens */
  uint32_t held_events;
  struct vf_event held_event[VF_EVENT_QUEUE];

  /* dirty tracking */
  uint8_t track_log_page;
  uint8_t track_range_count;
  uint8_t snap_more;      /* [hw] more dirty pages than snap_page holds: snapshot again */
  uint8_t rsvd0;
  struct vf_track_range track_range[VF_TRACK_RANGES];
  uint64_t snap_addr, snap_len;
  uint32_t snap_count;    /* [hw] */
  uint64_t snap_page[VF_TRACK_SNAPSHOT]; /* [hw] ascending page addresses */

  /* objects */
  struct vf_eq eq[VF_EQ_COUNT];
  struct vf_cq cq[VF_CQ_COUNT];
  struct vf_wq sq[VF_SQ_COUNT];
  struct vf_wq rq[VF_RQ_COUNT];
  struct vf_qp qp[VF_QP_COUNT];
  struct vf_mkey mkey[VF_MKEY_COUNT];
  struct vf_tis tis[VF_TIS_COUNT];
  struct vf_tir tir[VF_TIR_COUNT];
  struct vf_rqt rqt[VF_RQT_COUNT];
  struct vf_flow_table ft[VF_FT_COUNT];
  struct vf_flow_group fg[VF_FG_COUNT];
  struct vf_flow_entry fte[VF_FTE_COUNT];
  struct vf_q_counter qc[VF_QC_COUNT];
  uint8_t pd[VF_PD_COUNT];   /* 1 = allocated */
  uint8_t td[VF_TD_COUNT];
  uint8_t uar[VF_UAR_COUNT];
  struct vf_port_counters counters;
  uint32_t rx_root_table; /* flow table that receive steering starts with; 0 = not chosen by the driver */
  uint32_t rsvd1;
};

struct vf_context_ram {
  struct vf_function fn[VF_MAX_FUNCTIONS];
  uint64_t mtt[VF_MTT_COUNT]; /* page bus addresses */
};

/* Register offsets of fw_regs.def: FW_<name>, FW_FN_<name>, bits FW_<reg>_<name>. */
enum fw_register {
#define FW_REG(name, offset, access, doc) FW_##name = (offset),
#define FW_FN_REG(name, offset, access, doc) FW_FN_##name = (offset),
#define FW_BIT(reg, name, bit, doc) FW_##reg##_##name = 1 << (bit),
#define FW_CONST(name, value, doc) FW_##name = (value),
#include "firmware/interface/fw_regs.def"
#undef FW_REG
#undef FW_FN_REG
#undef FW_BIT
#undef FW_CONST
  FW_REGISTER_END
};

/* Byte address of a per-function register. */
static inline uint32_t fw_fn_reg(uint32_t function, uint32_t reg) {
  return (uint32_t)FW_FN_BASE + function * (uint32_t)FW_FN_STRIDE + reg;
}

#endif
