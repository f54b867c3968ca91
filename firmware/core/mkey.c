/* Memory keys: physical addresses, or a list of pages. */
#include "firmware/core/object.h"

enum {
  MKEY_PAGES_AT = 64, /* keys from which on the function gets more memory from its driver */
  MKEY_PAGES_ASKED = 4,
  MKEY_FIRST_RESERVED = 1, /* key indices below VF_MKEY_BASE that QUERY_SPECIAL_CONTEXTS names */
  MTTS_PER_OCTWORD = 2,
};
VF_STATIC_ASSERT(MKEY_FIRST_RESERVED + 3 < VF_MKEY_BASE,
                 "reserved keys do not collide with CREATE_MKEY");

static uint32_t access_mode(const uint8_t* mkc) {
  return (uint32_t)(VF_GET(mkc, mkc, access_mode_4_2) << 2 | VF_GET(mkc, mkc, access_mode_1_0));
}

static bool check(struct fw* fw, struct fw_cmd* cmd, const uint8_t* mkc) {
  const uint32_t mode = access_mode(mkc);
  const uint64_t start = VF_GET(mkc, mkc, start_addr);
  const uint64_t len = VF_GET(mkc, mkc, len);
  const bool whole = VF_GET(mkc, mkc, length64) != 0;
  if ((mode != VF_MKC_MODE_PA && mode != VF_MKC_MODE_MTT) || VF_GET(mkc, mkc, free) != 0 ||
      VF_GET(mkc, mkc, umr_en) != 0 || VF_GET(mkc, mkc, bsf_en) != 0 ||
      VF_GET(create_mkey_in, cmd->in, pg_access) != 0 ||
      VF_GET(create_mkey_in, cmd->in, mkey_umem_valid) != 0 ||
      VF_GET(create_mkey_in, cmd->in, data_direct) != 0 || (mode == VF_MKC_MODE_MTT && whole)) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  if (!whole && (len == 0 || start + len - 1 < start)) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  return fw_obj_ref(fw, cmd, FW_PD, VF_GET(mkc, mkc, pd), true);
}

/* Page list of a key. Its octwords must hold all pages; an odd list has one entry of padding, which
 * is not kept. */
static bool install_list(struct fw* fw, struct fw_cmd* cmd, const uint8_t* mkc,
                         struct vf_pages* pages) {
  const uint32_t log_page = (uint32_t)VF_GET(mkc, mkc, log_page_size);
  if (log_page < VF_PAGE_SHIFT || log_page > FW_LOG_PAGE_MAX) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_SIZE);
  }
  const uint64_t page = UINT64_C(1) << log_page;
  const uint64_t octwords = VF_GET(create_mkey_in, cmd->in, translations_octword_actual_size);
  const uint64_t len = VF_GET(mkc, mkc, len);
  const uint64_t offset = VF_GET(mkc, mkc, start_addr) & (page - 1);
  if (len > UINT64_MAX - page || octwords > VF_GET(mkc, mkc, translations_octword_size) ||
      octwords * MTTS_PER_OCTWORD * VF_BYTES(mtt_entry) > cmd->in_len - FW_PAS ||
      (offset + len + page - 1) >> log_page > octwords * MTTS_PER_OCTWORD) {
    return fw_refuse(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_LIST);
  }
  return fw_pages_install(fw, cmd, offset + len, log_page, pages);
}

enum fw_exec fw_op_CREATE_MKEY(struct fw* fw, struct fw_cmd* cmd) {
  const uint8_t* mkc = VF_PTR(create_mkey_in, cmd->in, memory_key_mkey_entry);
  void* entry;
  if (!check(fw, cmd, mkc)) {
    return FW_EXEC_DONE;
  }
  const uint32_t index = fw_obj_new(fw, cmd, FW_MKEY, &entry);
  struct vf_mkey* key = entry;
  const bool mtt = access_mode(mkc) == VF_MKC_MODE_MTT;
  if (key == NULL || (mtt && !install_list(fw, cmd, mkc, &key->pages))) {
    return FW_EXEC_DONE;
  }
  key->mode = mtt ? VF_MKC_MODE_MTT : VF_MKC_MODE_PA;
  key->key = (uint8_t)VF_GET(mkc, mkc, mkey_7_0);
  key->local_read = (uint8_t)VF_GET(mkc, mkc, lr);
  key->local_write = (uint8_t)VF_GET(mkc, mkc, lw);
  key->remote_read = (uint8_t)VF_GET(mkc, mkc, rr);
  key->remote_write = (uint8_t)VF_GET(mkc, mkc, rw);
  key->length64 = (uint8_t)VF_GET(mkc, mkc, length64);
  key->relaxed_write = (uint8_t)VF_GET(mkc, mkc, relaxed_ordering_write);
  key->relaxed_read = (uint8_t)VF_GET(mkc, mkc, relaxed_ordering_read);
  key->pd = (uint32_t)VF_GET(mkc, mkc, pd);
  key->qpn = (uint32_t)VF_GET(mkc, mkc, qpn);
  key->start = VF_GET(mkc, mkc, start_addr);
  key->len = VF_GET(mkc, mkc, len);
  if (index == VF_MKEY_BASE + MKEY_PAGES_AT) {
    fw_request_pages(fw, cmd->fn, MKEY_PAGES_ASKED);
  }
  return fw_obj_created(fw, cmd, FW_MKEY, index);
}

enum fw_exec fw_op_QUERY_MKEY(struct fw* fw, struct fw_cmd* cmd) {
  const struct vf_mkey* key =
      fw_obj_of(fw, cmd, FW_MKEY, VF_GET(query_mkey_in, cmd->in, mkey_index));
  if (key == NULL) {
    return FW_EXEC_DONE;
  }
  uint8_t* mkc = VF_PTR(query_mkey_out, cmd->out, memory_key_mkey_entry);
  VF_SET(mkc, mkc, access_mode_1_0, key->mode);
  VF_SET(mkc, mkc, relaxed_ordering_write, key->relaxed_write);
  VF_SET(mkc, mkc, relaxed_ordering_read, key->relaxed_read);
  VF_SET(mkc, mkc, rw, key->remote_write);
  VF_SET(mkc, mkc, rr, key->remote_read);
  VF_SET(mkc, mkc, lw, key->local_write);
  VF_SET(mkc, mkc, lr, key->local_read);
  VF_SET(mkc, mkc, qpn, key->qpn);
  VF_SET(mkc, mkc, mkey_7_0, key->key);
  VF_SET(mkc, mkc, length64, key->length64);
  VF_SET(mkc, mkc, pd, key->pd);
  VF_SET(mkc, mkc, start_addr, key->start);
  VF_SET(mkc, mkc, len, key->len);
  VF_SET(mkc, mkc, translations_octword_size, (key->pages.pages + 1) / MTTS_PER_OCTWORD);
  VF_SET(mkc, mkc, log_page_size, key->mode == VF_MKC_MODE_MTT ? key->pages.log_page : 0);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_mkey_out));
}

/* Keys that stand for a purpose; none of them names memory, so hardware refuses each access through
 * them. */
enum fw_exec fw_op_QUERY_SPECIAL_CONTEXTS(struct fw* fw, struct fw_cmd* cmd) {
  (void)fw;
  const uint32_t first = MKEY_FIRST_RESERVED;
  VF_SET(query_special_contexts_out, cmd->out, dump_fill_mkey, first << 8);
  VF_SET(query_special_contexts_out, cmd->out, resd_lkey, (first + 1) << 8);
  VF_SET(query_special_contexts_out, cmd->out, null_mkey, (first + 2) << 8);
  VF_SET(query_special_contexts_out, cmd->out, terminate_scatter_list_mkey, (first + 3) << 8);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_special_contexts_out));
}
