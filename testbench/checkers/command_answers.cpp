#include "testbench/checkers/command_answers.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "firmware/interface/signature.h"
#include "firmware/interface/tables.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kFirstAlign = 0x1ff;  // low bits that must be 0: pointer in the entry,
constexpr std::uint32_t kNextAlign = 0x3ff;   // pointer in a block
constexpr std::uint32_t kList = 16;           // where the list of MANAGE_PAGES starts

enum OpFlag : std::uint32_t { OP_EARLY = 1, OP_PF = 2, OP_ANY_MOD = 4, OP_UNENABLED = 8 };

struct OpRule {
  std::uint32_t opcode;
  std::uint32_t flags;
  std::uint32_t max_op_mod;
};
constexpr OpRule kRules[] = {
#define OP_RULE(name, flags, max_op_mod) {VF_OP_##name, flags, max_op_mod},
#include "firmware/interface/op_rules.def"
#undef OP_RULE
};

const contract::OpcodeRow* find_opcode(std::uint32_t opcode) {
  for (const contract::OpcodeRow& row : contract::kOpcodes) {
    if (row.value == opcode) {
      return &row;
    }
  }
  return nullptr;
}

OpRule rule_of(std::uint32_t opcode) {
  for (const OpRule& rule : kRules) {
    if (rule.opcode == opcode) {
      return rule;
    }
  }
  return {opcode, 0, 0};
}

/// Commands that end with a list, whose length the fixed part states.
bool has_list(std::uint32_t opcode) {
  switch (opcode) {
    case VF_OP_ACCESS_REG:
    case VF_OP_MANAGE_PAGES:
    case VF_OP_SET_FLOW_TABLE_ENTRY:
    case VF_OP_CREATE_RQT:
    case VF_OP_MODIFY_RQT:
    case VF_OP_CREATE_GENERAL_OBJECT:
    case VF_OP_MODIFY_GENERAL_OBJECT:
    case VF_OP_MODIFY_NIC_VPORT_CONTEXT:
      return true;
    default:
      return false;
  }
}

class Judgement {
 public:
  Judgement(const CheckContext& context, FunctionView& view, const model::CommandView& command,
            const std::uint8_t* entry)
      : context_(context), view_(view), command_(command), entry_(entry) {}

  CommandAnswers run() {
    judge_entry();
    if (answers_.deliveries.none()) {
      judge_chain("input", input_pointer(), in_length(), VF_DELIVERY_IN_PTR_ALIGN);
      judge_chain("output", output_pointer(),
                  std::min<std::uint32_t>(out_length(), VF_CMD_MAX_OUT_BYTES),
                  VF_DELIVERY_OUT_PTR_ALIGN);
    }
    if (answers_.deliveries.none() && !answers_.unknown) {
      judge_command();
    }
    return answers_;
  }

 private:
  [[nodiscard]] std::uint32_t in_length() const {
    return static_cast<std::uint32_t>(VF_GET(cmd_queue_entry, entry_, input_length));
  }
  [[nodiscard]] std::uint32_t out_length() const {
    return static_cast<std::uint32_t>(VF_GET(cmd_queue_entry, entry_, output_length));
  }
  [[nodiscard]] std::uint64_t input_pointer() const {
    return vf_be64_load(entry_ + VF_OFF(cmd_queue_entry, input_mailbox_pointer_63_32) / 8);
  }
  [[nodiscard]] std::uint64_t output_pointer() const {
    return vf_be64_load(entry_ + VF_OFF(cmd_queue_entry, output_mailbox_pointer_63_32) / 8);
  }

  void find(std::string defect) {
    if (answers_.defect.empty()) {
      answers_.defect = std::move(defect);
    }
  }
  void undelivered(bool wrong, std::uint32_t delivery, const char* defect) {
    if (wrong) {
      answers_.deliveries.set(delivery);
      find(defect);
    }
  }

  void judge_entry() {
    const std::uint32_t in = in_length();
    const std::uint32_t out = out_length();
    undelivered(VF_GET(cmd_queue_entry, entry_, type) != VF_CMD_ENTRY_TYPE,
                VF_DELIVERY_BAD_DESCRIPTOR, "entry type");
    undelivered(context_.nic.check_signatures && vf_entry_signed(entry_) == 0,
                VF_DELIVERY_SIGNATURE, "entry signature");
    undelivered(VF_GET(cmd_queue_entry, entry_, token) == 0, VF_DELIVERY_TOKEN, "token 0");
    undelivered(in < VF_CMD_INLINE_BYTES || in > VF_CMD_MAX_IN_BYTES, VF_DELIVERY_IN_LENGTH,
                "input length");
    undelivered(out < VF_BYTES(cmd_in), VF_DELIVERY_OUT_LENGTH, "output length");
    undelivered(
        (input_pointer() & kFirstAlign) != 0 || (in > VF_CMD_INLINE_BYTES && input_pointer() == 0),
        VF_DELIVERY_IN_PTR_ALIGN, "input pointer");
    undelivered((output_pointer() & kFirstAlign) != 0 ||
                    (out > VF_CMD_INLINE_BYTES && output_pointer() == 0),
                VF_DELIVERY_OUT_PTR_ALIGN, "output pointer");
  }

  /// The length ends a chain, not its last pointer.
  void judge_chain(const char* side, std::uint64_t at, std::uint32_t bytes,
                   std::uint32_t pointer_error) {
    const std::uint32_t count =
        bytes <= VF_CMD_INLINE_BYTES
            ? 0
            : (bytes - VF_CMD_INLINE_BYTES + VF_CMD_BLOCK_BYTES - 1) / VF_CMD_BLOCK_BYTES;
    const auto token = VF_GET(cmd_queue_entry, entry_, token);
    std::uint8_t box[VF_BYTES(cmd_if_box)];
    for (std::uint32_t k = 0; k < count && answers_.deliveries.none(); ++k) {
      if (!read_bus(context_, command_.who, at, box, sizeof box)) {
        answers_.unknown = true;  // dropped without an answer, or refused by the bus later
        return;
      }
      undelivered(VF_GET(cmd_if_box, box, token) != token, VF_DELIVERY_TOKEN,
                  fmt::format("token of {} block {}", side, k).c_str());
      undelivered(VF_GET(cmd_if_box, box, block_number) != k, VF_DELIVERY_BAD_BLOCK_NUMBER,
                  fmt::format("number of {} block {}", side, k).c_str());
      at = vf_be64_load(box + VF_OFF(cmd_if_box, next_pointer_63_32) / 8);
      undelivered(k + 1 < count && (at == 0 || (at & kNextAlign) != 0), pointer_error,
                  fmt::format("pointer of {} block {}", side, k).c_str());
    }
  }

  /// Status that a defect gets; the first one takes away that the command may succeed.
  void refused(bool wrong, std::uint32_t status, std::string defect) {
    if (wrong) {
      if (answers_.defect.empty()) {
        answers_.statuses.reset();
      }
      answers_.statuses.set(status);
      find(std::move(defect));
    }
  }

  void judge_command() {
    const contract::OpcodeRow* op = find_opcode(command_.opcode);
    const OpRule rule = rule_of(command_.opcode);
    answers_.statuses.set();
    if ((rule.flags & OP_ANY_MOD) == 0) {
      answers_.statuses.reset(VF_STATUS_BAD_OP);
    }
    if (!has_list(command_.opcode)) {
      answers_.statuses.reset(VF_STATUS_BAD_INPUT_LEN);
      answers_.statuses.reset(VF_STATUS_BAD_OUTPUT_LEN);
    }
    refused(op == nullptr, VF_STATUS_BAD_OP, fmt::format("opcode {:#x}", command_.opcode));
    if (op == nullptr) {
      return;
    }
    refused((rule.flags & OP_ANY_MOD) == 0 && command_.op_mod > rule.max_op_mod, VF_STATUS_BAD_OP,
            fmt::format("{}: op_mod {}", op->name, command_.op_mod));
    refused(in_length() < op->in_bytes, VF_STATUS_BAD_INPUT_LEN,
            fmt::format("{}: {} bytes of input", op->name, in_length()));
    refused(out_length() < op->out_bytes, VF_STATUS_BAD_OUTPUT_LEN,
            fmt::format("{}: room for {} bytes of output", op->name, out_length()));
    refused((rule.flags & OP_PF) != 0 && command_.who.fn != 0, VF_STATUS_BAD_PARAM,
            fmt::format("{} from a VF", op->name));
    if (answers_.defect.empty() && command_.in_bytes >= op->in_bytes) {
      judge_parameters();
    }
    if (!answers_.defect.empty()) {  // a function that is not ready for any may say so instead
      answers_.statuses.set(VF_STATUS_BAD_SYS_STATE);
    }
  }

  void judge_parameters() {
    switch (command_.opcode) {
      case VF_OP_SUSPEND_VHCA:
      case VF_OP_RESUME_VHCA:
      case VF_OP_QUERY_VHCA_MIGRATION_STATE:
        judge_vhca(VF_GET(suspend_vhca_in, command_.in, vhca_id));
        break;
      case VF_OP_SAVE_VHCA_STATE:
        judge_vhca(VF_GET(save_vhca_state_in, command_.in, vhca_id));
        judge_key(VF_GET(save_vhca_state_in, command_.in, mkey), true, 0, 0);
        break;
      case VF_OP_LOAD_VHCA_STATE:
        judge_vhca(VF_GET(load_vhca_state_in, command_.in, vhca_id));
        judge_key(VF_GET(load_vhca_state_in, command_.in, mkey), false,
                  VF_GET(load_vhca_state_in, command_.in, va),
                  VF_GET(load_vhca_state_in, command_.in, size));
        break;
      case VF_OP_MANAGE_PAGES:
        refused(
            command_.op_mod == VF_PAGES_GIVE &&
                in_length() < kList + 8 * VF_GET(manage_pages_in, command_.in, input_num_entries),
            VF_STATUS_BAD_INPUT_LEN, "MANAGE_PAGES: list shorter than it says");
        answers_.statuses.set(VF_STATUS_BAD_PARAM);  // of a function that does not exist
        break;
      default:
        judge_object();
        break;
    }
  }

  /// vhca_id is opaque, but the PF has none that these commands take, and there is none beyond the
  /// last VF.
  void judge_vhca(std::uint64_t vhca_id) {
    const std::uint64_t fn = vhca_id - VF_VHCA_ID_BASE;
    refused(fn == 0 || fn >= context_.functions, VF_STATUS_BAD_PARAM,
            fmt::format("vhca_id {:#x}", vhca_id));
  }

  /// SAVE and LOAD say what hinders them before they look at the key: those answers are right, too.
  void judge_key(std::uint64_t mkey, bool write, std::uint64_t from, std::uint64_t bytes) {
    const FunctionObjects& objects = view_.objects(command_.who);
    const KeyView* key = objects.key(static_cast<std::uint32_t>(mkey));
    const bool usable = key != nullptr && (write ? key->local_write : key->local_read) &&
                        (key->whole || (from >= key->start && from - key->start <= key->length &&
                                        bytes <= key->length - (from - key->start)));
    if (objects.known && !usable) {
      refused(true, VF_STATUS_BAD_RESOURCE, fmt::format("mkey {:#x}", mkey));
      for (const std::uint32_t status : {VF_STATUS_BAD_PARAM, VF_STATUS_BAD_RES_STATE,
                                         VF_STATUS_RES_BUSY, VF_STATUS_NOT_READY}) {
        answers_.statuses.set(status);
      }
    }
  }

  template <class Map>
  void judge_number(const Map& map, std::uint64_t number) {
    refused(view_.objects(command_.who).known &&
                map.find(static_cast<std::uint32_t>(number)) == map.end(),
            VF_STATUS_BAD_RESOURCE,
            fmt::format("{}: number {:#x}", find_opcode(command_.opcode)->name, number));
  }

  void judge_object() {
    const FunctionObjects& objects = view_.objects(command_.who);
    const std::uint8_t* in = command_.in;
    switch (command_.opcode) {
      case VF_OP_DESTROY_MKEY:
      case VF_OP_QUERY_MKEY:
        judge_number(objects.keys, VF_GET(destroy_mkey_in, in, mkey_index));
        break;
      case VF_OP_DESTROY_EQ:
      case VF_OP_QUERY_EQ:
        judge_number(objects.eq, VF_GET(destroy_eq_in, in, eq_number));
        break;
      case VF_OP_DESTROY_CQ:
        judge_number(objects.cq, VF_GET(destroy_cq_in, in, cqn));
        break;
      case VF_OP_DESTROY_SQ:
        judge_number(objects.sq, VF_GET(destroy_sq_in, in, sqn));
        break;
      case VF_OP_DESTROY_RQ:
        judge_number(objects.rq, VF_GET(destroy_rq_in, in, rqn));
        break;
      case VF_OP_DESTROY_QP:
        judge_number(objects.qp, VF_GET(destroy_qp_in, in, qpn));
        break;
      default:
        break;
    }
  }

  const CheckContext& context_;
  FunctionView& view_;
  const model::CommandView& command_;
  const std::uint8_t* entry_;
  CommandAnswers answers_;
};

}  // namespace

CommandAnswers answers_to(const CheckContext& context, FunctionView& view,
                          const model::CommandView& command, const std::uint8_t* entry) {
  return Judgement(context, view, command, entry).run();
}

}  // namespace vfsim::bench
