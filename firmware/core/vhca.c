#include "firmware/core/vhca.h"

#include <string.h>

#include "firmware/core/vhca_internal.h"

void fw_vhca_init(struct fw *fw) {
  memset(fw->vhca, 0, fw_functions(fw) * sizeof fw->vhca[0]);
  fw->image.responder_waits = false;
  for (uint32_t i = 0; i < FW_IMAGE_BUFFERS; ++i) {
    fw->image.buffer[i].used = false;
    fw->image.buffer[i].orphan = false;
  }
}

bool fw_vhca_poll(struct fw *fw) {
  bool again = fw->image.responder_waits;
  fw->image.responder_waits = false;
  for (uint32_t i = 0; i < FW_IMAGE_BUFFERS; ++i) {
    struct fw_image_buffer *b = &fw->image.buffer[i];
    if (b->used && b->orphan && fw->cmd[b->cmd].dma_pending == 0) {
      b->used = false;
      b->orphan = false;
      again = true; /* a command may wait for it */
    }
  }
  return again;
}

void fw_vhca_untrack(struct fw *fw, uint32_t fn) {
  struct fw_vhca *v = &fw->vhca[fn];
  v->tracking = false;
  v->first_open = false;
  v->chunking = false;
  v->save_sequence = 0;
  v->save_id = 0;
  memset(v->saved, 0, sizeof v->saved);
}

/* The commands of the PF are dropped: what they had taken is given back, half-done suspends are undone. */
static void drop_commands(struct fw *fw) {
  for (uint32_t i = 0; i < FW_IMAGE_BUFFERS; ++i) {
    fw->image.buffer[i].orphan = fw->image.buffer[i].used;
  }
  for (uint32_t fn = 0; fn < fw_functions(fw); ++fn) {
    struct fw_function *f = &fw->fn[fn];
    if (fw->vhca[fn].op == FW_VHCA_SUSPEND) {
      const uint32_t stop = f->suspended_initiator ? FW_CTRL_RESPONDER_STOP : FW_CTRL_INITIATOR_STOP;
      const uint32_t ctrl = fw_fn_reg(fn, FW_FN_CTRL);
      fw_reg_write(fw, ctrl, fw_reg_read(fw, ctrl) & ~(stop | (uint32_t)FW_CTRL_CMD_HOLD));
      f->suspending = false;
    }
    fw->vhca[fn].op = FW_VHCA_NONE;
    ++fw->vhca[fn].epoch;
  }
}

void fw_vhca_reset(struct fw *fw, uint32_t fn) {
  struct fw_vhca *v = &fw->vhca[fn];
  struct fw_function *f = &fw->fn[fn];
  const uint32_t ctrl = fw_fn_reg(fn, FW_FN_CTRL);
  if (fn == 0) {
    drop_commands(fw);
  }
  fw_vhca_untrack(fw, fn);
  v->op = FW_VHCA_NONE;
  v->chunk_mode = false;
  v->load_state = FW_LOAD_NONE;
  v->load_sequence = 0;
  v->load_id = 0;
  v->pend_vectors = 0;
  ++v->epoch;
  f->suspending = false;
  f->suspended_initiator = false;
  f->suspended_responder = false;
  fw_reg_write(fw, ctrl,
               fw_reg_read(fw, ctrl) & ~((uint32_t)FW_CTRL_INITIATOR_STOP | (uint32_t)FW_CTRL_RESPONDER_STOP |
                                         (uint32_t)FW_CTRL_CMD_HOLD));
}

bool fw_vhca_target(struct fw *fw, struct fw_cmd *cmd, uint32_t vhca_id, uint32_t *fn) {
  if (cmd->fn != 0) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
    return false;
  }
  const int target = fw_vhca_to_fn(fw, vhca_id);
  if (target <= 0) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, target == 0 ? VF_SYND_NOT_PERMITTED : VF_SYND_BAD_VHCA_ID);
    return false;
  }
  *fn = (uint32_t)target;
  return true;
}

bool fw_vhca_free(struct fw *fw, struct fw_cmd *cmd, uint32_t fn) {
  const uint8_t op = fw->vhca[fn].op;
  if (op == FW_VHCA_SAVE || op == FW_VHCA_LOAD) {
    fw_cmd_fail(cmd, VF_STATUS_RES_BUSY, VF_SYND_SAVE_IN_PROGRESS);
    return false;
  }
  return true;
}

bool fw_vhca_stopped(const struct fw *fw, uint32_t fn) {
  return fw->fn[fn].suspended_initiator && fw->fn[fn].suspended_responder;
}

struct fw_image_buffer *fw_vhca_buffer_take(struct fw *fw, const struct fw_cmd *cmd) {
  for (uint32_t i = 0; i < FW_IMAGE_BUFFERS; ++i) {
    struct fw_image_buffer *b = &fw->image.buffer[i];
    if (!b->used) {
      b->used = true;
      b->orphan = false;
      b->cmd = (uint8_t)(cmd - fw->cmd);
      return b;
    }
  }
  return NULL;
}

struct fw_image_buffer *fw_vhca_buffer(struct fw *fw, const struct fw_cmd *cmd) {
  struct fw_image_buffer *b = fw->image.buffer;
  while (!b->used || b->orphan || &fw->cmd[b->cmd] != cmd) {
    ++b;
  }
  return b;
}

void fw_vhca_done(struct fw *fw, const struct fw_cmd *cmd, uint32_t fn, uint32_t epoch) {
  fw_vhca_buffer(fw, cmd)->used = false;
  if (fw->vhca[fn].epoch == epoch) {
    fw->vhca[fn].op = FW_VHCA_NONE;
  }
}

enum fw_exec fw_vhca_dma_failed(struct fw_cmd *cmd) {
  if (cmd->dma_result == FW_DMA_BAD_KEY) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_MKEY);
  }
  return fw_cmd_fail(cmd, VF_STATUS_INTERNAL, VF_SYND_DMA_ERROR);
}
