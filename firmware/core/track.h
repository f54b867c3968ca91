/* Page trackers: PAGE_TRACK general objects of the PF and their reports.
 *
 * A tracker follows the writes of one VF. CREATE starts it, MODIFY to `reporting` starts one report of a range: messages
 * of 8-byte page addresses are put into the receive ring of the queue pair connected to `reporting_qpn`, each with a
 * completion whose immediate carries the tracker's state in bits 31:28. The command ends when the report has started.
 * Answers: unknown object type or field BAD_PARAM / UNSUPPORTED_FIELD; unknown tracker BAD_RESOURCE / BAD_OBJECT; ranges
 * BAD_PARAM / TRACK_BAD_RANGE; queue pair BAD_RESOURCE / TRACK_BAD_QP; the VF has a tracker already, or a report runs,
 * RES_BUSY / TRACK_BUSY; MODIFY after an error BAD_RES_STATE / TRACK_DEAD. A report that fails sets the state to error and
 * posts an OBJECT_CHANGE event; no message announces it.
 * Source: mlx5 device interface, sections 4.3 and 6.7. */
#ifndef VFSIM_FIRMWARE_CORE_TRACK_H
#define VFSIM_FIRMWARE_CORE_TRACK_H

#include "firmware/hal/fw_hal.h"

struct fw;

enum {
  FW_TRACK_COOKIE = 0x10000, /* DMA cookie of tracker t is FW_TRACK_COOKIE + t; commands use smaller ones */
  FW_TRACK_MSG_BYTES = 1 << VF_TRACK_LOG_MAX_MSG,
  FW_TRACK_WAIT_NS = 2000, /* pause between two looks at a receive ring that is empty */
};

struct fw_track {
  bool used;
  bool dma_running;   /* its transfer has not ended */
  bool dma_stale;     /* the transfer belongs to a tracker that is gone */
  bool more;          /* [snapshot] marks are left behind it */
  uint8_t state;      /* VF_PAGE_TRACK_* */
  uint8_t phase;      /* track.c: what the report does next */
  uint8_t log_page, log_msg, log_space;
  uint8_t type;
  uint8_t range_count;
  enum fw_dma_result dma_result;
  uint32_t fn;        /* function that is tracked */
  uint32_t qpn;       /* firmware's queue pair */
  uint64_t range_start, range_length; /* of the report */
  uint32_t count, taken; /* pages of the snapshot; those already sent */
  uint32_t entries;   /* pages of the message being sent */
  uint64_t wait_until_ns;
  struct vf_track_range range[VF_TRACK_RANGES];
  uint8_t small[16];  /* doorbell record, receive entry */
  uint8_t payload[FW_TRACK_MSG_BYTES];
};

void fw_track_init(struct fw *fw);
/* Once per fw_poll(). true: a report waits for something that no interrupt announces. */
bool fw_track_poll(struct fw *fw);
/* The transfer with this cookie (FW_TRACK_COOKIE <= cookie < FW_TRACK_COOKIE + VF_TRACK_COUNT) has ended. */
void fw_track_dma_ended(struct fw *fw, uint32_t cookie, enum fw_dma_result result);
/* The function was reset: trackers that follow it go on with no page marked; a reset of the PF ends all trackers. */
void fw_track_reset(struct fw *fw, uint32_t fn);

#endif
