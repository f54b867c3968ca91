#include "firmware/core/state_record.h"

#include <string.h>

#include "firmware/core/object.h"
#include "firmware/interface/faults.h"

typedef struct vf_eq image_eq_ctx;
typedef struct vf_cq image_cq_ctx;
typedef struct vf_wq image_sq_ctx;
typedef struct vf_wq image_rq_ctx;
typedef struct vf_mkey image_mkey_ctx;
typedef struct vf_qp image_qp_ctx;
typedef struct vf_tis image_tis_ctx;
typedef struct vf_tir image_tir_ctx;
typedef struct vf_rqt image_rqt_ctx;
typedef struct vf_flow_table image_ft_ctx;
typedef struct vf_flow_group image_fg_ctx;
typedef struct vf_flow_entry image_fte_ctx;
typedef struct vf_q_counter image_q_counter_ctx;
typedef struct vf_port_counters image_counters_ctx;

/* A member of a context structure and its place in the payload. */
struct member {
  uint16_t layout, bit, width;
  uint16_t offset;
  uint8_t size; /* of one number */
};

static const struct member members[] = {
#define FIELD(s, f, off, w, doc) \
  {FW_IMAGE_LAYOUT_##s, off, w, offsetof(s##_ctx, f), (uint8_t)sizeof(((s##_ctx *)0)->f)},
#define BLOB(s, f, off, w, doc) \
  {FW_IMAGE_LAYOUT_##s, off, w, offsetof(s##_ctx, f), (uint8_t)sizeof(((s##_ctx *)0)->f[0])},
#include "firmware/interface/image_contexts.def"
#undef FIELD
#undef BLOB
};

#define NO_OFFSET UINT32_MAX

/* Where the objects of a kind are, and the parts of them that do not mirror a payload field. */
struct place {
  uint32_t array, size, pages, gen;
};

static const struct place places[FW_IMAGE_KINDS] = {
#define PLACE(kind, type, array, pages, gen) [FW_IMAGE_##kind] = {offsetof(struct vf_function, array), sizeof(type), pages, gen}
    PLACE(EQ, struct vf_eq, eq, offsetof(struct vf_eq, ring), offsetof(struct vf_eq, gen)),
    PLACE(CQ, struct vf_cq, cq, offsetof(struct vf_cq, ring), offsetof(struct vf_cq, gen)),
    PLACE(SQ, struct vf_wq, sq, offsetof(struct vf_wq, ring), offsetof(struct vf_wq, gen)),
    PLACE(RQ, struct vf_wq, rq, offsetof(struct vf_wq, ring), offsetof(struct vf_wq, gen)),
    PLACE(MKEY, struct vf_mkey, mkey, offsetof(struct vf_mkey, pages), offsetof(struct vf_mkey, gen)),
    PLACE(QP, struct vf_qp, qp, offsetof(struct vf_qp, ring), offsetof(struct vf_qp, gen)),
    PLACE(TIS, struct vf_tis, tis, NO_OFFSET, offsetof(struct vf_tis, gen)),
    PLACE(TIR, struct vf_tir, tir, NO_OFFSET, NO_OFFSET),
    PLACE(RQT, struct vf_rqt, rqt, NO_OFFSET, NO_OFFSET),
    PLACE(FT, struct vf_flow_table, ft, NO_OFFSET, NO_OFFSET),
    PLACE(FG, struct vf_flow_group, fg, NO_OFFSET, NO_OFFSET),
    PLACE(FTE, struct vf_flow_entry, fte, NO_OFFSET, NO_OFFSET),
    PLACE(QC, struct vf_q_counter, qc, NO_OFFSET, NO_OFFSET),
#undef PLACE
};

static uint64_t number_load(const uint8_t *p, uint8_t size) {
  uint64_t v64 = 0;
  uint32_t v32 = 0;
  uint16_t v16 = 0;
  switch (size) {
    case 1:
      return *p;
    case 2:
      memcpy(&v16, p, sizeof v16);
      return v16;
    case 4:
      memcpy(&v32, p, sizeof v32);
      return v32;
    default:
      memcpy(&v64, p, sizeof v64);
      return v64;
  }
}

static void number_store(uint8_t *p, uint8_t size, uint64_t v) {
  const uint32_t v32 = (uint32_t)v;
  const uint16_t v16 = (uint16_t)v;
  switch (size) {
    case 1:
      *p = (uint8_t)v;
      break;
    case 2:
      memcpy(p, &v16, sizeof v16);
      break;
    case 4:
      memcpy(p, &v32, sizeof v32);
      break;
    default:
      memcpy(p, &v, sizeof v);
      break;
  }
}

static void members_encode(uint16_t layout, const void *object, uint8_t *payload) {
  for (size_t i = 0; i < sizeof members / sizeof members[0]; ++i) {
    const struct member *m = &members[i];
    if (m->layout == layout) {
      const uint8_t *p = (const uint8_t *)object + m->offset;
      const size_t bits = (size_t)m->size * 8;
      for (size_t at = 0; at < m->width; at += bits) {
        vf_field_set(payload, m->bit + at, bits, number_load(p + at / 8, m->size));
      }
    }
  }
}

static void members_decode(uint16_t layout, const uint8_t *payload, void *object) {
  for (size_t i = 0; i < sizeof members / sizeof members[0]; ++i) {
    const struct member *m = &members[i];
    if (m->layout == layout) {
      uint8_t *p = (uint8_t *)object + m->offset;
      const size_t bits = (size_t)m->size * 8;
      for (size_t at = 0; at < m->width; at += bits) {
        number_store(p + at / 8, m->size, vf_field_get(payload, m->bit + at, bits));
      }
    }
  }
}

void *fw_state_at(struct vf_function *ctx, unsigned kind, uint32_t index) {
  return (uint8_t *)ctx + places[kind].array + (size_t)index * places[kind].size;
}

struct vf_pages *fw_state_pages(unsigned kind, void *object) {
  const uint32_t at = places[kind].pages;
  return kind < FW_IMAGE_EQ || at == NO_OFFSET ? NULL : (struct vf_pages *)(void *)((uint8_t *)object + at);
}

/* Pages that the function's own driver gave: only these move, the PF's stay with the PF. */
static uint32_t own_pages(const struct fw_function *f) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < f->page_count; ++i) {
    n += (f->page[i] & FW_PAGE_OF_PF) == 0;
  }
  return n;
}

bool fw_state_exists(const struct fw *fw, uint32_t fn, unsigned kind, uint32_t index) {
  if (kind < FW_IMAGE_EQ) {
    return kind != FW_IMAGE_CAPS || fw->fn[fn].caps_changed[index];
  }
  return *(const uint8_t *)fw_state_at(fw_ctx(fw, fn), kind, index) != 0; /* `valid` leads every context */
}

static uint32_t list_count(const struct fw *fw, uint32_t fn, unsigned kind, uint32_t index) {
  struct vf_function *ctx = fw_ctx(fw, fn);
  switch (kind) {
    case FW_IMAGE_FW_PAGES:
      return own_pages(&fw->fn[fn]);
    case FW_IMAGE_EVENTS:
      return ctx->held_events;
    case FW_IMAGE_RQT:
      return ctx->rqt[index].actual;
    default:
      return fw_state_pages(kind, fw_state_at(ctx, kind, index))->pages;
  }
}

uint32_t fw_state_bytes(const struct fw *fw, uint32_t fn, unsigned kind, uint32_t index) {
  const struct fw_image_kind *info = fw_image_kind_info(kind);
  if (info->list == FW_IMAGE_LIST_NONE) {
    return info->fixed;
  }
  return info->fixed + fw_image_list_bytes(info->list, list_count(fw, fn, kind, index));
}

static void encode_function(struct fw *fw, uint32_t fn, uint8_t *p) {
  const struct fw_function *f = &fw->fn[fn];
  const struct vf_function *ctx = fw_ctx(fw, fn);
  VF_SET(image_function, p, initialized, f->initialized);
  VF_SET(image_function, p, issi, f->issi);
  VF_SET(image_function, p, port_admin_up, f->port_admin_up);
  VF_SET(image_function, p, promiscuous, ctx->promiscuous);
  VF_SET(image_function, p, link_up, ctx->link_up);
  VF_SET(image_function, p, mac_count, ctx->mac_count);
  VF_SET(image_function, p, mtu, ctx->mtu);
  VF_SET(image_function, p, vport_admin, f->vport_admin);
  VF_SET(image_function, p, vport_up, f->vport_up);
  VF_SET(image_function, p, promisc, f->promisc);
  VF_SET(image_function, p, mc_count, f->mc_count);
  VF_SET(image_function, p, pages_asked, f->pages_asked);
  VF_SET(image_function, p, rx_root_table, ctx->rx_root_table);
  VF_SET(image_function, p, cmdq_hi, fw_reg_read(fw, fw_fn_reg(fn, FW_FN_CMDQ_HI)));
  VF_SET(image_function, p, cmdq_lo, fw_reg_read(fw, fw_fn_reg(fn, FW_FN_CMDQ_LO)));
  VF_SET(image_function, p, cmd_db, fw_reg_read(fw, fw_fn_reg(fn, FW_FN_CMD_DB)));
  if (!vf_fault(fw->config.faults, VF_FAULT_irq_lost_in_migration)) {
    VF_SET(image_function, p, msix_pend, fw_reg_read(fw, fw_fn_reg(fn, FW_FN_MSIX_PEND)) | fw->vhca[fn].pend_vectors);
  }
  VF_SET(image_function, p, system_image_guid, f->system_image_guid);
  VF_SET(image_function, p, port_guid, f->port_guid);
  VF_SET(image_function, p, node_guid, f->node_guid);
  memcpy(VF_PTR(image_function, p, mac), ctx->mac, sizeof ctx->mac);
  memcpy(VF_PTR(image_function, p, mc), f->mc, sizeof f->mc);
  memcpy(VF_PTR(image_function, p, driver_version), f->driver_version, sizeof f->driver_version);
}

static void bits_encode(uint8_t *bits, const uint8_t *set, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (set[i] != 0) {
      bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
    }
  }
}

void fw_state_bits_decode(const uint8_t *bits, uint8_t *set, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    set[i] = (bits[i / 8] & 0x80 >> i % 8) != 0;
  }
}

static void encode_events(const struct vf_function *ctx, uint8_t *list) {
  for (uint32_t i = 0; i < ctx->held_events; ++i) {
    const struct vf_event *e = &ctx->held_event[i];
    uint8_t *p = list + i * VF_BYTES(image_event);
    VF_SET(image_event, p, type, e->type);
    VF_SET(image_event, p, sub_type, e->sub_type);
    VF_SET(image_event, p, eqn, e->eqn);
    memcpy(VF_PTR(image_event, p, data), e->data, sizeof e->data);
  }
}

static void encode_fw_pages(const struct fw_function *f, uint8_t *list) {
  for (uint32_t i = 0; i < f->page_count; ++i) {
    if ((f->page[i] & FW_PAGE_OF_PF) == 0) {
      vf_be64_store(list, f->page[i]);
      list += 8;
    }
  }
}

static void encode_object(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index, uint8_t *payload) {
  const struct fw_image_kind *info = fw_image_kind_info(kind);
  void *object = fw_state_at(fw_ctx(fw, fn), kind, index);
  const struct vf_pages *pages = fw_state_pages(kind, object);
  members_encode(info->layout, object, payload);
  if (pages != NULL) {
    VF_SET(image_list, payload, list_log_page, pages->log_page);
    for (uint32_t i = 0; i < pages->pages; ++i) {
      vf_be64_store(payload + info->fixed + (size_t)i * 8, fw->hal->ram->mtt[pages->mtt + i]);
    }
  } else if (kind == FW_IMAGE_RQT) {
    const struct vf_rqt *rqt = (const struct vf_rqt *)object;
    for (uint32_t i = 0; i < rqt->actual; ++i) {
      vf_be32_store(payload + info->fixed + (size_t)i * 4, rqt->rqn[i]);
    }
  }
}

uint32_t fw_state_encode(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index, uint8_t *payload) {
  const struct fw_image_kind *info = fw_image_kind_info(kind);
  const uint32_t bytes = fw_state_bytes(fw, fn, kind, index);
  const struct vf_function *ctx = fw_ctx(fw, fn);
  memset(payload, 0, bytes);
  if (info->list != FW_IMAGE_LIST_NONE) {
    VF_SET(image_list, payload, list_count, list_count(fw, fn, kind, index));
  }
  switch (kind) {
    case FW_IMAGE_FUNCTION:
      encode_function(fw, fn, payload);
      break;
    case FW_IMAGE_CAPS:
      memcpy(payload, fw->fn[fn].caps_set[index], sizeof fw->fn[fn].caps_set[index]);
      break;
    case FW_IMAGE_FW_PAGES:
      encode_fw_pages(&fw->fn[fn], payload + info->fixed);
      break;
    case FW_IMAGE_SETS:
      bits_encode(VF_PTR(image_sets, payload, pd), ctx->pd, VF_PD_COUNT);
      bits_encode(VF_PTR(image_sets, payload, uar), ctx->uar, VF_UAR_COUNT);
      bits_encode(VF_PTR(image_sets, payload, td), ctx->td, VF_TD_COUNT);
      break;
    case FW_IMAGE_EVENTS:
      encode_events(ctx, payload + info->fixed);
      break;
    case FW_IMAGE_COUNTERS:
      members_encode(info->layout, index == 0 ? &ctx->counters : &fw->port_base[fn], payload);
      break;
    default:
      encode_object(fw, fn, kind, index, payload);
      break;
  }
  return bytes;
}

void fw_state_decode(unsigned kind, const uint8_t *payload, union fw_state_object *object) {
  const struct fw_image_kind *info = fw_image_kind_info(kind);
  memset(object, 0, sizeof *object);
  members_decode(info->layout, payload, object);
  *(uint8_t *)object = 1;
  struct vf_pages *pages = fw_state_pages(kind, object);
  if (pages != NULL) {
    pages->pages = (uint32_t)VF_GET(image_list, payload, list_count);
    pages->log_page = (uint8_t)VF_GET(image_list, payload, list_log_page);
  } else if (kind == FW_IMAGE_RQT) {
    const uint32_t count = (uint32_t)VF_GET(image_list, payload, list_count);
    for (uint32_t i = 0; i < count && i < VF_RQT_ENTRIES; ++i) {
      object->rqt.rqn[i] = vf_be32_load(payload + info->fixed + (size_t)i * 4);
    }
  }
}

void fw_state_copy(unsigned kind, const void *object, union fw_state_object *copy) {
  memcpy(copy, object, places[kind].size);
}

static void install_function(struct fw *fw, uint32_t fn, const uint8_t *p) {
  struct fw_function *f = &fw->fn[fn];
  struct vf_function *ctx = fw_ctx(fw, fn);
  f->initialized = VF_GET(image_function, p, initialized) != 0;
  f->issi = (uint8_t)VF_GET(image_function, p, issi);
  f->port_admin_up = (uint8_t)VF_GET(image_function, p, port_admin_up);
  ctx->promiscuous = (uint8_t)VF_GET(image_function, p, promiscuous);
  ctx->link_up = (uint8_t)VF_GET(image_function, p, link_up);
  ctx->mac_count = (uint8_t)VF_GET(image_function, p, mac_count);
  ctx->mtu = (uint16_t)VF_GET(image_function, p, mtu);
  f->vport_admin = (uint8_t)VF_GET(image_function, p, vport_admin);
  f->vport_up = VF_GET(image_function, p, vport_up) != 0;
  f->promisc = (uint8_t)VF_GET(image_function, p, promisc);
  f->mc_count = (uint8_t)VF_GET(image_function, p, mc_count);
  f->pages_asked = (uint32_t)VF_GET(image_function, p, pages_asked);
  ctx->rx_root_table = (uint32_t)VF_GET(image_function, p, rx_root_table);
  f->system_image_guid = VF_GET(image_function, p, system_image_guid);
  f->port_guid = VF_GET(image_function, p, port_guid);
  f->node_guid = VF_GET(image_function, p, node_guid);
  memcpy(ctx->mac, VF_PTR(image_function, p, mac), sizeof ctx->mac);
  memcpy(f->mc, VF_PTR(image_function, p, mc), sizeof f->mc);
  memcpy(f->driver_version, VF_PTR(image_function, p, driver_version), sizeof f->driver_version);
  /* Vectors wait for RESUME: a later image may say that they are no longer pending. */
  fw->vhca[fn].pend_vectors = (uint32_t)VF_GET(image_function, p, msix_pend);
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_CMDQ_HI), (uint32_t)VF_GET(image_function, p, cmdq_hi));
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_CMDQ_LO), (uint32_t)VF_GET(image_function, p, cmdq_lo));
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_CMD_DB), UINT32_MAX);
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_CMD_DB_SET), (uint32_t)VF_GET(image_function, p, cmd_db));
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_MAC_UPDATE), 1);
}

/* The driver's pages are replaced; those that the PF gave stay. */
static void install_fw_pages(struct fw_function *f, const uint8_t *list, uint32_t count) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < f->page_count; ++i) {
    if ((f->page[i] & FW_PAGE_OF_PF) != 0) {
      f->page[kept++] = f->page[i];
    }
  }
  for (uint32_t i = 0; i < count && kept < VF_FW_PAGES; ++i) {
    f->page[kept++] = vf_be64_load(list + (size_t)i * 8);
  }
  f->page_count = kept;
}

static void install_events(struct vf_function *ctx, const uint8_t *list, uint32_t count) {
  memset(ctx->held_event, 0, sizeof ctx->held_event);
  ctx->held_events = count;
  for (uint32_t i = 0; i < count; ++i) {
    const uint8_t *p = list + i * VF_BYTES(image_event);
    struct vf_event *e = &ctx->held_event[i];
    e->type = (uint8_t)VF_GET(image_event, p, type);
    e->sub_type = (uint8_t)VF_GET(image_event, p, sub_type);
    e->eqn = (uint32_t)VF_GET(image_event, p, eqn);
    memcpy(e->data, VF_PTR(image_event, p, data), sizeof e->data);
  }
}

static uint16_t gen_load(unsigned kind, const void *object) {
  const uint32_t at = places[kind].gen;
  return at == NO_OFFSET ? 0 : (uint16_t)number_load((const uint8_t *)object + at, 2);
}

static void gen_store(unsigned kind, void *object, uint16_t gen) {
  if (places[kind].gen != NO_OFFSET) {
    number_store((uint8_t *)object + places[kind].gen, 2, gen);
  }
}

static void announce(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index) {
  if (kind == FW_IMAGE_MKEY) {
    fw_key_changed(fw, fn, VF_MKEY_BASE + index);
  }
}

void fw_state_remove(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index) {
  if (!fw_state_exists(fw, fn, kind, index)) {
    return;
  }
  if (kind == FW_IMAGE_CAPS) {
    fw->fn[fn].caps_changed[index] = false;
    return;
  }
  void *object = fw_state_at(fw_ctx(fw, fn), kind, index);
  const struct vf_pages *pages = fw_state_pages(kind, object);
  const uint16_t gen = gen_load(kind, object);
  if (pages != NULL && pages->pages != 0) {
    fw_mtt_free(fw, pages->mtt, pages->pages);
  }
  memset(object, 0, places[kind].size);
  gen_store(kind, object, (uint16_t)(gen + 1));
  announce(fw, fn, kind, index);
}

static void install_object(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index, const uint8_t *payload,
                           uint32_t mtt) {
  const struct fw_image_kind *info = fw_image_kind_info(kind);
  union fw_state_object decoded;
  fw_state_remove(fw, fn, kind, index);
  fw_state_decode(kind, payload, &decoded);
  void *object = fw_state_at(fw_ctx(fw, fn), kind, index);
  const uint16_t gen = gen_load(kind, object);
  memcpy(object, &decoded, places[kind].size);
  gen_store(kind, object, (uint16_t)(gen + 1));
  struct vf_pages *pages = fw_state_pages(kind, object);
  if (pages != NULL && pages->pages != 0) {
    pages->mtt = mtt;
    for (uint32_t i = 0; i < pages->pages; ++i) {
      fw->hal->ram->mtt[mtt + i] = vf_be64_load(payload + info->fixed + (size_t)i * 8);
    }
    fw_mtt_changed(fw, mtt, pages->pages);
  }
  announce(fw, fn, kind, index);
}

void fw_state_install(struct fw *fw, uint32_t fn, unsigned kind, uint32_t index, const uint8_t *payload, uint32_t mtt) {
  const struct fw_image_kind *info = fw_image_kind_info(kind);
  struct vf_function *ctx = fw_ctx(fw, fn);
  const uint8_t *list = payload + info->fixed;
  const uint32_t count = info->list == FW_IMAGE_LIST_NONE ? 0 : (uint32_t)VF_GET(image_list, payload, list_count);
  switch (kind) {
    case FW_IMAGE_FUNCTION:
      install_function(fw, fn, payload);
      break;
    case FW_IMAGE_CAPS:
      memcpy(fw->fn[fn].caps_set[index], payload, sizeof fw->fn[fn].caps_set[index]);
      fw->fn[fn].caps_changed[index] = true;
      break;
    case FW_IMAGE_FW_PAGES:
      install_fw_pages(&fw->fn[fn], list, count);
      break;
    case FW_IMAGE_SETS:
      fw_state_bits_decode(VF_PTR(image_sets, payload, pd), ctx->pd, VF_PD_COUNT);
      fw_state_bits_decode(VF_PTR(image_sets, payload, uar), ctx->uar, VF_UAR_COUNT);
      fw_state_bits_decode(VF_PTR(image_sets, payload, td), ctx->td, VF_TD_COUNT);
      break;
    case FW_IMAGE_EVENTS:
      install_events(ctx, list, count);
      break;
    case FW_IMAGE_COUNTERS:
      members_decode(info->layout, payload, index == 0 ? &ctx->counters : &fw->port_base[fn]);
      break;
    default:
      install_object(fw, fn, kind, index, payload, mtt);
      break;
  }
}
