#include "firmware/core/object.h"

#include <string.h>

#define MEMBER(type, m) (((type*)0)->m)

/* Where a kind lives in struct vf_function. The first byte of every context is `valid`. */
struct kind {
  uint32_t offset, bytes, base, count;
  uint16_t gen;   /* offset of the 16-bit generation in the context, 0 = none */
  uint16_t pages; /* offset of its struct vf_pages, 0 = none */
};

#define KIND(array, name, gen_at, pages_at)                                                       \
  {                                                                                               \
    (uint32_t) offsetof(struct vf_function, array), sizeof(MEMBER(struct vf_function, array[0])), \
        VF_##name##_BASE, VF_##name##_COUNT, (uint16_t)(gen_at), (uint16_t)(pages_at)             \
  }
enum { VF_UAR_BASE = VF_BAR_FIRST_UAR, VF_FTE_BASE = 0 };

static const struct kind kinds[FW_KINDS] = {
    [FW_EQ] = KIND(eq, EQ, offsetof(struct vf_eq, gen), offsetof(struct vf_eq, ring)),
    [FW_CQ] = KIND(cq, CQ, offsetof(struct vf_cq, gen), offsetof(struct vf_cq, ring)),
    [FW_SQ] = KIND(sq, SQ, offsetof(struct vf_wq, gen), offsetof(struct vf_wq, ring)),
    [FW_RQ] = KIND(rq, RQ, offsetof(struct vf_wq, gen), offsetof(struct vf_wq, ring)),
    [FW_QP] = KIND(qp, QP, offsetof(struct vf_qp, gen), offsetof(struct vf_qp, ring)),
    [FW_MKEY] = KIND(mkey, MKEY, offsetof(struct vf_mkey, gen), offsetof(struct vf_mkey, pages)),
    [FW_TIS] = KIND(tis, TIS, offsetof(struct vf_tis, gen), 0),
    [FW_TIR] = KIND(tir, TIR, 0, 0),
    [FW_RQT] = KIND(rqt, RQT, 0, 0),
    [FW_FT] = KIND(ft, FT, 0, 0),
    [FW_FG] = KIND(fg, FG, 0, 0),
    [FW_FTE] = KIND(fte, FTE, 0, 0),
    [FW_QC] = KIND(qc, QC, 0, 0),
    [FW_PD] = KIND(pd, PD, 0, 0),
    [FW_TD] = KIND(td, TD, 0, 0),
    [FW_UAR] = KIND(uar, UAR, 0, 0),
};

/* Who holds whom: the 32-bit field at `at` of a context of kind `from` is the number of a `to`; 0 =
 * of none. */
struct reference {
  uint8_t from, to;
  uint16_t at;
};
#define REF(from, type, field, to) \
  { from, to, (uint16_t)offsetof(struct type, field) }

static const struct reference references[] = {
    REF(FW_EQ, vf_eq, uar, FW_UAR),
    REF(FW_CQ, vf_cq, uar, FW_UAR),
    REF(FW_CQ, vf_cq, eqn, FW_EQ),
    REF(FW_SQ, vf_wq, uar, FW_UAR),
    REF(FW_SQ, vf_wq, cqn, FW_CQ),
    REF(FW_SQ, vf_wq, tisn, FW_TIS),
    REF(FW_SQ, vf_wq, pd, FW_PD),
    REF(FW_RQ, vf_wq, uar, FW_UAR),
    REF(FW_RQ, vf_wq, cqn, FW_CQ),
    REF(FW_RQ, vf_wq, pd, FW_PD),
    REF(FW_RQ, vf_wq, q_counter, FW_QC),
    REF(FW_QP, vf_qp, uar, FW_UAR),
    REF(FW_QP, vf_qp, cqn_rcv, FW_CQ),
    REF(FW_QP, vf_qp, pd, FW_PD),
    REF(FW_MKEY, vf_mkey, pd, FW_PD),
    REF(FW_TIS, vf_tis, td, FW_TD),
    REF(FW_TIS, vf_tis, pd, FW_PD),
    REF(FW_TIR, vf_tir, td, FW_TD),
    REF(FW_TIR, vf_tir, inline_rqn, FW_RQ),
    REF(FW_TIR, vf_tir, rqtn, FW_RQT),
    REF(FW_FG, vf_flow_group, table, FW_FT),
    REF(FW_FT, vf_flow_table, miss_table, FW_FT),
};

static uint8_t* context(struct fw* fw, uint32_t fn, enum fw_kind kind, uint32_t index) {
  return (uint8_t*)fw_ctx(fw, fn) + kinds[kind].offset + (size_t)index * kinds[kind].bytes;
}

static uint32_t word_at(const uint8_t* entry, uint32_t at) {
  uint32_t value;
  memcpy(&value, entry + at, sizeof(value));
  return value;
}

void* fw_obj_find(struct fw* fw, uint32_t fn, enum fw_kind kind, uint64_t number) {
  const uint64_t index = number - kinds[kind].base;
  if (number < kinds[kind].base || index >= kinds[kind].count) {
    return NULL;
  }
  uint8_t* entry = context(fw, fn, kind, (uint32_t)index);
  return entry[0] ? entry : NULL;
}

bool fw_obj_exists(struct fw* fw, uint32_t fn, enum fw_kind kind, uint64_t number) {
  return fw_obj_find(fw, fn, kind, number) != NULL;
}

/* Zeroes a context but for its generation, which goes on. */
static void clear(const struct kind* kind, uint8_t* entry) {
  uint16_t gen = 0;
  if (kind->gen != 0) {
    memcpy(&gen, entry + kind->gen, sizeof(gen));
    ++gen;
  }
  memset(entry, 0, kind->bytes);
  if (kind->gen != 0) {
    memcpy(entry + kind->gen, &gen, sizeof(gen));
  }
}

void fw_key_changed(struct fw* fw, uint32_t fn, uint32_t number) {
  fw_reg_write(fw, fw_fn_reg(fn, FW_FN_MKEY_CHANGED), number);
}

static void announce(struct fw* fw, uint32_t fn, enum fw_kind kind, uint32_t number) {
  if (kind == FW_MKEY) {
    fw_key_changed(fw, fn, number);
  }
}

uint32_t fw_obj_new(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, void** entry) {
  for (uint32_t i = 0; i < kinds[kind].count; ++i) {
    uint8_t* e = context(fw, cmd->fn, kind, i);
    if (!e[0]) {
      clear(&kinds[kind], e);
      *entry = e;
      return kinds[kind].base + i;
    }
  }
  *entry = NULL;
  fw_cmd_fail(cmd, VF_STATUS_LIMIT, VF_SYND_OUT_OF_CONTEXTS);
  return UINT32_MAX;
}

enum fw_exec fw_obj_created(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, uint32_t number) {
  context(fw, cmd->fn, kind, number - kinds[kind].base)[0] = 1;
  announce(fw, cmd->fn, kind, number);
  VF_SET(object_out, cmd->out, number, number);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(object_out));
}

/* References that are not one plain field. */
static bool listed(const struct vf_function* f, enum fw_kind kind, uint32_t number) {
  for (uint32_t i = 0; kind == FW_RQ && i < VF_RQT_COUNT; ++i) {
    for (uint32_t k = 0; f->rqt[i].valid && k < f->rqt[i].actual; ++k) {
      if (f->rqt[i].rqn[k] == number) {
        return true;
      }
    }
  }
  const uint32_t dest =
      kind == FW_TIR ? (uint32_t)VF_FLOW_DEST_TIR : (uint32_t)VF_FLOW_DEST_FLOW_TABLE;
  for (uint32_t i = 0; (kind == FW_TIR || kind == FW_FT) && i < VF_FTE_COUNT; ++i) {
    const struct vf_flow_entry* e = &f->fte[i];
    if (e->valid && (e->action & VF_FLOW_ACTION_FORWARD) != 0 && e->dest_type == dest &&
        e->dest_id == number) {
      return true;
    }
  }
  return false;
}

bool fw_obj_in_use(struct fw* fw, uint32_t fn, enum fw_kind kind, uint32_t number) {
  for (size_t r = 0; r < sizeof(references) / sizeof(references[0]); ++r) {
    const enum fw_kind from = (enum fw_kind)references[r].from;
    for (uint32_t i = 0; references[r].to == kind && i < kinds[from].count; ++i) {
      const uint8_t* entry = context(fw, fn, from, i);
      if (entry[0] && word_at(entry, references[r].at) == number) {
        return true;
      }
    }
  }
  return listed(fw_ctx(fw, fn), kind, number);
}

static bool free_quietly(struct fw* fw, uint32_t fn, enum fw_kind kind, uint32_t number) {
  uint8_t* entry = fw_obj_find(fw, fn, kind, number);
  if (entry == NULL) {
    return false;
  }
  if (kinds[kind].pages != 0) {
    struct vf_pages pages;
    memcpy(&pages, entry + kinds[kind].pages, sizeof(pages));
    fw_mtt_free(fw, pages.mtt, pages.pages);
  }
  clear(&kinds[kind], entry);
  return true;
}

void fw_obj_free(struct fw* fw, uint32_t fn, enum fw_kind kind, uint32_t number) {
  if (free_quietly(fw, fn, kind, number)) {
    announce(fw, fn, kind, number);
  }
}

void fw_obj_free_all(struct fw* fw, uint32_t fn) {
  bool keys = false;
  for (uint32_t k = 0; k < FW_KINDS; ++k) {
    for (uint32_t i = 0; i < kinds[k].count; ++i) {
      keys |= free_quietly(fw, fn, (enum fw_kind)k, kinds[k].base + i) && k == FW_MKEY;
    }
  }
  if (keys) {
    fw_key_changed(fw, fn, 0);
  }
}

void fw_obj_renew(struct fw* fw, uint32_t fn, enum fw_kind kind, uint32_t number) {
  uint8_t* entry = fw_obj_find(fw, fn, kind, number);
  if (entry != NULL && kinds[kind].gen != 0) {
    uint16_t gen;
    memcpy(&gen, entry + kinds[kind].gen, sizeof(gen));
    ++gen;
    memcpy(entry + kinds[kind].gen, &gen, sizeof(gen));
    announce(fw, fn, kind, number);
  }
}

enum fw_exec fw_obj_destroy(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, uint64_t number) {
  if (fw_obj_of(fw, cmd, kind, number) == NULL) {
    return FW_EXEC_DONE;
  }
  if (fw_obj_in_use(fw, cmd->fn, kind, (uint32_t)number)) {
    return fw_cmd_fail(cmd, VF_STATUS_RES_BUSY, VF_SYND_OBJECT_IN_USE);
  }
  fw_obj_free(fw, cmd->fn, kind, (uint32_t)number);
  return fw_cmd_ok(cmd, 8);
}

bool fw_refuse(struct fw_cmd* cmd, uint8_t status, uint32_t syndrome) {
  fw_cmd_fail(cmd, status, syndrome);
  return false;
}

void* fw_obj_of(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, uint64_t number) {
  void* entry = fw_obj_find(fw, cmd->fn, kind, number);
  if (entry == NULL) {
    fw_cmd_fail(cmd, VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_OBJECT);
  }
  return entry;
}

bool fw_obj_ref(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, uint64_t number, bool must) {
  return (number == 0 && !must) || fw_obj_exists(fw, cmd->fn, kind, number) ||
         fw_refuse(cmd, VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_REFERENCE);
}

bool fw_pages_install(struct fw* fw, struct fw_cmd* cmd, uint64_t bytes, uint32_t log_page,
                      struct vf_pages* pages) {
  if (log_page < VF_PAGE_SHIFT || log_page > FW_LOG_PAGE_MAX) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  const uint64_t page_mask = (UINT64_C(1) << log_page) - 1;
  const uint64_t count = (bytes >> log_page) + ((bytes & page_mask) != 0);
  if (cmd->in_len < FW_PAS || count > (cmd->in_len - FW_PAS) / VF_BYTES(mtt_entry)) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_LIST);
  }
  const uint32_t first = fw_mtt_alloc(fw, (uint32_t)count);
  if (first == UINT32_MAX) {
    return fw_refuse(cmd, VF_STATUS_NO_RESOURCES, VF_SYND_OUT_OF_TRANSLATIONS);
  }
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t page = vf_be64_load(cmd->in + FW_PAS + i * VF_BYTES(mtt_entry));
    fw->hal->ram->mtt[first + i] =
        page & ~(uint64_t)(VF_PAGE_BYTES - 1); /* low bits: permissions, not used */
  }
  fw_mtt_changed(fw, first, (uint32_t)count);
  pages->mtt = first;
  pages->pages = (uint32_t)count;
  pages->log_page = (uint8_t)log_page;
  return true;
}
