/* Host pages that drivers lend the firmware. The firmware keeps no state in them (it has its own
 * memory), but asks for, holds and returns them by the rules, since drivers count. A function's
 * pages come from its own driver, or from the PF. */
#include <string.h>

#include "firmware/core/object.h"

enum { PAGES_LIST_AT = 16 };

static uint32_t wanted(const struct fw_function* f, uint32_t target) {
  return f->page_count < target ? target - f->page_count : 0;
}

enum fw_exec fw_op_QUERY_PAGES(struct fw* fw, struct fw_cmd* cmd) {
  if (cmd->op_mod < VF_PAGES_BOOT || cmd->op_mod > VF_PAGES_REGULAR) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OP_MOD);
  }
  if (VF_GET(query_pages_in, cmd->in, embedded_cpu_function) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  const int fn = fw_function_of(fw, cmd, VF_GET(query_pages_in, cmd->in, function_id));
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  const struct fw_function* f = &fw->fn[fn];
  uint32_t pages = f->pages_asked;
  if (cmd->op_mod != VF_PAGES_REGULAR) {
    pages = wanted(f, cmd->op_mod == VF_PAGES_BOOT ? FW_BOOT_PAGES : FW_BOOT_PAGES + FW_INIT_PAGES);
  }
  VF_SET(query_pages_out, cmd->out, function_id, VF_GET(query_pages_in, cmd->in, function_id));
  VF_SET(query_pages_out, cmd->out, num_pages, pages);
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(query_pages_out));
}

static bool holds(const struct fw_function* f, uint64_t page) {
  for (uint32_t i = 0; i < f->page_count; ++i) {
    if (f->page[i] == page) {
      return true;
    }
  }
  return false;
}

/* All or nothing: a list with a bad entry leaves the function as it was. */
static enum fw_exec give(struct fw_cmd* cmd, struct fw_function* f, uint64_t owner) {
  const uint64_t count = VF_GET(manage_pages_in, cmd->in, input_num_entries);
  const uint32_t before = f->page_count;
  if (cmd->in_len < PAGES_LIST_AT + count * 8) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
  }
  if (before + count > VF_FW_PAGES) {
    return fw_cmd_fail(cmd, VF_STATUS_LIMIT, VF_SYND_OUT_OF_CONTEXTS);
  }
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t page = vf_be64_load(cmd->in + PAGES_LIST_AT + i * 8);
    if (page == 0 || page % VF_PAGE_BYTES != 0 || holds(f, page | owner)) {
      f->page_count = before;
      return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_ADDRESS);
    }
    f->page[f->page_count++] = page | owner;
  }
  f->pages_asked -= count < f->pages_asked ? (uint32_t)count : f->pages_asked;
  return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(manage_pages_out));
}

/* A function that runs keeps what it was started with; the newest pages go first. */
static enum fw_exec take(struct fw_cmd* cmd, struct fw_function* f, uint64_t owner) {
  const uint64_t asked = VF_GET(manage_pages_in, cmd->in, input_num_entries);
  const uint32_t room = cmd->out_len > PAGES_LIST_AT ? (cmd->out_len - PAGES_LIST_AT) / 8 : 0;
  const uint32_t keep = f->initialized ? FW_BOOT_PAGES + FW_INIT_PAGES : 0;
  uint32_t taken = 0;
  for (uint32_t i = f->page_count;
       i-- > 0 && taken < asked && taken < room && f->page_count > keep;) {
    if ((f->page[i] & FW_PAGE_OF_PF) == owner) {
      vf_be64_store(cmd->out + PAGES_LIST_AT + taken++ * 8, f->page[i] & ~FW_PAGE_OF_PF);
      memmove(&f->page[i], &f->page[i + 1], (--f->page_count - i) * sizeof(f->page[0]));
    }
  }
  VF_SET(manage_pages_out, cmd->out, output_num_entries, taken);
  return fw_cmd_ok(cmd, PAGES_LIST_AT + taken * 8);
}

enum fw_exec fw_op_MANAGE_PAGES(struct fw* fw, struct fw_cmd* cmd) {
  if (VF_GET(manage_pages_in, cmd->in, embedded_cpu_function) != 0) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  }
  const int fn = fw_function_of(fw, cmd, VF_GET(manage_pages_in, cmd->in, function_id));
  if (fn < 0) {
    return FW_EXEC_DONE;
  }
  struct fw_function* f = &fw->fn[fn];
  const uint64_t owner = fn != cmd->fn ? FW_PAGE_OF_PF : 0;
  switch (cmd->op_mod) {
    case VF_PAGES_GIVE:
      return give(cmd, f, owner);
    case VF_PAGES_TAKE:
      return take(cmd, f, owner);
    default:
      f->pages_asked = 0; /* the host has none: carry on without */
      return fw_cmd_ok(cmd, (uint32_t)VF_BYTES(manage_pages_out));
  }
}

/* A function that is not enabled has no driver: the PF answers for it. */
void fw_request_pages(struct fw* fw, uint32_t fn, int32_t count) {
  const bool own = fw_ctx(fw, fn)->enabled;
  uint8_t data[VF_LAYOUT_BYTES_eqe_page_request] = {0};
  VF_SET(eqe_page_request, data, function_id, own ? 0 : fn);
  VF_SET(eqe_page_request, data, num_pages, (uint32_t)count);
  if (fw_event(fw, own ? fn : 0, VF_EVENT_PAGE_REQUEST, 0, data) && count > 0) {
    fw->fn[fn].pages_asked += (uint32_t)count;
  }
}
