/* Traffic counters as drivers read them. */
#ifndef VFSIM_FIRMWARE_CORE_COUNTERS_H
#define VFSIM_FIRMWARE_CORE_COUNTERS_H

#include "firmware/core/fw_internal.h"

/* Fills a PPCNT register: a VF sees its own traffic, the PF the port's. `clear` starts the counts
 * anew. */
void fw_counters_ppcnt(struct fw* fw, uint32_t fn, uint8_t* reg, bool clear);

#endif
