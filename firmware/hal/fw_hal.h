/* The firmware's only door to the world. One table of functions per NIC; ctx is handed back unchanged.
 * Every call returns at once; its simulated time is the back-end's (native: cost table, RISC-V: instructions). */
#ifndef VFSIM_FIRMWARE_HAL_FW_HAL_H
#define VFSIM_FIRMWARE_HAL_FW_HAL_H

#include <stdbool.h>

#include "firmware/interface/hw_context.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FW_NODISCARD __attribute__((warn_unused_result))
#else
#define FW_NODISCARD
#endif

/* How the address of a DMA is understood. */
enum fw_dma_space {
  FW_DMA_BUS,  /* bus address of `function` (through its IOMMU domain) */
  FW_DMA_MKEY, /* offset in memory key `mkey` of `function`: bounds, right and state checked by hardware */
};

enum fw_dma_result {
  FW_DMA_OK,
  FW_DMA_BAD_KEY,   /* key unknown, range outside it, or right missing; nothing was transferred */
  FW_DMA_BUS_ERROR, /* refused by the host (IOMMU fault, unsupported request); part may have been transferred */
  FW_DMA_TIMEOUT,   /* completion time-out */
  FW_DMA_ABORTED,   /* the function was reset */
};

/* One transfer. The buffer must stay valid until its end is reported; at most FW_DMA_MAX_BYTES. */
struct fw_dma {
  uint32_t cookie;   /* given back at the end */
  uint32_t function; /* requester */
  enum fw_dma_space space;
  uint32_t mkey;
  uint64_t addr;
  void *buf;
  uint32_t bytes;
  bool to_host;
};
enum { FW_DMA_MAX_BYTES = 16 * 1024 * 1024 };

enum fw_log_level { FW_LOG_ERROR, FW_LOG_WARNING, FW_LOG_INFO, FW_LOG_DEBUG };

struct fw_hal {
  void *ctx;
  struct vf_context_ram *ram;
  uint32_t (*reg_read)(void *ctx, uint32_t reg);
  void (*reg_write)(void *ctx, uint32_t reg, uint32_t value);
  /* Starts a transfer. false: no descriptor free, try again in a later poll. Transfers of one requester in the same
   * direction reach the host in the order of their starts; a write is reported ended when it is globally visible. */
  bool (*dma_start)(void *ctx, const struct fw_dma *dma);
  /* Takes the next ended transfer; false: none. */
  bool (*dma_ended)(void *ctx, uint32_t *cookie, enum fw_dma_result *result);
  uint64_t (*time_ns)(void *ctx);
  /* Which bits of FW_IRQ_PENDING make the back-end call fw_poll() again. */
  void (*irq_enable)(void *ctx, uint32_t mask);
  void (*log)(void *ctx, enum fw_log_level level, const char *what, uint32_t function, uint64_t value);
};

#ifdef __cplusplus
}
#endif

#endif
