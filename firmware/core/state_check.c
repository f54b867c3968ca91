#include "firmware/core/state_check.h"

#include <string.h>

#include "firmware/core/state_record.h"

enum {
  MAX_LOG_QUEUE = 22, /* entries of any queue */
  MAX_LOG_PAGE = 31,
  INDEX_MASK = 0xffffff,
};

/* The function as it would be after the load. */
struct view {
  struct fw *fw;
  uint32_t fn;
  const uint8_t *image;
  uint8_t pd[VF_PD_COUNT], td[VF_TD_COUNT], uar[VF_UAR_COUNT];
};

/* ---- ranges of one record ---- */

static bool flag(uint32_t v) { return v <= 1; }

static bool arm_state(uint8_t st) { return st == VF_QUEUE_ARMED || st == VF_QUEUE_FIRED || st == VF_QUEUE_ALWAYS_ARMED; }

/* The page list holds `bytes` bytes. */
static bool ring_holds(const struct vf_pages *ring, uint64_t bytes) {
  return ring->log_page >= VF_PAGE_SHIFT && ring->log_page <= MAX_LOG_PAGE &&
         (uint64_t)ring->pages << ring->log_page >= bytes;
}

static bool eq_good(const struct vf_eq *eq) {
  return arm_state(eq->st) && eq->log_size <= MAX_LOG_QUEUE && flag(eq->oi) && eq->intr < VF_MSIX_VECTORS &&
         eq->ci <= INDEX_MASK && eq->pi <= INDEX_MASK && ring_holds(&eq->ring, UINT64_C(64) << eq->log_size);
}

static bool cq_good(const struct vf_cq *cq) {
  return arm_state(cq->st) && cq->log_size <= MAX_LOG_QUEUE && (cq->log_stride == 6 || cq->log_stride == 7) &&
         flag(cq->oi) && flag(cq->solicited) && flag(cq->error) && flag(cq->cc) && cq->ci <= INDEX_MASK &&
         cq->pi <= INDEX_MASK && cq->arm_sn <= 3 && cq->page_offset < 64 &&
         ring_holds(&cq->ring, (UINT64_C(1) << cq->log_size << cq->log_stride) + cq->page_offset * UINT64_C(64));
}

static bool wq_good(const struct vf_wq *wq) {
  return (wq->state == VF_WQ_RST || wq->state == VF_WQ_RDY || wq->state == VF_WQ_ERR) && wq->log_size <= 16 &&
         wq->log_stride <= 16 && ring_holds(&wq->ring, UINT64_C(1) << wq->log_size << wq->log_stride);
}

static bool mkey_good(const struct vf_mkey *key) {
  const bool flags = flag(key->local_read) && flag(key->local_write) && flag(key->remote_read) &&
                     flag(key->remote_write) && flag(key->length64) && flag(key->relaxed_read) &&
                     flag(key->relaxed_write);
  if (key->mode == VF_MKC_MODE_PA) {
    return flags && key->pages.pages == 0;
  }
  if (key->mode != VF_MKC_MODE_MTT || !flags || key->length64 != 0 || key->pages.log_page > MAX_LOG_PAGE ||
      key->len == 0 || key->start + (key->len - 1) < key->start) {
    return false;
  }
  const uint64_t offset = key->start & ((UINT64_C(1) << key->pages.log_page) - 1);
  return key->len <= UINT64_MAX - offset && ring_holds(&key->pages, offset + key->len);
}

static bool qp_good(const struct vf_qp *qp) {
  const bool state = qp->state <= VF_QP_RTS || qp->state == VF_QP_ERR;
  if (qp->rq_type == VF_QP_RQ_ZERO_SIZE) {
    return state && qp->ring.pages == 0;
  }
  return state && qp->rq_type == VF_QP_RQ_NORMAL && qp->log_rq_size <= MAX_LOG_QUEUE && qp->log_rq_stride <= 16 &&
         ring_holds(&qp->ring, UINT64_C(1) << qp->log_rq_size << qp->log_rq_stride);
}

static bool object_good(unsigned kind, const union fw_state_object *o, const uint8_t *payload) {
  switch (kind) {
    case FW_IMAGE_EQ:
      return eq_good(&o->eq);
    case FW_IMAGE_CQ:
      return cq_good(&o->cq);
    case FW_IMAGE_SQ:
    case FW_IMAGE_RQ:
      return wq_good(&o->wq);
    case FW_IMAGE_MKEY:
      return mkey_good(&o->mkey);
    case FW_IMAGE_QP:
      return qp_good(&o->qp);
    case FW_IMAGE_TIR:
      return o->tir.disp_type <= VF_TIR_DISP_INDIRECT && flag(o->tir.symmetric);
    case FW_IMAGE_RQT:
      return o->rqt.max <= VF_RQT_ENTRIES && o->rqt.actual <= o->rqt.max &&
             o->rqt.actual == VF_GET(image_list, payload, list_count);
    case FW_IMAGE_FT:
      return o->ft.log_size <= MAX_LOG_QUEUE;
    case FW_IMAGE_FG:
      return o->fg.first <= o->fg.last;
    default:
      return true;
  }
}

static bool function_good(const uint8_t *p) {
  const uint64_t vectors = VF_GET(image_function, p, msix_pend);
  return flag((uint32_t)VF_GET(image_function, p, initialized)) && flag((uint32_t)VF_GET(image_function, p, issi)) &&
         flag((uint32_t)VF_GET(image_function, p, port_admin_up)) &&
         flag((uint32_t)VF_GET(image_function, p, vport_up)) && flag((uint32_t)VF_GET(image_function, p, promiscuous)) && flag((uint32_t)VF_GET(image_function, p, link_up)) &&
         VF_GET(image_function, p, mac_count) <= VF_UC_MACS && VF_GET(image_function, p, mc_count) <= FW_MC_MACS &&
         VF_GET(image_function, p, vport_admin) <= 2 && VF_GET(image_function, p, promisc) <= 7 &&
         vectors >> (VF_MSIX_VECTORS - 1) >> 1 == 0;
}

static bool pages_good(const struct fw_function *f, const uint8_t *payload) {
  const uint32_t count = (uint32_t)VF_GET(image_list, payload, list_count);
  uint32_t of_pf = 0;
  for (uint32_t i = 0; i < f->page_count; ++i) {
    of_pf += (f->page[i] & FW_PAGE_OF_PF) != 0;
  }
  if (count > VF_FW_PAGES - of_pf) {
    return false;
  }
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t page = vf_be64_load(payload + VF_BYTES(image_fw_pages) + (size_t)i * 8);
    if (page == 0 || page % VF_PAGE_BYTES != 0) {
      return false;
    }
  }
  return true;
}

static bool sets_good(const uint8_t *p) {
  return VF_GET(image_sets, p, td) >> 16 == 0; /* every bit of the three maps names something */
}

static bool record_good(const struct fw *fw, uint32_t fn, const struct fw_image_record *r) {
  union fw_state_object object;
  switch (r->kind) {
    case FW_IMAGE_FUNCTION:
      return function_good(r->payload);
    case FW_IMAGE_FW_PAGES:
      return pages_good(&fw->fn[fn], r->payload);
    case FW_IMAGE_SETS:
      return sets_good(r->payload);
    case FW_IMAGE_EVENTS:
      return VF_GET(image_list, r->payload, list_count) <= VF_EVENT_QUEUE;
    case FW_IMAGE_CAPS:
      return fw_cap_acceptable(fw, fn, r->index, r->payload);
    case FW_IMAGE_COUNTERS:
      return true;
    default:
      fw_state_decode((unsigned)r->kind, r->payload, &object);
      return object_good((unsigned)r->kind, &object, r->payload);
  }
}

/* ---- references ---- */

static bool has(const struct view *v, unsigned kind, uint32_t number) {
  const struct fw_image_kind *info = fw_image_kind_info(kind);
  const uint32_t index = number - info->base;
  return index < info->count && v->fw->image.present[info->slot + index] != 0;
}

static bool none_or(const struct view *v, unsigned kind, uint32_t number) { return number == 0 || has(v, kind, number); }

static bool in_set(const uint8_t *set, uint32_t base, uint32_t count, uint32_t number) {
  return number == 0 || (number - base < count && set[number - base] != 0);
}

static bool has_pd(const struct view *v, uint32_t pd) { return in_set(v->pd, VF_PD_BASE, VF_PD_COUNT, pd); }
static bool has_td(const struct view *v, uint32_t td) { return in_set(v->td, VF_TD_BASE, VF_TD_COUNT, td); }
static bool has_uar(const struct view *v, uint32_t uar) {
  return in_set(v->uar, VF_BAR_FIRST_UAR, VF_UAR_COUNT, uar);
}

static bool rqt_linked(const struct view *v, const struct vf_rqt *rqt) {
  for (uint32_t i = 0; i < rqt->actual; ++i) {
    if (!has(v, FW_IMAGE_RQ, rqt->rqn[i])) {
      return false;
    }
  }
  return true;
}

static bool fte_linked(const struct view *v, const struct vf_flow_entry *e) {
  if (!has(v, FW_IMAGE_FT, e->table) || !has(v, FW_IMAGE_FG, e->group)) {
    return false;
  }
  if ((e->action & VF_FLOW_ACTION_FORWARD) == 0) {
    return true;
  }
  return e->dest_type == VF_FLOW_DEST_TIR ? has(v, FW_IMAGE_TIR, e->dest_id)
                                          : e->dest_type == VF_FLOW_DEST_FLOW_TABLE && has(v, FW_IMAGE_FT, e->dest_id);
}

static bool object_linked(const struct view *v, unsigned kind, const union fw_state_object *o) {
  switch (kind) {
    case FW_IMAGE_EQ:
      return has_uar(v, o->eq.uar);
    case FW_IMAGE_CQ:
      return has(v, FW_IMAGE_EQ, o->cq.eqn) && has_uar(v, o->cq.uar);
    case FW_IMAGE_MKEY:
      return has_pd(v, o->mkey.pd);
    case FW_IMAGE_TIS:
      return has_td(v, o->tis.td) && has_pd(v, o->tis.pd);
    case FW_IMAGE_SQ:
      return has(v, FW_IMAGE_CQ, o->wq.cqn) && none_or(v, FW_IMAGE_TIS, o->wq.tisn) && has_pd(v, o->wq.pd) &&
             has_uar(v, o->wq.uar);
    case FW_IMAGE_RQ:
      return has(v, FW_IMAGE_CQ, o->wq.cqn) && has_pd(v, o->wq.pd) && none_or(v, FW_IMAGE_QC, o->wq.q_counter);
    case FW_IMAGE_QP:
      return has_pd(v, o->qp.pd) && has_uar(v, o->qp.uar) && none_or(v, FW_IMAGE_CQ, o->qp.cqn_rcv);
    case FW_IMAGE_RQT:
      return rqt_linked(v, &o->rqt);
    case FW_IMAGE_TIR:
      return has_td(v, o->tir.td) && (o->tir.disp_type == VF_TIR_DISP_DIRECT ? has(v, FW_IMAGE_RQ, o->tir.inline_rqn)
                                                                             : has(v, FW_IMAGE_RQT, o->tir.rqtn));
    case FW_IMAGE_FT:
      return o->ft.miss_action == 0 || has(v, FW_IMAGE_FT, o->ft.miss_table);
    case FW_IMAGE_FG:
      return has(v, FW_IMAGE_FT, o->fg.table);
    case FW_IMAGE_FTE:
      return fte_linked(v, &o->fte);
    default:
      return true;
  }
}

static bool events_linked(const struct view *v) {
  const uint32_t at = v->fw->image.record_at[FW_IMAGE_SLOT_EVENTS];
  if (at == 0) {
    return true; /* held events of the images before were checked with them */
  }
  const uint8_t *payload = v->image + at;
  const uint32_t count = (uint32_t)VF_GET(image_list, payload, list_count);
  for (uint32_t i = 0; i < count; ++i) {
    const uint8_t *event = payload + VF_BYTES(image_events) + i * VF_BYTES(image_event);
    if (!has(v, FW_IMAGE_EQ, (uint32_t)VF_GET(image_event, event, eqn))) {
      return false;
    }
  }
  return true;
}

static bool root_linked(const struct view *v) {
  const uint32_t at = v->fw->image.record_at[FW_IMAGE_SLOT_FUNCTION];
  const uint32_t root = at != 0 ? (uint32_t)VF_GET(image_function, v->image + at, rx_root_table)
                                : fw_ctx(v->fw, v->fn)->rx_root_table;
  return none_or(v, FW_IMAGE_FT, root);
}

/* Every object that would be there after the load, whether the image carries it or not. */
static bool all_linked(struct view *v) {
  const struct vf_function *ctx = fw_ctx(v->fw, v->fn);
  const uint32_t sets = v->fw->image.record_at[FW_IMAGE_SLOT_SETS];
  if (sets != 0) {
    fw_state_bits_decode(VF_PTR(image_sets, v->image + sets, pd), v->pd, VF_PD_COUNT);
    fw_state_bits_decode(VF_PTR(image_sets, v->image + sets, td), v->td, VF_TD_COUNT);
    fw_state_bits_decode(VF_PTR(image_sets, v->image + sets, uar), v->uar, VF_UAR_COUNT);
  } else {
    memcpy(v->pd, ctx->pd, sizeof v->pd);
    memcpy(v->td, ctx->td, sizeof v->td);
    memcpy(v->uar, ctx->uar, sizeof v->uar);
  }
  for (unsigned kind = FW_IMAGE_EQ; kind < FW_IMAGE_KINDS; ++kind) {
    const struct fw_image_kind *info = fw_image_kind_info(kind);
    for (uint32_t index = 0; index < info->count; ++index) {
      const uint32_t slot = info->slot + index;
      union fw_state_object object;
      if (v->fw->image.present[slot] == 0) {
        continue;
      }
      if (v->fw->image.record_at[slot] != 0) {
        fw_state_decode(kind, v->image + v->fw->image.record_at[slot], &object);
      } else {
        fw_state_copy(kind, fw_state_at(fw_ctx(v->fw, v->fn), kind, index), &object);
      }
      if (!object_linked(v, kind, &object)) {
        return false;
      }
    }
  }
  return root_linked(v) && events_linked(v);
}

/* ---- the image as a whole ---- */

static uint32_t check_place(const struct fw *fw, uint32_t fn, const uint8_t *image) {
  const struct fw_vhca *v = &fw->vhca[fn];
  if (VF_GET(image_header, image, msix_vectors) > VF_MSIX_VECTORS ||
      (VF_GET(image_header, image, features) & ~(uint64_t)FW_IMAGE_FEATURES) != 0) {
    return VF_SYND_IMAGE_FOREIGN_DEVICE;
  }
  if (VF_GET(image_header, image, kind) == FW_IMAGE_FULL) {
    return VF_SYND_NONE;
  }
  if (v->load_state != FW_LOAD_OPEN || VF_GET(image_header, image, base_id) != v->load_id ||
      VF_GET(image_header, image, sequence) != (uint64_t)v->load_sequence + 1) {
    return VF_SYND_IMAGE_SEQUENCE;
  }
  return VF_SYND_NONE;
}

/* Records that every full image has; a split one must have the first of them. */
static bool complete(const struct fw *fw, const uint8_t *image) {
  const bool split = (VF_GET(image_header, image, flags) & FW_IMAGE_MORE) != 0;
  const uint32_t *at = fw->image.record_at;
  if (VF_GET(image_header, image, kind) != FW_IMAGE_FULL) {
    return true;
  }
  return at[FW_IMAGE_SLOT_FUNCTION] != 0 &&
         (split || (at[FW_IMAGE_SLOT_FW_PAGES] != 0 && at[FW_IMAGE_SLOT_SETS] != 0 && at[FW_IMAGE_SLOT_EVENTS] != 0 &&
                    at[FW_IMAGE_SLOT_COUNTERS] != 0 && at[FW_IMAGE_SLOT_COUNTERS + 1] != 0));
}

uint32_t fw_state_check(struct fw *fw, uint32_t fn, const uint8_t *image, uint32_t bytes) {
  const uint32_t misplaced = check_place(fw, fn, image);
  if (misplaced != VF_SYND_NONE) {
    return misplaced;
  }
  const bool full = VF_GET(image_header, image, kind) == FW_IMAGE_FULL;
  memset(fw->image.record_at, 0, sizeof fw->image.record_at);
  for (unsigned kind = 0; kind < FW_IMAGE_KINDS; ++kind) {
    const struct fw_image_kind *info = fw_image_kind_info(kind);
    for (uint32_t index = 0; index < info->count; ++index) {
      fw->image.present[info->slot + index] = !full && fw_state_exists(fw, fn, kind, index);
    }
  }
  struct fw_image_record r;
  for (bool more = fw_image_first(image, bytes, &r); more; more = fw_image_next(image, bytes, &r)) {
    const uint32_t slot = fw_image_kind_info((unsigned)r.kind)->slot + r.index;
    if (r.tombstone && r.kind < FW_IMAGE_EQ && r.kind != FW_IMAGE_CAPS) {
      return VF_SYND_IMAGE_BAD_RECORD;
    }
    if (!r.tombstone && !record_good(fw, fn, &r)) {
      return VF_SYND_IMAGE_BAD_FIELD;
    }
    fw->image.present[slot] = !r.tombstone;
    fw->image.record_at[slot] = r.tombstone ? 0 : r.offset + FW_IMAGE_HEAD;
  }
  if (!complete(fw, image)) {
    return VF_SYND_IMAGE_BAD_RECORD;
  }
  /* References of a split image may lead into the part that is still to come. */
  struct view v = {.fw = fw, .fn = fn, .image = image};
  const bool split = (VF_GET(image_header, image, flags) & FW_IMAGE_MORE) != 0;
  return split || all_linked(&v) ? VF_SYND_NONE : VF_SYND_IMAGE_BAD_FIELD;
}
