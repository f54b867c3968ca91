#include "firmware/core/fw.h"

#include <string.h>

#include "firmware/core/fw_internal.h"

enum { PORT_STATUS_UP = 1, PORT_STATUS_CHANGED = 2, FW_FN_WORDS = VF_MAX_FUNCTIONS / 32 };

size_t fw_size(void) {
  return sizeof(struct fw);
}

void fw_init(struct fw* fw, const struct fw_hal* hal, const struct fw_config* config) {
  fw->hal = hal;
  fw->config = *config;
  fw->total_vfs = fw_reg_read(fw, FW_TOTAL_VFS);
  memset(fw->fn, 0, fw_functions(fw) * sizeof(fw->fn[0]));
  memset(fw->mtt_used, 0, sizeof(fw->mtt_used));
  fw->mtt_hint = 0;
  fw->link_up = (fw_reg_read(fw, FW_PORT_STATUS) & PORT_STATUS_UP) != 0;
  fw_cmd_init(fw);
  fw_vhca_init(fw);
  fw_track_init(fw);
  for (uint32_t fn = 0; fn <= fw->total_vfs; ++fn) {
    fw_function_reset(fw, fn);
    fw_reg_write(fw, fw_fn_reg(fn, FW_FN_CTRL), FW_CTRL_READY);
  }
}

void fw_set_faults(struct fw* fw, struct vf_fault_set faults) {
  fw->config.faults = faults;
}

static void serve_resets(struct fw* fw) {
  for (uint32_t w = 0; w < FW_FN_WORDS; ++w) {
    const uint32_t reset = fw_reg_read(fw, (uint32_t)FW_FLR_FN0 + 4 * w);
    for (uint32_t bit = 0; bit < 32; ++bit) {
      if ((reset >> bit & 1U) != 0) {
        fw_function_reset(fw, w * 32 + bit);
        fw_reg_write(fw, fw_fn_reg(w * 32 + bit, FW_FN_CTRL), FW_CTRL_RESET_DONE | FW_CTRL_READY);
      }
    }
  }
}

static void serve_port(struct fw* fw) {
  fw_reg_write(fw, FW_PORT_STATUS, PORT_STATUS_CHANGED);
  fw->link_up = (fw_reg_read(fw, FW_PORT_STATUS) & PORT_STATUS_UP) != 0;
  for (uint32_t fn = 0; fn <= fw->total_vfs; ++fn) {
    fw_vport_update(fw, fn);
  }
}

/* Only the interrupt: who waits for a drain looks at STATUS. */
static void serve_drain(struct fw* fw) {
  for (uint32_t w = 0; w < FW_FN_WORDS; ++w) {
    const uint32_t reg = (uint32_t)FW_DRAIN_FN0 + 4 * w;
    fw_reg_write(fw, reg, fw_reg_read(fw, reg));
  }
}

static void serve_dma(struct fw* fw) {
  uint32_t cookie;
  enum fw_dma_result result;
  while (fw->hal->dma_ended(fw->hal->ctx, &cookie, &result)) {
    if (cookie < FW_CMDS) {
      fw_cmd_dma_ended(fw, cookie, result);
    } else {
      fw_track_dma_ended(fw, cookie, result);
    }
  }
}

bool fw_poll(struct fw* fw) {
  const uint32_t irq = fw_reg_read(fw, FW_IRQ_PENDING);
  if ((irq & FW_IRQ_PENDING_FLR) != 0) {
    serve_resets(fw);
  }
  if ((irq & FW_IRQ_PENDING_PORT) != 0) {
    serve_port(fw);
  }
  if ((irq & FW_IRQ_PENDING_DRAIN) != 0) {
    serve_drain(fw);
  }
  if ((irq & FW_IRQ_PENDING_DMA) != 0) {
    serve_dma(fw);
  }
  /* In this order: a step that lets another one go on comes before it, and none is left out when
   * one wants more. */
  bool more = fw_vhca_poll(fw);
  more = fw_track_poll(fw) || more;
  return fw_cmd_poll(fw, irq) || more;
}
