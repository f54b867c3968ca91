#include "firmware/hal_native/hal_native.h"

#include <string.h>

static uint32_t native_reg_read(void* ctx, uint32_t reg) {
  struct fw_native* native = ctx;
  native->counts.registers++;
  return native->machine.reg_read(native->machine.ctx, reg);
}

static void native_reg_write(void* ctx, uint32_t reg, uint32_t value) {
  struct fw_native* native = ctx;
  native->counts.registers++;
  native->machine.reg_write(native->machine.ctx, reg, value);
}

static bool native_dma_start(void* ctx, const struct fw_dma* dma) {
  struct fw_native* native = ctx;
  native->counts.transfers++;
  return native->machine.dma_start(native->machine.ctx, dma);
}

static bool native_dma_ended(void* ctx, uint32_t* cookie, enum fw_dma_result* result) {
  struct fw_native* native = ctx;
  native->counts.registers++;
  return native->machine.dma_ended(native->machine.ctx, cookie, result);
}

static uint64_t native_time_ns(void* ctx) {
  return ((const struct fw_native*)ctx)->time_ns;
}

static void native_irq_enable(void* ctx, uint32_t mask) {
  ((struct fw_native*)ctx)->irq_mask = mask;
}

static void native_log(void* ctx, enum fw_log_level level, const char* what, uint32_t function,
                       uint64_t value) {
  struct fw_native* native = ctx;
  if (native->machine.log != NULL) {
    native->machine.log(native->machine.ctx, level, what, function, value);
  }
}

size_t fw_native_bytes(void) {
  return fw_size();
}

void fw_native_init(struct fw_native* native, const struct fw_native_machine* machine, void* memory,
                    const struct fw_config* config) {
  native->machine = *machine;
  native->hal.ctx = native;
  native->hal.ram = machine->ram;
  native->hal.reg_read = native_reg_read;
  native->hal.reg_write = native_reg_write;
  native->hal.dma_start = native_dma_start;
  native->hal.dma_ended = native_dma_ended;
  native->hal.time_ns = native_time_ns;
  native->hal.irq_enable = native_irq_enable;
  native->hal.log = native_log;
  native->irq_mask = 0;
  native->fw = memory;
  memset(&native->counts, 0, sizeof native->counts);
  fw_init(native->fw, &native->hal, config);
}

bool fw_native_step(struct fw_native* native) {
  memset(&native->counts, 0, sizeof native->counts);
  return fw_poll(native->fw);
}
