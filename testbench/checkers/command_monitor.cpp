#include "testbench/checkers/command_monitor.hpp"

#include <algorithm>

namespace vfsim::bench {

using model::FnRef;
using model::Ps;

namespace {

constexpr std::uint32_t kStride = 1U << VF_LOG_CMDQ_STRIDE;
constexpr std::uint32_t kOutputOffset = VF_OFF(cmd_queue_entry, command_output_inline_data) / 8;
constexpr std::uint32_t kInputOffset = VF_OFF(cmd_queue_entry, command_input_inline_data) / 8;

std::uint64_t input_pointer(const std::uint8_t* entry) {
  return VF_GET(cmd_queue_entry, entry, input_mailbox_pointer_63_32) << 32 |
         VF_GET(cmd_queue_entry, entry, input_mailbox_pointer_31_9) << 9;
}

std::uint64_t output_pointer(const std::uint8_t* entry) {
  return VF_GET(cmd_queue_entry, entry, output_mailbox_pointer_63_32) << 32 |
         VF_GET(cmd_queue_entry, entry, output_mailbox_pointer_31_9) << 9;
}

}  // namespace

CommandMonitor::CommandMonitor(const CheckContext& context, model::ProbeBus& bus)
    : context_(context), bus_(bus), queues_(kFunctionIndices), hot_(kFunctionIndices) {
  bus.subscribe(*this,
                {model::Probe::access, model::Probe::tlp_landed, model::Probe::function_reset});
}

void CommandMonitor::install(FnRef who, const Queue& queue) {
  queues_[function_index(who)] = queue;
  Hot& hot = hot_[function_index(who)];
  hot.page = queue.address == 0 ? Hot{}.page : queue.address >> VF_PAGE_SHIFT;
  hot.active = static_cast<std::uint32_t>(std::count_if(
      queue.slots.begin(), queue.slots.end(), [](const CommandSlot& slot) { return slot.active; }));
}

bool CommandMonitor::owns_output(FnRef who, std::uint64_t iova, std::uint32_t bytes) const {
  const Queue& queue = queues_[function_index(who)];
  for (std::uint32_t k = 0; k < kSlots; ++k) {
    const CommandSlot& slot = queue.slots[k];
    if (!slot.active) {
      continue;
    }
    const std::uint64_t entry = queue.address + k * kStride;
    if (iova >= entry + kOutputOffset && iova + bytes <= entry + kStride) {
      return true;
    }
    for (const std::uint64_t block : slot.out_blocks) {
      if (iova >= block && iova + bytes <= block + VF_BYTES(cmd_if_box)) {
        return true;
      }
    }
  }
  return false;
}

void CommandMonitor::access(Ps t, const model::AccessView& view) {
  if (!view.write || view.config || view.offset < VF_BAR_CMDQ_HI || view.offset > VF_BAR_CMD_DB ||
      !is_nic(context_, view.who)) {
    return;
  }
  Queue& queue = queues_[function_index(view.who)];
  const auto value = static_cast<std::uint32_t>(register_value(view));
  if (view.offset == VF_BAR_CMDQ_HI) {
    queue.high = value;
  } else if (view.offset == VF_BAR_CMDQ_LO) {
    Queue fresh;
    fresh.high = queue.high;
    fresh.address = static_cast<std::uint64_t>(queue.high) << 32 | (value & ~0xfffU);
    install(view.who, fresh);
  } else if (view.offset == VF_BAR_CMD_DB && queue.address != 0) {
    ring(t, view.who, value);
  }
}

void CommandMonitor::ring(Ps t, FnRef who, std::uint32_t vector) {
  for (std::uint8_t slot = 0; slot < kSlots; ++slot) {
    if ((vector >> slot & 1) != 0) {
      submit(t, who, slot);
    }
  }
}

void CommandMonitor::submit(Ps t, FnRef who, std::uint8_t number) {
  Queue& queue = queues_[function_index(who)];
  CommandSlot& slot = queue.slots[number];
  std::uint8_t entry[kStride];
  if (!read_bus(context_, who, queue.address + number * kStride, entry, sizeof entry) ||
      VF_GET(cmd_queue_entry, entry, ownership) == 0) {
    return;
  }
  const auto in_bytes = std::min<std::uint32_t>(
      static_cast<std::uint32_t>(VF_GET(cmd_queue_entry, entry, input_length)),
      VF_CMD_MAX_IN_BYTES);
  hot_[function_index(who)].active += slot.active ? 0 : 1;
  slot.active = true;
  slot.token = static_cast<std::uint8_t>(VF_GET(cmd_queue_entry, entry, token));
  slot.submitted = t;
  slot.out_bytes = static_cast<std::uint32_t>(VF_GET(cmd_queue_entry, entry, output_length));
  slot.in.assign(entry + kInputOffset, entry + kInputOffset + VF_CMD_INLINE_BYTES);
  slot.in.resize(std::min<std::size_t>(slot.in.size(), in_bytes));
  slot.in_blocks = chain(who, input_pointer(entry), in_bytes);
  slot.out_blocks = chain(who, output_pointer(entry),
                          std::min<std::uint32_t>(slot.out_bytes, VF_CMD_MAX_IN_BYTES));
  gather(who, slot.in_blocks, in_bytes, slot.in);
  slot.opcode =
      slot.in.size() >= 2 ? static_cast<std::uint16_t>(VF_GET(cmd_in, slot.in.data(), opcode)) : 0;
  slot.op_mod =
      slot.in.size() >= 8 ? static_cast<std::uint16_t>(VF_GET(cmd_in, slot.in.data(), op_mod)) : 0;
  model::CommandView view;
  view.who = who;
  view.slot = number;
  view.token = slot.token;
  view.opcode = slot.opcode;
  view.op_mod = slot.op_mod;
  view.in = slot.in.data();
  view.in_bytes = static_cast<std::uint32_t>(slot.in.size());
  bus_.emit<model::Probe::command>(&model::Observer::command_submitted, t, view);
}

std::vector<std::uint64_t> CommandMonitor::chain(FnRef who, std::uint64_t first,
                                                 std::uint32_t bytes) const {
  std::vector<std::uint64_t> blocks;
  // The length ends a chain, not its last pointer: drivers keep longer chains linked.
  const std::uint32_t count =
      bytes <= VF_CMD_INLINE_BYTES
          ? 0
          : (bytes - VF_CMD_INLINE_BYTES + VF_CMD_BLOCK_BYTES - 1) / VF_CMD_BLOCK_BYTES;
  std::uint8_t box[VF_BYTES(cmd_if_box)];
  for (std::uint64_t at = first; at != 0 && blocks.size() < count;) {
    if (!read_bus(context_, who, at, box, sizeof box)) {
      break;
    }
    blocks.push_back(at);
    at = VF_GET(cmd_if_box, box, next_pointer_63_32) << 32 |
         VF_GET(cmd_if_box, box, next_pointer_31_10) << 10;
  }
  return blocks;
}

void CommandMonitor::gather(FnRef who, const std::vector<std::uint64_t>& blocks,
                            std::uint32_t bytes, std::vector<std::uint8_t>& to) const {
  for (const std::uint64_t block : blocks) {
    const std::size_t have = to.size();
    if (have >= bytes) {
      return;
    }
    const std::size_t part = std::min<std::size_t>(VF_CMD_BLOCK_BYTES, bytes - have);
    to.resize(have + part);
    if (!read_bus(context_, who, block, to.data() + have, part)) {
      to.resize(have);
      return;
    }
  }
}

void CommandMonitor::tlp_landed(Ps t, std::uint8_t host, const model::Tlp& tlp,
                                const std::uint8_t* payload, bool ok) {
  (void)payload;
  const std::uint32_t fn = function_of(context_, tlp.requester);
  if (tlp.kind != model::TlpKind::mem_write || fn >= context_.functions) {
    return;
  }
  const FnRef who{host, static_cast<std::uint8_t>(fn)};
  const Hot& hot = hot_[function_index(who)];
  if (!ok || tlp.interrupt) {
    return;
  }
  if (tlp.addr >> VF_PAGE_SHIFT == hot.page) {
    queue_write(t, who, tlp);
  } else if (hot.active != 0 && listener_ != nullptr) {
    judge_mailboxes(t, who, tlp);
  }
}

void CommandMonitor::judge_mailboxes(Ps t, FnRef who, const model::Tlp& tlp) {
  for (const CommandSlot& slot : queues_[function_index(who)].slots) {
    if (!slot.active) {
      continue;
    }
    for (const std::uint64_t block : slot.in_blocks) {
      if (tlp.addr < block + VF_BYTES(cmd_if_box) && block < tlp.addr + tlp.bytes) {
        listener_->input_write(t, who, tlp.addr, tlp.bytes);
      }
    }
  }
}

void CommandMonitor::queue_write(Ps t, FnRef who, const model::Tlp& tlp) {
  const Queue& queue = queues_[function_index(who)];
  const auto in_page = static_cast<std::uint32_t>(tlp.addr & (VF_PAGE_BYTES - 1));
  QueueWrite write;
  write.who = who;
  write.slot = static_cast<std::uint8_t>(in_page / kStride);
  write.offset = in_page % kStride;
  write.bytes = tlp.bytes;
  const bool in_queue = in_page / kStride < kSlots;
  if (!in_queue ||
      !read_bus(context_, who, queue.address + write.slot * kStride, write.entry.data(), kStride)) {
    return;
  }
  const CommandSlot& slot = queue.slots[write.slot];
  write.active = slot.active;
  write.submitted_token = slot.token;
  write.completes = write.offset + write.bytes >= kStride &&
                    VF_GET(cmd_queue_entry, write.entry.data(), ownership) == 0;
  if (listener_ != nullptr) {
    listener_->queue_write(t, write);
  }
  if (write.completes && slot.active) {
    complete(t, who, write.slot, write.entry.data());
  }
}

void CommandMonitor::complete(Ps t, FnRef who, std::uint8_t number, const std::uint8_t* entry) {
  CommandSlot& slot = queues_[function_index(who)].slots[number];
  output_.assign(entry + kOutputOffset, entry + kOutputOffset + VF_CMD_INLINE_BYTES);
  gather(who, slot.out_blocks, slot.out_bytes, output_);
  model::CommandView view;
  view.who = who;
  view.slot = number;
  view.token = static_cast<std::uint8_t>(VF_GET(cmd_queue_entry, entry, token));
  view.opcode = slot.opcode;
  view.op_mod = slot.op_mod;
  view.delivery = static_cast<std::uint8_t>(VF_GET(cmd_queue_entry, entry, status));
  view.status = static_cast<std::uint8_t>(VF_GET(cmd_out, output_.data(), status));
  view.syndrome = static_cast<std::uint32_t>(VF_GET(cmd_out, output_.data(), syndrome));
  view.in = slot.in.data();
  view.in_bytes = static_cast<std::uint32_t>(slot.in.size());
  view.out = output_.data();
  view.out_bytes = std::min(slot.out_bytes, static_cast<std::uint32_t>(output_.size()));
  slot.active = false;
  --hot_[function_index(who)].active;
  bus_.emit<model::Probe::command>(&model::Observer::command_completed, t, view);
}

void CommandMonitor::function_reset(Ps t, FnRef who) {
  (void)t;
  if (is_nic(context_, who)) {
    install(who, Queue{});
  }
}

}  // namespace vfsim::bench
