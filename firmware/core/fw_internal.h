/* Firmware internals shared by its parts. */
#ifndef VFSIM_FIRMWARE_CORE_FW_INTERNAL_H
#define VFSIM_FIRMWARE_CORE_FW_INTERNAL_H

#include "firmware/core/fw.h"

enum {
  FW_CMDS = 16, /* commands in execution at a time, all functions; the last one is kept for
                   MANAGE_PAGES */
  FW_OUT_BLOCKS =
      (VF_CMD_MAX_OUT_BYTES - VF_CMD_INLINE_BYTES + VF_CMD_BLOCK_BYTES - 1) / VF_CMD_BLOCK_BYTES,
  FW_BLOCK_TAIL = 64, /* bytes of a mailbox block behind its data */
  FW_MC_MACS = 16,    /* multicast addresses that a function may list */
  FW_BOOT_PAGES = 4,  /* pages that a function wants before, */
  FW_INIT_PAGES = 16, /* and with INIT_HCA */
};

/* What a handler says of its command. */
enum fw_exec {
  FW_EXEC_DONE,  /* answer is in cmd->out */
  FW_EXEC_AGAIN, /* call me again in every poll (I wait for DMA, drain, ...) */
};

/* One command in execution. Handlers see in / out complete; the engine does fetch and completion.
 */
struct fw_cmd {
  uint8_t state; /* cmd_engine.c */
  uint8_t slot;
  uint8_t token;
  uint8_t delivery;
  uint16_t fn; /* whose queue */
  uint16_t opcode;
  uint16_t op_mod;
  uint16_t step; /* handler's own state over FW_EXEC_AGAIN */
  uint32_t in_len;
  uint32_t out_len;     /* what the driver takes, at most VF_CMD_MAX_OUT_BYTES */
  uint32_t out_used;    /* bytes of out that are defined; the engine fills the rest with zeros */
  uint32_t dma_pending; /* transfers started by fw_cmd_dma() and not yet ended */
  enum fw_dma_result dma_result; /* worst result since fw_cmd_dma_reset() */
  uint64_t arg[4];               /* handler's own */
  uint64_t entry_addr,
      next_block; /* bus addresses: the entry, the mailbox block to fetch next (engine) */
  uint32_t block, out_blocks; /* mailbox block in work; output blocks of the command (engine) */
  uint8_t completions;        /* still to be written (engine) */
  bool started;               /* the handler has been called (engine) */
  bool checksum;              /* mailbox blocks carry signatures */
  bool aborted;               /* the function was reset: end without completion */
  bool announced;             /* its completion is an event: the queue was there when it was taken (engine) */
  uint64_t out_block[FW_OUT_BLOCKS];
  uint8_t out_tail[FW_OUT_BLOCKS][FW_BLOCK_TAIL];
  uint8_t entry[64];
  uint8_t mailbox[576];
  uint8_t in[VF_CMD_MAX_IN_BYTES];
  uint8_t out[VF_CMD_INLINE_BYTES + FW_OUT_BLOCKS * VF_CMD_BLOCK_BYTES];
};

/* Firmware-only state of a function (hardware-visible state: struct vf_function). */
struct fw_function {
  bool initialized;                              /* INIT_HCA done */
  bool suspended_initiator, suspended_responder; /* as acknowledged */
  bool suspending;                               /* no new command of its own is started */
  uint8_t issi;
  uint8_t port_admin_up; /* PAOS: the driver wants the link */
  uint8_t vport_admin;   /* MODIFY_VPORT_STATE: 0 down, 1 up, 2 follow the link */
  bool vport_up;         /* link state as last announced */
  uint8_t promisc;       /* as in the vport context: bit 0 all, bit 1 multicast, bit 2 unicast */
  uint8_t mc_count;
  uint8_t mc[FW_MC_MACS]
            [6];        /* multicast list; kept for the driver, the wire delivers all multicast */
  uint32_t pages_asked; /* by PAGE_REQUEST events and not yet answered */
  uint32_t commands_running; /* of its own queue */
  uint8_t driver_version[64];
  uint8_t caps_set[VF_CAP_AREAS]
                  [256]; /* current capabilities where SET_HCA_CAP changed them; see caps.c */
  bool caps_changed[VF_CAP_AREAS];
  uint32_t page_count; /* given by a driver, page[0..page_count): bus address | FW_PAGE_OF_PF */
  uint64_t page[VF_FW_PAGES];
  uint64_t system_image_guid, port_guid, node_guid;
};

/* Bit of fw_function.page[]: given by the PF on the function's behalf, so an address of the PF; not
 * part of an image. */
#define FW_PAGE_OF_PF UINT64_C(1)

/* Per-VHCA migration state: vhca.h. Page trackers: track.h. */
#include "firmware/core/track.h"
#include "firmware/core/vhca.h"

struct fw {
  const struct fw_hal* hal;
  struct fw_config config;
  struct fw_cmd cmd[FW_CMDS];
  struct fw_function fn[VF_MAX_FUNCTIONS];
  struct fw_vhca vhca[VF_MAX_FUNCTIONS];
  struct fw_track track[VF_TRACK_COUNT];
  uint32_t track_reports;               /* reports that run */
  struct fw_image image;                /* one SAVE or LOAD transfer buffer pool, see vhca.h */
  uint32_t mtt_used[VF_MTT_COUNT / 32]; /* allocation bitmap of the translation table */
  uint32_t mtt_hint;
  uint32_t total_vfs;
  uint32_t cmd_room; /* as written to CMD_ROOM */
  bool link_up;
  uint64_t completed;                                  /* commands */
  struct vf_port_counters port_base[VF_MAX_FUNCTIONS]; /* PPCNT clear */
};

/* Functions that the NIC has; what is kept for others is never touched. */
static inline uint32_t fw_functions(const struct fw* fw) {
  return fw->total_vfs + 1;
}

typedef enum fw_exec (*fw_handler)(struct fw* fw, struct fw_cmd* cmd);

/* One function of the table in dispatch.c per opcode: fw_op_<lower case name>. */
#define OPCODE(name, value, in_bytes, out_bytes, doc) \
  enum fw_exec fw_op_##name(struct fw* fw, struct fw_cmd* cmd);
#include "firmware/interface/opcodes.def"
#undef OPCODE

/* A command for dispatch.c: everything of the opcode tables that is checked before its handler
 * runs. */
enum fw_exec fw_dispatch(struct fw* fw, struct fw_cmd* cmd);

/* ---- services of cmd_engine.c ----
 * DMA cookies below FW_CMDS are the engine's: the index in fw->cmd. A command whose function was
 * reset keeps its context, with `aborted` set, until its last transfer has ended; its handler is
 * not called again. */
void fw_cmd_dma_ended(struct fw* fw, uint32_t cookie, enum fw_dma_result result);
void fw_cmd_init(struct fw* fw);
bool fw_cmd_poll(struct fw* fw,
                 uint32_t irq); /* fetch, run, complete; irq: FW_IRQ_PENDING; true: more to do */
void fw_cmd_abort_function(struct fw* fw,
                           uint32_t fn); /* reset: drop its commands without completion */
/* Status and syndrome into the answer; returns FW_EXEC_DONE so that a handler can `return
 * fw_cmd_fail(...)`. */
enum fw_exec fw_cmd_fail(struct fw_cmd* cmd, uint8_t status, uint32_t syndrome);
/* Answer is OK with `used` defined bytes (at least 8). */
enum fw_exec fw_cmd_ok(struct fw_cmd* cmd, uint32_t used);
/* Starts a transfer that belongs to the command; false: no descriptor, try again next poll. */
FW_NODISCARD bool fw_cmd_dma(struct fw* fw, struct fw_cmd* cmd, const struct fw_dma* dma);
void fw_cmd_dma_reset(struct fw_cmd* cmd);
/* Function number of a vhca_id; -1 if it names no enabled function. */
int fw_vhca_to_fn(const struct fw* fw, uint32_t vhca_id);
/* True if the driver switched mailbox signatures on (SET_HCA_CAP cmdif_checksum). caps.c */
bool fw_cap_checksum(const struct fw* fw, uint32_t fn);
/* True if no field of the area (index below VF_CAP_AREAS) is above its maximum for the function;
 * vhca_id is not compared. caps.c */
bool fw_cap_acceptable(const struct fw* fw, uint32_t fn, uint32_t area, const uint8_t* in);

/* ---- services of events.c ---- */
/* Whether the function has an event queue for the type. */
bool fw_event_wanted(const struct fw* fw, uint32_t fn, uint8_t type);
/* Posts an event on the function's EQ whose mask has the type; data is 28 bytes or NULL. false: no
 * such EQ. */
bool fw_event(struct fw* fw, uint32_t fn, uint8_t type, uint8_t sub_type, const uint8_t* data);
/* Posts it on a given EQ. */
void fw_event_on(struct fw* fw, uint32_t fn, uint32_t eqn, uint8_t type, uint8_t sub_type,
                 const uint8_t* data);

/* Asks the function's driver for `count` pages (or to take some back: count < 0) with a
 * PAGE_REQUEST event. pages.c */
void fw_request_pages(struct fw* fw, uint32_t fn, int32_t count);
/* Link state as the function's driver sees it; true: up. vport.c */
bool fw_vport_up(const struct fw* fw, uint32_t fn);
/* The link or an admin state may have changed: updates link_up in the context, posts PORT_CHANGE if
 * it did. vport.c */
void fw_vport_update(struct fw* fw, uint32_t fn);
/* Power-on MAC, MTU and GUIDs. vport.c */
void fw_vport_reset(struct fw* fw, uint32_t fn);

/* ---- services of mtt.c ---- */
/* Allocates `count` consecutive translation entries; returns the index or UINT32_MAX. */
uint32_t fw_mtt_alloc(struct fw* fw, uint32_t count);
void fw_mtt_free(struct fw* fw, uint32_t first, uint32_t count);
/* Tells hardware that entries were overwritten; a free one that nobody overwrites needs no word. */
void fw_mtt_changed(struct fw* fw, uint32_t first, uint32_t count);

/* ---- services of function.c ---- */
/* Function that a function_id or vport number of a command means: the PF names any (k + 1 = VF k),
 * a VF only itself (0 or its own number). -1: the command was refused. */
int fw_function_of(struct fw* fw, struct fw_cmd* cmd, uint64_t function_id);
/* Power-on state of a function: frees every object, clears queues, gates and image state; leaves
 * READY to the caller. */
void fw_function_reset(struct fw* fw, uint32_t fn);
/* Frees all objects of a function, and its held events (also used by LOAD before it installs an
 * image). */
void fw_function_free_objects(struct fw* fw, uint32_t fn);

static inline struct vf_function* fw_ctx(const struct fw* fw, uint32_t fn) {
  return &fw->hal->ram->fn[fn];
}
/* Largest MTU as PMTU and the vport context count it: the frame with Ethernet header, VLAN tag and
 * checksum. */
static inline uint32_t fw_port_mtu(const struct fw* fw) {
  return fw->config.mtu + 22;
}
static inline uint32_t fw_reg_read(struct fw* fw, uint32_t reg) {
  return fw->hal->reg_read(fw->hal->ctx, reg);
}
static inline void fw_reg_write(struct fw* fw, uint32_t reg, uint32_t v) {
  fw->hal->reg_write(fw->hal->ctx, reg, v);
}

#endif
