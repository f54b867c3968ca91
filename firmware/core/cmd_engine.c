/* The command engine: every command is a small state machine in a context of its own, advanced by
 * fw_cmd_poll().
 *
 *   doorbell -> fetch entry -> check -> fetch input blocks -> fetch tails of the output blocks ->
 * run the handler
 *            -> write output blocks -> write bytes 0x20..0x3f of the entry (ownership last) -> post
 * the event
 *
 * Nothing is written before the output blocks were found good, and the entry only after the blocks
 * are visible. */
#include <string.h>

#include "firmware/core/fw_internal.h"
#include "firmware/interface/faults.h"
#include "firmware/interface/signature.h"

enum cmd_state {
  CMD_FREE,
  CMD_FETCH, /* read the entry */
  CMD_CHECK, /* entry is coming */
  CMD_IN,    /* read the next input block */
  CMD_IN_CHECK,
  CMD_OUT, /* read the tail of the next output block */
  CMD_OUT_CHECK,
  CMD_RUN,
  CMD_WRITE, /* output blocks */
  CMD_WRITTEN,
  CMD_ANSWER, /* entry */
  CMD_ANSWERED,
};

enum {
  CMD_ENTRY_HEAD = 0x20, /* bytes of the entry that only the driver writes */
  CMD_SLOTS = 1 << VF_LOG_CMDQ_SIZE,
  CMD_PAGES_SLOT = CMD_SLOTS - 1, /* drivers use it for MANAGE_PAGES only */
  CMD_FIRST_ALIGN = 0x1ff,        /* low bits that must be 0: pointer in the entry, */
  CMD_NEXT_ALIGN = 0x3ff,         /* pointer in a block */
  CMD_HEALTH_FETCH = 0x0a,        /* health syndrome: host memory did not answer */
  CMD_TWICE_PERIOD = 8,           /* fault completion_twice */
};
#define CMD_ALL_IRQS                                                                     \
  (FW_IRQ_PENDING_CMD | FW_IRQ_PENDING_FLR | FW_IRQ_PENDING_DMA | FW_IRQ_PENDING_DRAIN | \
   FW_IRQ_PENDING_PORT)

/* Field of the part of a mailbox block that lies behind its data. */
#define TAIL_GET(tail, f) \
  vf_field_get((tail), VF_OFF(cmd_if_box, f) - 8 * VF_CMD_BLOCK_BYTES, VF_WID(cmd_if_box, f))

/* ---- what handlers use ---- */

enum fw_exec fw_cmd_fail(struct fw_cmd* cmd, uint8_t status, uint32_t syndrome) {
  memset(cmd->out, 0, sizeof(cmd->out));
  VF_SET(cmd_out, cmd->out, status, status);
  VF_SET(cmd_out, cmd->out, syndrome, syndrome);
  cmd->out_used = 8;
  return FW_EXEC_DONE;
}

enum fw_exec fw_cmd_ok(struct fw_cmd* cmd, uint32_t used) {
  cmd->out_used = used;
  return FW_EXEC_DONE;
}

bool fw_cmd_dma(struct fw* fw, struct fw_cmd* cmd, const struct fw_dma* dma) {
  struct fw_dma own = *dma;
  own.cookie = (uint32_t)(cmd - fw->cmd);
  if (!fw->hal->dma_start(fw->hal->ctx, &own)) {
    return false;
  }
  ++cmd->dma_pending;
  return true;
}

void fw_cmd_dma_reset(struct fw_cmd* cmd) {
  cmd->dma_result = FW_DMA_OK;
}

void fw_cmd_dma_ended(struct fw* fw, uint32_t cookie, enum fw_dma_result result) {
  struct fw_cmd* cmd = &fw->cmd[cookie];
  --cmd->dma_pending;
  cmd->dma_result = result > cmd->dma_result ? result : cmd->dma_result;
}

int fw_vhca_to_fn(const struct fw* fw, uint32_t vhca_id) {
  const uint32_t fn = vhca_id - VF_VHCA_ID_BASE;
  return fn <= fw->total_vfs && fw_ctx(fw, fn)->enabled ? (int)fn : -1;
}

/* ---- life of a context ---- */

static uint32_t slot_of(const struct fw_cmd* cmd) {
  return (uint32_t)cmd->fn << FW_CMD_FN_SHIFT | cmd->slot;
}

static void release(struct fw* fw, struct fw_cmd* cmd) {
  if (!cmd->aborted) {
    --fw->fn[cmd->fn].commands_running;
    fw_reg_write(fw, FW_CMD_DONE, slot_of(cmd));
  }
  cmd->state = CMD_FREE;
  cmd->aborted = false;
}

/* Host memory failed: the command cannot be completed; the health buffer tells the driver. */
static void drop(struct fw* fw, struct fw_cmd* cmd) {
  if (cmd->dma_result != FW_DMA_ABORTED) {
    fw->hal->log(fw->hal->ctx, FW_LOG_ERROR, "command dropped: host memory error", cmd->fn,
                 cmd->entry_addr);
    fw_reg_write(fw, fw_fn_reg(cmd->fn, FW_FN_HEALTH), CMD_HEALTH_FETCH);
  }
  release(fw, cmd);
}

static void refuse(struct fw_cmd* cmd, uint8_t delivery) {
  cmd->delivery = delivery;
  cmd->state = CMD_ANSWER;
}

/* Context for a command of the slot; NULL: all busy. The last context serves the pages slot only.
 */
static struct fw_cmd* free_context(struct fw* fw, uint32_t slot) {
  for (uint32_t i = 0; i < FW_CMDS - (slot != CMD_PAGES_SLOT); ++i) {
    if (fw->cmd[i].state == CMD_FREE) {
      return &fw->cmd[i];
    }
  }
  return NULL;
}

/* What the hardware may offer: only what there is a context for. */
static void update_room(struct fw* fw) {
  const uint32_t room = (free_context(fw, 0) != NULL ? (uint32_t)FW_CMD_ROOM_ANY : 0) |
                        (free_context(fw, CMD_PAGES_SLOT) != NULL ? (uint32_t)FW_CMD_ROOM_LAST : 0);
  if (room != fw->cmd_room) {
    fw->cmd_room = room;
    fw_reg_write(fw, FW_CMD_ROOM, room);
  }
}

void fw_cmd_init(struct fw* fw) {
  for (uint32_t i = 0; i < FW_CMDS; ++i) {
    fw->cmd[i].state = CMD_FREE;
    fw->cmd[i].aborted = false;
    fw->cmd[i].dma_pending = 0;
  }
  fw->completed = 0;
  fw->cmd_room = 0;
  update_room(fw);
  fw->hal->irq_enable(fw->hal->ctx, CMD_ALL_IRQS);
}

void fw_cmd_abort_function(struct fw* fw, uint32_t fn) {
  for (uint32_t i = 0; i < FW_CMDS; ++i) {
    struct fw_cmd* cmd = &fw->cmd[i];
    if (cmd->state != CMD_FREE && cmd->fn == fn && !cmd->aborted) {
      cmd->aborted = true;
      fw_reg_write(fw, FW_CMD_DONE,
                   slot_of(cmd)); /* the slot is free for the function's next life */
    }
  }
  fw->fn[fn].commands_running = 0;
}

/* ---- doorbells ---- */

/* Takes an offered command. */
static void start(struct fw* fw, uint32_t fn, uint32_t slot) {
  struct fw_cmd* cmd = free_context(fw, slot);
  fw_reg_write(fw, FW_CMD_TAKE, fn << FW_CMD_FN_SHIFT | slot);
  const uint64_t queue =
      (uint64_t)fw_reg_read(fw, fw_fn_reg(fn, FW_FN_CMDQ_HI)) << 32 |
      (fw_reg_read(fw, fw_fn_reg(fn, FW_FN_CMDQ_LO)) & ~(uint32_t)(VF_PAGE_BYTES - 1));
  if (queue == 0) { /* rung before the driver gave an address, or reset just now */
    fw_reg_write(fw, FW_CMD_DONE, fn << FW_CMD_FN_SHIFT | slot);
    return;
  }
  cmd->fn = (uint16_t)fn;
  cmd->slot = (uint8_t)slot;
  cmd->step = 0;
  cmd->started = false;
  memset(cmd->arg, 0, sizeof(cmd->arg));
  cmd->delivery = VF_DELIVERY_OK;
  cmd->entry_addr = queue + ((uint64_t)slot << VF_LOG_CMDQ_STRIDE);
  cmd->completions = 1;
  cmd->checksum = fw_cap_checksum(fw, fn);
  cmd->announced = fw_event_wanted(fw, fn, VF_EVENT_CMD);
  cmd->state = CMD_FETCH;
  fw_cmd_dma_reset(cmd);
  ++fw->fn[fn].commands_running;
}

/* Takes what is offered until nothing is; what is offered has a context. */
static bool take_commands(struct fw* fw) {
  bool any = false;
  for (uint32_t offer = fw_reg_read(fw, FW_CMD_OFFER); (offer & (uint32_t)FW_CMD_OFFER_VALID) != 0;
       offer = fw_reg_read(fw, FW_CMD_OFFER)) {
    start(fw, offer >> FW_CMD_FN_SHIFT & 0xff, offer & (CMD_SLOTS - 1));
    update_room(fw);
    any = true;
  }
  return any;
}

/* ---- checks ---- */

static uint8_t check_entry(const struct fw* fw, const struct fw_cmd* cmd) {
  const uint8_t* e = cmd->entry;
  const uint64_t in_ptr =
      vf_be64_load(e + VF_OFF(cmd_queue_entry, input_mailbox_pointer_63_32) / 8);
  const uint64_t out_ptr =
      vf_be64_load(e + VF_OFF(cmd_queue_entry, output_mailbox_pointer_63_32) / 8);
  const uint64_t in_len = VF_GET(cmd_queue_entry, e, input_length);
  const uint64_t out_len = VF_GET(cmd_queue_entry, e, output_length);
  if (VF_GET(cmd_queue_entry, e, type) != VF_CMD_ENTRY_TYPE) {
    return VF_DELIVERY_BAD_DESCRIPTOR;
  }
  if (fw->config.check_signatures && !vf_entry_signed(e)) {
    return VF_DELIVERY_SIGNATURE;
  }
  if (VF_GET(cmd_queue_entry, e, token) == 0) {
    return VF_DELIVERY_TOKEN;
  }
  if (in_len < VF_CMD_INLINE_BYTES || in_len > VF_CMD_MAX_IN_BYTES) {
    return VF_DELIVERY_IN_LENGTH;
  }
  if (out_len < 8) {
    return VF_DELIVERY_OUT_LENGTH;
  }
  if ((in_ptr & CMD_FIRST_ALIGN) != 0 || (in_len > VF_CMD_INLINE_BYTES && in_ptr == 0)) {
    return VF_DELIVERY_IN_PTR_ALIGN;
  }
  if ((out_ptr & CMD_FIRST_ALIGN) != 0 || (out_len > VF_CMD_INLINE_BYTES && out_ptr == 0)) {
    return VF_DELIVERY_OUT_PTR_ALIGN;
  }
  return VF_DELIVERY_OK;
}

/* A block's header; `more`: another block must follow. Remembers where. */
static uint8_t check_tail(struct fw_cmd* cmd, const uint8_t* tail, bool more,
                          uint8_t pointer_error) {
  if (TAIL_GET(tail, token) != cmd->token) {
    return VF_DELIVERY_TOKEN;
  }
  if (TAIL_GET(tail, block_number) != cmd->block) {
    return VF_DELIVERY_BAD_BLOCK_NUMBER;
  }
  cmd->next_block =
      vf_be64_load(tail + VF_OFF(cmd_if_box, next_pointer_63_32) / 8 - VF_CMD_BLOCK_BYTES);
  if (more && (cmd->next_block == 0 || (cmd->next_block & CMD_NEXT_ALIGN) != 0)) {
    return pointer_error;
  }
  return VF_DELIVERY_OK;
}

static uint32_t blocks_of(uint32_t bytes) {
  return bytes <= VF_CMD_INLINE_BYTES
             ? 0
             : (bytes - VF_CMD_INLINE_BYTES + VF_CMD_BLOCK_BYTES - 1) / VF_CMD_BLOCK_BYTES;
}

/* Bytes of the message that block `block` carries. */
static uint32_t block_bytes(uint32_t message, uint32_t block) {
  const uint32_t left = message - VF_CMD_INLINE_BYTES - block * VF_CMD_BLOCK_BYTES;
  return left < VF_CMD_BLOCK_BYTES ? left : VF_CMD_BLOCK_BYTES;
}

static uint8_t* block_data(uint8_t* message, uint32_t block) {
  return message + VF_CMD_INLINE_BYTES + block * VF_CMD_BLOCK_BYTES;
}

/* ---- one step per state; each returns true if the command got further ---- */

static bool transfer(struct fw* fw, struct fw_cmd* cmd, uint64_t addr, void* buf, uint32_t bytes,
                     bool to_host) {
  const struct fw_dma dma = {.function = cmd->fn,
                             .space = FW_DMA_BUS,
                             .addr = addr,
                             .buf = buf,
                             .bytes = bytes,
                             .to_host = to_host};
  return fw_cmd_dma(fw, cmd, &dma);
}

/* Starts the transfer and moves on to `next`. */
static bool begin(struct fw* fw, struct fw_cmd* cmd, uint64_t addr, void* buf, uint32_t bytes,
                  enum cmd_state next) {
  if (!transfer(fw, cmd, addr, buf, bytes, next == CMD_ANSWERED)) {
    return false;
  }
  cmd->state = (uint8_t)next;
  return true;
}

static void begin_output(struct fw_cmd* cmd) {
  cmd->block = 0;
  cmd->out_blocks = blocks_of(cmd->out_len);
  cmd->next_block =
      vf_be64_load(cmd->entry + VF_OFF(cmd_queue_entry, output_mailbox_pointer_63_32) / 8);
  cmd->state = cmd->out_blocks > 0 ? CMD_OUT : CMD_RUN;
}

static void take_entry(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* e = cmd->entry;
  if (VF_GET(cmd_queue_entry, e, ownership) == 0) {
    release(fw, cmd); /* the slot is the driver's: do not touch it */
    return;
  }
  const uint8_t delivery = check_entry(fw, cmd);
  if (delivery != VF_DELIVERY_OK) {
    refuse(cmd, delivery);
    return;
  }
  const uint32_t out_len = (uint32_t)VF_GET(cmd_queue_entry, e, output_length);
  cmd->token = (uint8_t)VF_GET(cmd_queue_entry, e, token);
  cmd->in_len = (uint32_t)VF_GET(cmd_queue_entry, e, input_length);
  cmd->out_len = out_len < VF_CMD_MAX_OUT_BYTES ? out_len : VF_CMD_MAX_OUT_BYTES;
  memcpy(cmd->in, VF_PTR(cmd_queue_entry, e, command_input_inline_data), VF_CMD_INLINE_BYTES);
  cmd->opcode = (uint16_t)VF_GET(cmd_in, cmd->in, opcode);
  cmd->op_mod = (uint16_t)VF_GET(cmd_in, cmd->in, op_mod);
  cmd->block = 0;
  cmd->next_block = vf_be64_load(e + VF_OFF(cmd_queue_entry, input_mailbox_pointer_63_32) / 8);
  if (cmd->in_len > VF_CMD_INLINE_BYTES) {
    cmd->state = CMD_IN;
  } else {
    begin_output(cmd);
  }
}

static void take_input_block(struct fw_cmd* cmd) {
  const uint32_t blocks = blocks_of(cmd->in_len);
  uint8_t delivery = VF_DELIVERY_OK;
  if (cmd->checksum && !vf_block_signed(cmd->mailbox, 1)) {
    delivery = VF_DELIVERY_SIGNATURE;
  } else {
    delivery = check_tail(cmd, cmd->mailbox + VF_CMD_BLOCK_BYTES, cmd->block + 1 < blocks,
                          VF_DELIVERY_IN_PTR_ALIGN);
  }
  if (delivery != VF_DELIVERY_OK) {
    refuse(cmd, delivery);
    return;
  }
  memcpy(block_data(cmd->in, cmd->block), cmd->mailbox, block_bytes(cmd->in_len, cmd->block));
  if (++cmd->block < blocks) {
    cmd->state = CMD_IN;
  } else {
    begin_output(cmd);
  }
}

static void take_output_tail(struct fw_cmd* cmd) {
  const uint8_t* tail = cmd->out_tail[cmd->block];
  uint8_t delivery = VF_DELIVERY_OK;
  /* The driver signs only the header of an output block: all but the last byte of the tail. */
  if (cmd->checksum && vf_xor8(tail, FW_BLOCK_TAIL - 1) != 0xff) {
    delivery = VF_DELIVERY_SIGNATURE;
  } else {
    delivery = check_tail(cmd, tail, cmd->block + 1 < cmd->out_blocks, VF_DELIVERY_OUT_PTR_ALIGN);
  }
  if (delivery != VF_DELIVERY_OK) {
    refuse(cmd, delivery);
    return;
  }
  cmd->state = ++cmd->block < cmd->out_blocks ? CMD_OUT : CMD_RUN;
}

/* Calls the handler. A handler that has to wait gets further when it changed anything it keeps in
 * the context. */
static bool run(struct fw* fw, struct fw_cmd* cmd) {
  const uint16_t step = cmd->step;
  const uint32_t pending = cmd->dma_pending;
  uint64_t arg[4];
  memcpy(arg, cmd->arg, sizeof(arg));
  if (fw_dispatch(fw, cmd) == FW_EXEC_AGAIN) {
    return step != cmd->step || pending != cmd->dma_pending ||
           memcmp(arg, cmd->arg, sizeof(arg)) != 0;
  }
  if (cmd->out_used < cmd->out_len) {
    memset(cmd->out + cmd->out_used, 0, sizeof(cmd->out) - cmd->out_used);
  }
  fw_cmd_dma_reset(cmd);
  cmd->block = 0;
  cmd->state = CMD_WRITE;
  return true;
}

/* Starts the writes of one output block: data, and with checksums its signed tail. */
static bool write_block(struct fw* fw, struct fw_cmd* cmd) {
  uint8_t* data = block_data(cmd->out, cmd->block);
  uint8_t* tail = cmd->out_tail[cmd->block];
  const uint64_t addr = cmd->out_block[cmd->block];
  if (!cmd->checksum) {
    return transfer(fw, cmd, addr, data, block_bytes(cmd->out_len, cmd->block), true);
  }
  memcpy(cmd->mailbox, data, VF_CMD_BLOCK_BYTES);
  memcpy(cmd->mailbox + VF_CMD_BLOCK_BYTES, tail, FW_BLOCK_TAIL);
  vf_block_sign(cmd->mailbox);
  return cmd->dma_pending == 0 &&
         transfer(fw, cmd, addr, cmd->mailbox, (uint32_t)VF_BYTES(cmd_if_box), true);
}

static bool write_blocks(struct fw* fw, struct fw_cmd* cmd) {
  bool any = false;
  while (cmd->block < cmd->out_blocks && write_block(fw, cmd)) {
    ++cmd->block;
    any = true;
  }
  if (cmd->block == cmd->out_blocks) {
    cmd->state = CMD_WRITTEN;
    any = true;
  }
  return any;
}

static bool answer(struct fw* fw, struct fw_cmd* cmd) {
  uint8_t* e = cmd->entry;
  if (cmd->delivery == VF_DELIVERY_OK) {
    const uint32_t bytes = cmd->out_len < VF_CMD_INLINE_BYTES ? cmd->out_len : VF_CMD_INLINE_BYTES;
    memcpy(VF_PTR(cmd_queue_entry, e, command_output_inline_data), cmd->out, bytes);
  }
  VF_SET(cmd_queue_entry, e, status, cmd->delivery);
  VF_SET(cmd_queue_entry, e, ownership, 0);
  vf_entry_sign(e);
  return begin(fw, cmd, cmd->entry_addr + CMD_ENTRY_HEAD, e + CMD_ENTRY_HEAD,
               (uint32_t)VF_BYTES(cmd_queue_entry) - CMD_ENTRY_HEAD, CMD_ANSWERED);
}

/* The entry is visible: tell the driver. The command that created the queue is polled for, and its
 * slot may hold the next one by now, for which drivers would take the event. */
static void answered(struct fw* fw, struct fw_cmd* cmd) {
  uint8_t data[VF_LAYOUT_BYTES_eqe_cmd] = {0};
  VF_SET(eqe_cmd, data, vector, UINT32_C(1) << cmd->slot);
  if (cmd->announced) {
    (void)fw_event(fw, cmd->fn, VF_EVENT_CMD, 0, data);
  }
  if (cmd->completions == 1) {
    ++fw->completed;
    if (vf_fault(fw->config.faults, VF_FAULT_completion_twice) &&
        fw->completed % CMD_TWICE_PERIOD == 0) {
      cmd->completions = 2;
      cmd->state = CMD_ANSWER;
      return;
    }
  }
  release(fw, cmd);
}

/* The states that wait for their transfers. */
static void transferred(struct fw* fw, struct fw_cmd* cmd) {
  if (cmd->dma_result != FW_DMA_OK) {
    drop(fw, cmd);
    return;
  }
  switch ((enum cmd_state)cmd->state) {
    case CMD_CHECK:
      take_entry(fw, cmd);
      return;
    case CMD_IN_CHECK:
      take_input_block(cmd);
      return;
    case CMD_OUT_CHECK:
      take_output_tail(cmd);
      return;
    case CMD_WRITTEN:
      cmd->state = CMD_ANSWER;
      return;
    default:
      answered(fw, cmd);
      return;
  }
}

static bool advance(struct fw* fw, struct fw_cmd* cmd) {
  if (cmd->aborted) {
    if (cmd->dma_pending == 0) {
      release(fw, cmd);
    }
    return false;
  }
  switch ((enum cmd_state)cmd->state) {
    case CMD_FREE:
      return false;
    case CMD_FETCH:
      return begin(fw, cmd, cmd->entry_addr, cmd->entry, (uint32_t)VF_BYTES(cmd_queue_entry),
                   CMD_CHECK);
    case CMD_IN:
      return begin(fw, cmd, cmd->next_block, cmd->mailbox, (uint32_t)VF_BYTES(cmd_if_box),
                   CMD_IN_CHECK);
    case CMD_OUT:
      cmd->out_block[cmd->block] = cmd->next_block;
      return begin(fw, cmd, cmd->next_block + VF_CMD_BLOCK_BYTES, cmd->out_tail[cmd->block],
                   FW_BLOCK_TAIL, CMD_OUT_CHECK);
    case CMD_RUN:
      return run(fw, cmd);
    case CMD_WRITE:
      return write_blocks(fw, cmd);
    case CMD_ANSWER:
      return answer(fw, cmd);
    default:
      if (cmd->dma_pending > 0) {
        return false;
      }
      transferred(fw, cmd);
      return true;
  }
}

bool fw_cmd_poll(struct fw* fw, uint32_t irq) {
  bool more = (irq & FW_IRQ_PENDING_CMD) != 0 && take_commands(fw);
  for (uint32_t i = 0; i < FW_CMDS; ++i) {
    while (advance(fw, &fw->cmd[i])) {
      more = true;
    }
  }
  update_room(fw);
  return more;
}
