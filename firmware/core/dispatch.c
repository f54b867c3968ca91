/* From opcode to handler, and what is checked alike for all commands: lengths, op_mod, state of the
 * function, who may. */
#include <string.h>

#include "firmware/core/fw_internal.h"
#include "firmware/interface/faults.h"

struct op {
  uint16_t opcode, in_bytes, out_bytes;
  fw_handler run;
};

static const struct op ops[] = {
#define OPCODE(name, value, in_bytes, out_bytes, doc) {value, in_bytes, out_bytes, fw_op_##name},
#include "firmware/interface/opcodes.def"
#undef OPCODE
};

enum op_flag { OP_EARLY = 1, OP_PF = 2, OP_ANY_MOD = 4, OP_UNENABLED = 8 };

struct op_rule {
  uint16_t opcode;
  uint8_t flags, max_op_mod;
};

static const struct op_rule rules[] = {
#define OP_RULE(name, flags, max_op_mod) {VF_OP_##name, flags, max_op_mod},
#include "firmware/interface/op_rules.def"
#undef OP_RULE
};

static const struct op* find_op(uint16_t opcode) {
  for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i) {
    if (ops[i].opcode == opcode) {
      return &ops[i];
    }
  }
  return NULL;
}

static struct op_rule rule_of(uint16_t opcode) {
  for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); ++i) {
    if (rules[i].opcode == opcode) {
      return rules[i];
    }
  }
  return (struct op_rule){opcode, 0, 0};
}

/* Syndrome of the first check that fails, with its status; NONE: run it. */
static uint32_t check(const struct fw* fw, const struct fw_cmd* cmd, const struct op* op,
                      uint8_t* status) {
  const struct op_rule rule = rule_of(cmd->opcode);
  *status = VF_STATUS_BAD_OP;
  if ((rule.flags & OP_ANY_MOD) == 0 && cmd->op_mod > rule.max_op_mod) {
    return VF_SYND_UNKNOWN_OP_MOD;
  }
  *status = VF_STATUS_BAD_INPUT_LEN;
  if (cmd->in_len < op->in_bytes) {
    return VF_SYND_SHORT_INPUT;
  }
  *status = VF_STATUS_BAD_OUTPUT_LEN;
  if (cmd->out_len < op->out_bytes &&
      !vf_fault(fw->config.faults, VF_FAULT_short_output_accepted)) {
    return VF_SYND_SHORT_OUTPUT;
  }
  *status = VF_STATUS_BAD_PARAM;
  if ((rule.flags & OP_PF) != 0 && cmd->fn != 0) {
    return VF_SYND_NOT_PERMITTED;
  }
  *status = VF_STATUS_BAD_SYS_STATE;
  if ((rule.flags & OP_UNENABLED) == 0 && !fw_ctx(fw, cmd->fn)->enabled) {
    return VF_SYND_FUNCTION_NOT_ENABLED;
  }
  if ((rule.flags & OP_EARLY) == 0 && !fw->fn[cmd->fn].initialized) {
    return VF_SYND_HCA_NOT_INITIALIZED;
  }
  return VF_SYND_NONE;
}

enum fw_exec fw_dispatch(struct fw* fw, struct fw_cmd* cmd) {
  const struct op* op = find_op(cmd->opcode);
  if (cmd->started) {
    return op->run(fw, cmd);
  }
  memset(cmd->out, 0, sizeof(cmd->out));
  cmd->out_used = 8;
  cmd->started = true;
  if (op == NULL) {
    return fw_cmd_fail(cmd, VF_STATUS_BAD_OP, VF_SYND_UNKNOWN_OPCODE);
  }
  uint8_t status;
  const uint32_t syndrome = check(fw, cmd, op, &status);
  return syndrome != VF_SYND_NONE ? fw_cmd_fail(cmd, status, syndrome) : op->run(fw, cmd);
}
