/* PF firmware: public interface. Portable C11, no globals, no heap; all state in struct fw.
 * A back-end gives it a HAL, calls fw_init() once, and fw_poll() whenever an enabled interrupt is
 * pending or the last call returned true. fw_poll() never waits. */
#ifndef VFSIM_FIRMWARE_CORE_FW_H
#define VFSIM_FIRMWARE_CORE_FW_H

#include "firmware/hal/fw_hal.h"
#include "firmware/interface/faults.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fw;

struct fw_config {
  struct vf_fault_set faults; /* deliberate defects, VF_FAULT_* */
  uint32_t serial;       /* goes into MACs (02:00:serial:0:0:function) and GUIDs */
  uint32_t mtu;          /* largest payload of a frame, bytes */
  bool check_signatures; /* verify command entry signatures */
  bool chunk_mode;       /* offer migration_in_chunks: an image may be saved in several pieces */
};

/* Bytes that a struct fw needs; the back-end provides them, 16-byte aligned, in any state. */
size_t fw_size(void);
/* Power-on. Sets every function up as after reset and READY. */
void fw_init(struct fw* fw, const struct fw_hal* hal, const struct fw_config* config);
/* Other defects, between two calls of fw_poll(). */
void fw_set_faults(struct fw* fw, struct vf_fault_set faults);
/* One step. true: call again (after the step's simulated time); false: nothing to do until an
 * interrupt. */
bool fw_poll(struct fw* fw);

#ifdef __cplusplus
}
#endif

#endif
