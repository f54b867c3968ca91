#include "host_driver/platform/fake_device.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/interface/layout.h"
#include "firmware/interface/signature.h"

namespace vfsim::driver {
namespace {

constexpr std::size_t kInline = VF_CMD_INLINE_BYTES;
constexpr std::size_t kBlock = VF_CMD_BLOCK_BYTES;
constexpr std::uint8_t kQueueNumberBit =
    72;  // CQ, SQ, ... numbers in outputs and in inputs that destroy

std::size_t blocks_of(std::size_t length) {
  return length > kInline ? (length - kInline + kBlock - 1) / kBlock : 0;
}

std::vector<std::uint8_t> default_general() {
  std::vector<std::uint8_t> area(4096);
  VF_SET(cmd_hca_cap, area.data(), log_max_eq, 5);
  VF_SET(cmd_hca_cap, area.data(), log_max_qp, 18);
  VF_SET(cmd_hca_cap, area.data(), log_max_msg, 30);
  VF_SET(cmd_hca_cap, area.data(), port_type, 1);
  VF_SET(cmd_hca_cap, area.data(), num_ports, 1);
  VF_SET(cmd_hca_cap, area.data(), cqe_version, 1);
  VF_SET(cmd_hca_cap, area.data(), driver_version, 1);
  VF_SET(cmd_hca_cap, area.data(), log_bf_reg_size, 9);
  return area;
}

}  // namespace

FakeReply fake_status(std::uint8_t status, std::uint32_t syndrome) {
  FakeReply reply;
  reply.out.resize(16);
  VF_SET(cmd_out, reply.out.data(), status, status);
  VF_SET(cmd_out, reply.out.data(), syndrome, syndrome);
  return reply;
}

FakeDevice::FakeDevice(FakePlatform& platform) : platform_(platform) {
  capability_[VF_CAP_GENERAL] = default_general();
  platform_.set_register(VF_BAR_CMDIF_REV, VF_CMDIF_REV << 16);
  platform_.on_read([](std::uint64_t offset) -> std::optional<std::uint32_t> {
    if (offset == VF_BAR_CMDQ_LO) {
      return VF_LOG_CMDQ_SIZE << 4 | VF_LOG_CMDQ_STRIDE;
    }
    return std::nullopt;
  });
  platform_.on_write([this](std::uint64_t offset, std::uint64_t value, std::uint32_t bytes) {
    written(offset, value, bytes);
  });
}

std::vector<std::uint32_t> FakeDevice::opcodes() const {
  std::vector<std::uint32_t> result;
  for (const FakeCommand& command : commands_) {
    result.push_back(command.opcode);
  }
  return result;
}

void FakeDevice::written(std::uint64_t offset, std::uint64_t value, std::uint32_t bytes) {
  if (offset == VF_BAR_CMDQ_HI) {
    queue_address_ = value << 32;
  } else if (offset == VF_BAR_CMDQ_LO) {
    queue_address_ = (queue_address_ & ~0xffffffffULL) | (value & 0xfffff000);
  } else if (offset == VF_BAR_CMD_DB) {
    for (std::uint32_t slot = 0; slot < 32; ++slot) {
      if ((value >> slot & 1U) != 0) {
        take(slot);
      }
    }
  } else if (offset >= std::uint64_t{VF_BAR_FIRST_UAR} * VF_PAGE_BYTES) {
    uar_written(offset, bytes == 8 ? value : value << 32);
  }
}

/// @param value the doorbell's first dword is in the upper half.
void FakeDevice::uar_written(std::uint64_t offset, std::uint64_t value) {
  const std::uint64_t in_page = offset % VF_PAGE_BYTES;
  std::array<std::uint8_t, 8> raw{};
  vf_be64_store(raw.data(), value);
  if (in_page >= VF_UAR_SEND_DB) {
    send_.emplace_back(offset, value);
    if (on_send_) {
      on_send_(value);
    }
  } else if (in_page == VF_UAR_CQ_ARM) {
    const auto cqn = static_cast<std::uint32_t>(VF_GET(uar_cq_arm, raw.data(), cqn));
    if (cqs_.count(cqn) == 0) {
      return;  // a doorbell of a queue that does not exist has no effect
    }
    Queue& cq = cqs_[cqn];
    cq.consumer = static_cast<std::uint32_t>(VF_GET(uar_cq_arm, raw.data(), ci));
    cq.armed = true;
    fire_if_due(cqn);
  } else if (in_page == VF_UAR_EQ_ARM || in_page == VF_UAR_EQ_UPDATE) {
    const auto found = eqs_.find(static_cast<std::uint32_t>(VF_GET(uar_eq_db, raw.data(), eqn)));
    if (found == eqs_.end()) {
      return;
    }
    Queue& eq = found->second;
    eq.consumer = static_cast<std::uint32_t>(VF_GET(uar_eq_db, raw.data(), ci));
    eq.armed = eq.armed || in_page == VF_UAR_EQ_ARM;
    if (eq.armed && (eq.producer & 0xffffff) != eq.consumer) {
      eq.armed = false;
      platform_.raise(eq.vector);
    }
  }
}

void FakeDevice::take(std::uint32_t slot) {
  FakeCommand command;
  command.slot = slot;
  platform_.mem_read(queue_address_ + slot * command.entry.size(), command.entry.data(),
                     command.entry.size());
  command.out_bytes =
      static_cast<std::uint32_t>(VF_GET(cmd_queue_entry, command.entry.data(), output_length));
  read_chain(command);
  command.opcode = static_cast<std::uint16_t>(VF_GET(cmd_in, command.in.data(), opcode));
  command.op_mod = static_cast<std::uint16_t>(VF_GET(cmd_in, command.in.data(), op_mod));
  command.polled = std::none_of(eqs_.begin(), eqs_.end(), [](const auto& eq) {
    return (eq.second.mask >> VF_EVENT_CMD & 1U) != 0;
  });
  commands_.push_back(command);
  const auto script = scripts_.find(command.opcode);
  const FakeReply reply = script != scripts_.end() ? script->second(command) : standard(command);
  if (!reply.drop) {
    platform_.fake_os().after(reply.delay, [this, command, reply] { complete(command, reply); });
  }
}

void FakeDevice::read_chain(FakeCommand& command) {
  const std::uint8_t* const e = command.entry.data();
  const auto length = static_cast<std::size_t>(VF_GET(cmd_queue_entry, e, input_length));
  const std::uint8_t* const first = VF_PTR(cmd_queue_entry, e, command_input_inline_data);
  command.in.assign(first, first + kInline);
  const auto walk = [this](std::uint64_t address, std::size_t count,
                           std::vector<std::uint64_t>& blocks) {
    for (std::size_t i = 0; i < count; ++i) {
      blocks.push_back(address);
      std::array<std::uint8_t, VF_LAYOUT_BYTES_cmd_if_box> block{};
      platform_.mem_read(address, block.data(), block.size());
      address = VF_GET(cmd_if_box, block.data(), next_pointer_63_32) << 32 |
                VF_GET(cmd_if_box, block.data(), next_pointer_31_10) << 10;
    }
  };
  walk(VF_GET(cmd_queue_entry, e, input_mailbox_pointer_63_32) << 32 |
           VF_GET(cmd_queue_entry, e, input_mailbox_pointer_31_9) << 9,
       blocks_of(length), command.in_blocks);
  walk(VF_GET(cmd_queue_entry, e, output_mailbox_pointer_63_32) << 32 |
           VF_GET(cmd_queue_entry, e, output_mailbox_pointer_31_9) << 9,
       blocks_of(command.out_bytes), command.out_blocks);
  for (const std::uint64_t address : command.in_blocks) {
    std::array<std::uint8_t, kBlock> data{};
    platform_.mem_read(address, data.data(), data.size());
    command.in.insert(command.in.end(), data.begin(), data.end());
  }
  command.in.resize(std::max<std::size_t>(length, kInline));
}

void FakeDevice::write_output(const FakeCommand& command, const FakeReply& reply) {
  std::vector<std::uint8_t> out = reply.out;
  out.resize(kInline + command.out_blocks.size() * kBlock);
  for (std::size_t i = 0; i < command.out_blocks.size(); ++i) {
    std::array<std::uint8_t, VF_LAYOUT_BYTES_cmd_if_box> block{};
    platform_.mem_read(command.out_blocks[i], block.data(), block.size());
    std::memcpy(block.data(), out.data() + kInline + i * kBlock, kBlock);
    if (checksums) {
      vf_block_sign(block.data());
    }
    platform_.mem_write(command.out_blocks[i], block.data(), block.size());
  }
  auto entry = command.entry;
  std::memcpy(VF_PTR(cmd_queue_entry, entry.data(), command_output_inline_data), out.data(),
              kInline);
  VF_SET(cmd_queue_entry, entry.data(), status, reply.delivery);
  VF_SET(cmd_queue_entry, entry.data(), ownership, 0);
  vf_entry_sign(entry.data());
  platform_.mem_write(queue_address_ + command.slot * entry.size(), entry.data(), entry.size());
}

void FakeDevice::complete(const FakeCommand& command, const FakeReply& reply) {
  write_output(command, reply);
  if (!reply.no_event) {
    std::vector<std::uint8_t> data(28);
    vf_be32_store(data.data(), 1U << command.slot);
    (void)post_event(VF_EVENT_CMD, 0, data);
  }
}

bool FakeDevice::post_event(std::uint8_t type, std::uint8_t sub_type,
                            const std::vector<std::uint8_t>& data) {
  for (const auto& [eqn, eq] : eqs_) {
    if (type < 64 && (eq.mask >> type & 1U) != 0) {
      post_eqe(eqn, type, sub_type, data);
      return true;
    }
  }
  return false;
}

void FakeDevice::put_entry(Queue& queue, std::array<std::uint8_t, 64> entry) {
  const std::uint32_t index = queue.producer & ((1U << queue.log_size) - 1);
  entry[63] =
      static_cast<std::uint8_t>((entry[63] & 0xfeU) | (queue.producer >> queue.log_size & 1U));
  const std::size_t at = std::size_t{index} * entry.size();
  platform_.mem_write(queue.pages.at(at / VF_PAGE_BYTES) + at % VF_PAGE_BYTES, entry.data(),
                      entry.size());
  ++queue.producer;
}

void FakeDevice::post_eqe(std::uint32_t eqn, std::uint8_t type, std::uint8_t sub_type,
                          const std::vector<std::uint8_t>& data) {
  std::array<std::uint8_t, 64> entry{};
  VF_SET(eqe, entry.data(), event_type, type);
  VF_SET(eqe, entry.data(), event_sub_type, sub_type);
  std::copy(data.begin(), data.end(), VF_PTR(eqe, entry.data(), event_data));
  Queue& eq = eqs_.at(eqn);
  put_entry(eq, entry);
  if (eq.armed) {
    eq.armed = false;
    platform_.raise(eq.vector);
  }
}

void FakeDevice::post_cqe(std::uint32_t cqn, std::array<std::uint8_t, 64> cqe) {
  put_entry(cqs_.at(cqn), cqe);
  fire_if_due(cqn);
}

void FakeDevice::fire_if_due(std::uint32_t cqn) {
  Queue& cq = cqs_[cqn];
  if (cq.armed && (cq.producer & 0xffffff) != cq.consumer) {
    cq.armed = false;
    std::vector<std::uint8_t> data(28);
    VF_SET(eqe_completion, data.data(), cqn, cqn);
    post_eqe(cq.eqn, VF_EVENT_COMPLETION, 0, data);
  }
}

std::vector<std::uint8_t> FakeDevice::number(std::size_t bytes, std::size_t off,
                                             std::uint32_t value) const {
  std::vector<std::uint8_t> out(bytes);
  vf_field_set(out.data(), off, off == VF_OFF(create_eq_out, eq_number) ? 8 : 24, value);
  return out;
}

FakeReply FakeDevice::create_queue(const FakeCommand& command) {
  Queue queue;
  const std::uint8_t* const in = command.in.data();
  for (std::size_t at = VF_BYTES(create_eq_in); at + 8 <= command.in.size(); at += 8) {
    queue.pages.push_back(vf_be64_load(in + at));
  }
  const bool is_eq = command.opcode == VF_OP_CREATE_EQ;
  const std::uint8_t* const context =
      VF_PTR(create_eq_in, in, eq_context_entry);  // at the same place in both
  queue.log_size = static_cast<std::uint8_t>(VF_GET(eqc, context, log_eq_size));
  const std::uint32_t n = next_number_++;
  FakeReply reply;
  if (is_eq) {
    queue.mask = VF_GET(create_eq_in, in, event_bitmask_0);
    queue.vector = static_cast<std::uint32_t>(VF_GET(eqc, context, intr));
    eqs_[n] = queue;
    reply.out = number(16, VF_OFF(create_eq_out, eq_number), n);
  } else {
    queue.eqn = static_cast<std::uint32_t>(VF_GET(cqc, context, c_eqn_or_apu_element));
    cqs_[n] = queue;
    reply.out = number(16, kQueueNumberBit, n);
  }
  ++live_objects_;
  return reply;
}

FakeReply FakeDevice::pages_command(const FakeCommand& command) {
  const std::uint8_t* const in = command.in.data();
  const auto function = static_cast<std::uint16_t>(VF_GET(manage_pages_in, in, function_id));
  auto& held = pages_[function];
  FakeReply reply;
  reply.out.resize(16);
  if (command.opcode == VF_OP_QUERY_PAGES) {
    VF_SET(query_pages_out, reply.out.data(), function_id, function);
    VF_SET(query_pages_out, reply.out.data(), num_pages,
           static_cast<std::uint32_t>(command.op_mod == VF_PAGES_BOOT ? boot_pages : init_pages));
    return reply;
  }
  const auto count = static_cast<std::size_t>(VF_GET(manage_pages_in, in, input_num_entries));
  if (command.op_mod == VF_PAGES_GIVE) {
    for (std::size_t i = 0; i < count; ++i) {
      held.push_back(vf_be64_load(in + VF_OFF(manage_pages_in, pas_0) / 8 + i * 8));
    }
  } else if (command.op_mod == VF_PAGES_TAKE) {
    const std::size_t returned = std::min(count, held.size());
    reply.out.resize(16 + returned * 8);
    VF_SET(manage_pages_out, reply.out.data(), output_num_entries, returned);
    for (std::size_t i = 0; i < returned; ++i) {
      vf_be64_store(reply.out.data() + 16 + i * 8, held.back());
      held.pop_back();
    }
  }
  return reply;
}

FakeReply FakeDevice::query(const FakeCommand& command) {
  FakeReply reply;
  reply.out.resize(command.out_bytes);
  if (command.opcode == VF_OP_QUERY_ISSI) {
    VF_SET(query_issi_out, reply.out.data(), supported_issi_dw0, 3);
  } else if (command.opcode == VF_OP_QUERY_HCA_CAP) {
    const auto& area = capability_[command.op_mod / 2U];
    std::copy(area.begin(), area.end(), reply.out.begin() + 16);
  } else if (command.opcode == VF_OP_QUERY_VPORT_STATE) {
    VF_SET(query_vport_state_out, reply.out.data(), state, 1);
  } else if (command.opcode == VF_OP_QUERY_NIC_VPORT_CONTEXT) {
    std::uint8_t* const context =
        VF_PTR(query_nic_vport_context_out, reply.out.data(), nic_vport_context);
    VF_SET(nic_vport_context, context, permanent_address_mac_addr_47_32, 0x0200);
    VF_SET(nic_vport_context, context, permanent_address_mac_addr_31_0, 0x00000001);
  }
  return reply;
}

FakeReply FakeDevice::standard(const FakeCommand& command) {
  FakeReply reply;
  const std::uint8_t* const in = command.in.data();
  switch (command.opcode) {
    case VF_OP_CREATE_EQ:
    case VF_OP_CREATE_CQ:
      return create_queue(command);
    case VF_OP_QUERY_PAGES:
    case VF_OP_MANAGE_PAGES:
      return pages_command(command);
    case VF_OP_QUERY_ISSI:
    case VF_OP_QUERY_HCA_CAP:
    case VF_OP_QUERY_VPORT_STATE:
    case VF_OP_QUERY_NIC_VPORT_CONTEXT:
      return query(command);
    case VF_OP_ALLOC_UAR:
      ++live_objects_;
      reply.out = number(16, kQueueNumberBit, VF_BAR_FIRST_UAR);
      return reply;
    case VF_OP_CREATE_GENERAL_OBJECT:
      ++live_objects_;
      reply.out.resize(16);
      VF_SET(general_obj_out_cmd_hdr, reply.out.data(), obj_id, next_number_++);
      return reply;
    case VF_OP_ALLOC_PD:
    case VF_OP_ALLOC_TRANSPORT_DOMAIN:
    case VF_OP_CREATE_MKEY:
    case VF_OP_CREATE_QP:
    case VF_OP_CREATE_SQ:
    case VF_OP_CREATE_RQ:
    case VF_OP_CREATE_TIS:
    case VF_OP_CREATE_TIR:
    case VF_OP_CREATE_RQT:
    case VF_OP_CREATE_FLOW_TABLE:
    case VF_OP_CREATE_FLOW_GROUP:
      ++live_objects_;
      reply.out = number(16, kQueueNumberBit, next_number_++);
      return reply;
    case VF_OP_DESTROY_EQ:
      --live_objects_;
      eqs_.erase(static_cast<std::uint32_t>(VF_GET(destroy_eq_in, in, eq_number)));
      return reply;
    case VF_OP_DESTROY_CQ:
      --live_objects_;
      cqs_.erase(static_cast<std::uint32_t>(VF_GET(destroy_cq_in, in, cqn)));
      return reply;
    case VF_OP_DEALLOC_UAR:
    case VF_OP_DESTROY_GENERAL_OBJECT:
    case VF_OP_DEALLOC_PD:
    case VF_OP_DEALLOC_TRANSPORT_DOMAIN:
    case VF_OP_DESTROY_MKEY:
    case VF_OP_DESTROY_QP:
    case VF_OP_DESTROY_SQ:
    case VF_OP_DESTROY_RQ:
    case VF_OP_DESTROY_TIS:
    case VF_OP_DESTROY_TIR:
    case VF_OP_DESTROY_RQT:
    case VF_OP_DESTROY_FLOW_TABLE:
    case VF_OP_DESTROY_FLOW_GROUP:
      --live_objects_;
      return reply;
    default:
      return reply;
  }
}

}  // namespace vfsim::driver
