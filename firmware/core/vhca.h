/* Migration state of a function, the image buffers, and what the rest of the firmware calls.
 *
 * The five commands (SUSPEND, RESUME, QUERY_VHCA_MIGRATION_STATE, SAVE, LOAD) are issued by the PF and name a VF by its
 * vhca_id. What they answer when:
 *   not the PF, or the target is the PF         BAD_PARAM / NOT_PERMITTED
 *   vhca_id names no enabled VF                 BAD_PARAM / BAD_VHCA_ID
 *   SUSPEND of a suspended half                 BAD_RES_STATE / ALREADY_SUSPENDED (also while a suspend runs)
 *   SUSPEND responder before initiator          BAD_RES_STATE / SUSPEND_ORDER
 *   RESUME of a half that runs                  BAD_RES_STATE / NOT_SUSPENDED
 *   RESUME initiator before responder           BAD_RES_STATE / RESUME_ORDER
 *   RESUME responder, last LOAD was not final   BAD_RES_STATE / IMAGE_TRUNCATED: the rest of the image never came; a reset
 *                                               of the VF gets out of it
 *   a read of the VF was never completed        INTERNAL / DRAIN_TIMEOUT, the gate is open again and the VF runs
 *   the VF is reset while the command runs      BAD_RES_STATE / FUNCTION_RESET
 *   a SAVE or LOAD of the VF runs               RES_BUSY / SAVE_IN_PROGRESS (SUSPEND, RESUME, SAVE, LOAD)
 *   SAVE / LOAD key unknown, too short, right   BAD_RESOURCE / BAD_MKEY; other transfer errors INTERNAL / DMA_ERROR. A SAVE
 *                                               that fails so ends tracking; a LOAD changes nothing
 *   SAVE set_track on a stopped VF              BAD_RES_STATE / ALREADY_SUSPENDED (both halves; or while a suspend runs)
 *   SAVE without set_track on a running VF      BAD_RES_STATE / NOT_SUSPENDED, except the clean-up save that ends tracking
 *   incremental SAVE or QUERY without tracking  BAD_RES_STATE / NOT_TRACKING (in chunk mode NO_STATE_PENDING)
 *   SAVE image longer than `size`               BAD_PARAM / BUFFER_TOO_SMALL, nothing changed
 *   LOAD onto a VF that runs                    BAD_RES_STATE / NOT_SUSPENDED
 *   LOAD of a bad image                         BAD_PARAM / IMAGE_*, nothing changed
 *   LOAD of an increment without its base       BAD_RES_STATE / IMAGE_SEQUENCE, nothing changed
 *   LOAD without room for its page lists        NO_RESOURCES / OUT_OF_TRANSLATIONS, nothing changed
 *
 * Sizes. QUERY of a stopped VF is exact. While the VF runs it adds an eighth and FW_IMAGE_SLACK for what the VF may create
 * before the SAVE. A SAVE with set_track, a clean-up SAVE, and a final SAVE in chunk mode never fail for what the VF grew:
 * they write the records that fit and mark the image `more`; the rest is in the next increment. QUERY with chunk = 1
 * switches chunk mode on, with chunk = 0 off. In chunk mode a final SAVE writes what QUERY or the SAVE before it announced,
 * about a quarter of the image, however large the buffer is: drivers give one of 8 MiB, and read a chunk while the next
 * one is saved. */
#ifndef VFSIM_FIRMWARE_CORE_VHCA_H
#define VFSIM_FIRMWARE_CORE_VHCA_H

#include "firmware/core/image.h"

struct fw;
struct fw_cmd;

enum {
  FW_IMAGE_BUFFERS = 2,  /* SAVE and LOAD commands that move an image at the same time; others wait */
  FW_IMAGE_SLACK = 4096, /* see above */
  FW_CHUNK_MIN = 1024,   /* least buffer that QUERY asks for in chunk mode, unless the image is shorter */
  FW_CHUNKS = 4,         /* that an image is announced in, unless they would be shorter than that */
};

/* What a command is doing with a function. */
enum fw_vhca_op { FW_VHCA_NONE, FW_VHCA_SUSPEND, FW_VHCA_SAVE, FW_VHCA_LOAD };

/* How far LOAD has filled a function since it was suspended. */
enum fw_load_state {
  FW_LOAD_NONE,  /* nothing loaded */
  FW_LOAD_OPEN,  /* loaded, but the image says that more must follow: must not run */
  FW_LOAD_FINAL, /* loaded completely */
};

struct fw_vhca {
  uint8_t op;         /* enum fw_vhca_op, one at a time */
  bool tracking;      /* changes since the last tracked SAVE are known: saved[] */
  bool first_open;    /* tracking, but the first image did not fit its buffer */
  bool chunk_mode;    /* the last QUERY asked for chunks: a final SAVE may be split */
  uint32_t announced; /* in chunk mode: what the next final SAVE writes at most */
  bool chunking;      /* a split final SAVE has begun and not ended */
  uint8_t load_state; /* enum fw_load_state */
  uint32_t epoch;     /* raised by every reset of the function */
  uint32_t save_sequence, load_sequence; /* of the newest image */
  uint64_t save_id, load_id;
  uint32_t pend_vectors; /* of a loaded image; made pending by RESUME */
  uint64_t saved[FW_IMAGE_SLOTS]; /* content hash of each record in the images saved so far, 0 = not there */
};

struct fw_image_buffer {
  bool used;
  bool orphan;    /* its command was dropped by a PF reset; free when the transfer has ended */
  uint8_t cmd;    /* index in fw->cmd */
  uint8_t data[FW_IMAGE_MAX]; /* never cleared */
};

struct fw_image {
  bool responder_waits; /* a responder suspend looks at the drain status, which raises no interrupt the second time */
  /* scratch within one call */
  uint32_t record_at[FW_IMAGE_SLOTS]; /* LOAD: offset of the record's payload in the image, 0 = none */
  uint32_t mtt_at[FW_IMAGE_SLOTS];    /* LOAD: translation entries allocated for the record's page list */
  uint8_t present[FW_IMAGE_SLOTS];    /* LOAD: the object exists after the load */
  uint8_t record[FW_IMAGE_RECORD_MAX]; /* QUERY: one payload */
  struct fw_image_buffer buffer[FW_IMAGE_BUFFERS];
};

/* Power-on state of everything here. */
void fw_vhca_init(struct fw *fw);
/* Once per fw_poll(). true: something waits that no interrupt announces. */
bool fw_vhca_poll(struct fw *fw);
/* The function was reset: running, not suspended, not tracked, nothing loaded; a SAVE, LOAD or SUSPEND of it that is in
 * execution ends with FUNCTION_RESET. Called by fw_function_reset(). Writes the function's CTRL stop bits to 0. */
void fw_vhca_reset(struct fw *fw, uint32_t fn);

#endif
