/* Objects without a context (PD, TD, UAR, counter set), and the DESTROY commands of all that only
 * name their object. */
#include "firmware/core/object.h"

static enum fw_exec allocate(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind) {
  void* entry;
  const uint32_t number = fw_obj_new(fw, cmd, kind, &entry);
  return entry == NULL ? FW_EXEC_DONE : fw_obj_created(fw, cmd, kind, number);
}

#define ALLOCATE(op, kind)                                     \
  enum fw_exec fw_op_##op(struct fw* fw, struct fw_cmd* cmd) { \
    return allocate(fw, cmd, kind);                            \
  }
#define DESTROY(op, kind)                                                     \
  enum fw_exec fw_op_##op(struct fw* fw, struct fw_cmd* cmd) {                \
    return fw_obj_destroy(fw, cmd, kind, VF_GET(object_in, cmd->in, number)); \
  }

ALLOCATE(ALLOC_PD, FW_PD)
ALLOCATE(ALLOC_TRANSPORT_DOMAIN, FW_TD)
ALLOCATE(ALLOC_UAR, FW_UAR)
ALLOCATE(ALLOC_Q_COUNTER, FW_QC)

DESTROY(DEALLOC_PD, FW_PD)
DESTROY(DEALLOC_TRANSPORT_DOMAIN, FW_TD)
DESTROY(DEALLOC_UAR, FW_UAR)
DESTROY(DEALLOC_Q_COUNTER, FW_QC)
DESTROY(DESTROY_MKEY, FW_MKEY)
DESTROY(DESTROY_EQ, FW_EQ)
DESTROY(DESTROY_CQ, FW_CQ)
DESTROY(DESTROY_QP, FW_QP)
DESTROY(DESTROY_SQ, FW_SQ)
DESTROY(DESTROY_RQ, FW_RQ)
DESTROY(DESTROY_TIS, FW_TIS)
DESTROY(DESTROY_TIR, FW_TIR)
DESTROY(DESTROY_RQT, FW_RQT)
