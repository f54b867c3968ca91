/* What quiesce.c, state_save.c and state_load.c share; vhca.c implements it. */
#ifndef VFSIM_FIRMWARE_CORE_VHCA_INTERNAL_H
#define VFSIM_FIRMWARE_CORE_VHCA_INTERNAL_H

#include "firmware/core/fw_internal.h"

/* Use of fw_cmd.arg by SAVE and LOAD. */
enum { FW_ARG_FN, FW_ARG_EPOCH, FW_ARG_BYTES, FW_ARG_NEXT };

/* Checks who asks and finds the VF. false: the answer is set. */
bool fw_vhca_target(struct fw *fw, struct fw_cmd *cmd, uint32_t vhca_id, uint32_t *fn);
/* No SAVE or LOAD of the function runs. false: the answer is set. */
bool fw_vhca_free(struct fw *fw, struct fw_cmd *cmd, uint32_t fn);
/* Both halves are suspended. */
bool fw_vhca_stopped(const struct fw *fw, uint32_t fn);
/* An image buffer for the command; NULL: all are in use, try again in the next poll. */
struct fw_image_buffer *fw_vhca_buffer_take(struct fw *fw, const struct fw_cmd *cmd);
/* The command's buffer (it must have one). */
struct fw_image_buffer *fw_vhca_buffer(struct fw *fw, const struct fw_cmd *cmd);
/* Ends SAVE or LOAD: gives the buffer back and, unless the function was reset meanwhile, frees the function for the next. */
void fw_vhca_done(struct fw *fw, const struct fw_cmd *cmd, uint32_t fn, uint32_t epoch);
/* Forgets what was saved: no tracking, no chunks. */
void fw_vhca_untrack(struct fw *fw, uint32_t fn);
/* Answer for a transfer that did not end well. */
enum fw_exec fw_vhca_dma_failed(struct fw_cmd *cmd);

#endif
