/* Checks of an image that need a device: field ranges, references between objects, sequence. Nothing is changed but the
 * scratch tables of struct fw_image. */
#ifndef VFSIM_FIRMWARE_CORE_STATE_CHECK_H
#define VFSIM_FIRMWARE_CORE_STATE_CHECK_H

#include "firmware/core/fw_internal.h"

/* May the image, which fw_image_check() accepted, be loaded onto the function now? VF_SYND_NONE or the reason. On success
 * fw->image.record_at[] has the payload offset of each record (0: none or a tombstone). */
uint32_t fw_state_check(struct fw *fw, uint32_t fn, const uint8_t *image, uint32_t bytes);

#endif
