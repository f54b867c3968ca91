/* Native back-end of the firmware's HAL: forwards to a machine given as a table of functions,
 * counts what costs simulated time, keeps the interrupt mask. Whoever embeds it decides when
 * fw_native_step() is called and what the counts cost. No globals: one struct fw_native per NIC. */
#ifndef VFSIM_FIRMWARE_HAL_NATIVE_HAL_NATIVE_H
#define VFSIM_FIRMWARE_HAL_NATIVE_HAL_NATIVE_H

#include "firmware/core/fw.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The machine. Meaning of the calls: struct fw_hal. log may be NULL. */
struct fw_native_machine {
  void* ctx;
  struct vf_context_ram* ram;
  uint32_t (*reg_read)(void* ctx, uint32_t reg);
  void (*reg_write)(void* ctx, uint32_t reg, uint32_t value);
  bool (*dma_start)(void* ctx, const struct fw_dma* dma);
  bool (*dma_ended)(void* ctx, uint32_t* cookie, enum fw_dma_result* result);
  void (*log)(void* ctx, enum fw_log_level level, const char* what, uint32_t function,
              uint64_t value);
};

/* What the last step did. */
struct fw_native_counts {
  uint32_t registers; /* accesses */
  uint32_t transfers; /* DMA started */
};

struct fw_native {
  struct fw_hal hal;
  struct fw_native_machine machine;
  struct fw_native_counts counts;
  struct fw* fw;
  uint64_t time_ns;  /* set by the embedder before each call */
  uint32_t irq_mask; /* bits of FW_IRQ_PENDING that wake the firmware */
};

/* Memory for the firmware's state, bytes. */
size_t fw_native_bytes(void);
/* Power-on. `memory`: fw_native_bytes(), aligned for any type. `native` must not move afterwards.
 */
void fw_native_init(struct fw_native* native, const struct fw_native_machine* machine, void* memory,
                    const struct fw_config* config);
/* One step; result as of fw_poll(). */
bool fw_native_step(struct fw_native* native);

#ifdef __cplusplus
}
#endif

#endif
