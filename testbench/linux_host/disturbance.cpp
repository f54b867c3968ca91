#include "testbench/linux_host/disturbance.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "firmware/interface/layout.h"
#include "firmware/interface/signature.h"

namespace vfsim::bench {
namespace {

/// 0: no such opcode.
std::uint16_t opcode_of(const std::string& name) {
#define OPCODE(opcode, value, in_bytes, out_bytes, doc) \
  if (name == #opcode) {                                \
    return value;                                       \
  }
#include "firmware/interface/opcodes.def"
#undef OPCODE
  return 0;
}

constexpr std::uint64_t kNoVhca = 0xffff;

}  // namespace

Disturbances::Disturbances(model::ProbeBus& probes, std::array<model::Host*, kHosts> hosts)
    : hosts_(hosts) {
  probes.subscribe(*this, {model::Probe::access});
}

std::string Disturbances::request(std::uint8_t host, const std::string& verb,
                                  const std::string& opcode) {
  const std::uint16_t number = opcode_of(opcode);
  if (verb != "refuse" && verb != "drop") {
    return fmt::format("'{}' is nothing to ask for; allowed are refuse, drop", verb);
  }
  if (number == 0) {
    return fmt::format("'{}' is no opcode", opcode);
  }
  requests_.push_back({host, number, verb == "drop"});
  return "";
}

void Disturbances::access(model::Ps, const model::AccessView& view) {
  if (!view.write || view.config || view.who.fn != 0 || view.bytes != 4) {
    return;
  }
  Queue& queue = queues_[view.who.host];
  const std::uint64_t value = register_value(view);
  switch (view.offset) {
    case VF_BAR_CMDQ_HI:
      queue.high = value;
      break;
    case VF_BAR_CMDQ_LO:
      queue.address = queue.high << 32 | (value & ~std::uint64_t{VF_PAGE_BYTES - 1});
      break;
    case VF_BAR_CMD_DB:
      for (std::uint32_t slot = 0; slot < 1U << VF_LOG_CMDQ_SIZE && !requests_.empty(); ++slot) {
        if ((value >> slot & 1U) != 0) {
          rung(view.who.host, slot);
        }
      }
      break;
    default:
      break;
  }
}

void Disturbances::rung(std::uint8_t host, std::uint32_t slot) {
  model::HostMemory& memory = hosts_[host]->memory();
  const std::uint64_t at = queues_[host].address + (std::uint64_t{slot} << VF_LOG_CMDQ_STRIDE);
  std::array<std::uint8_t, VF_BYTES(cmd_queue_entry)> entry{};
  if (!memory.read(at, entry.data(), entry.size())) {
    return;
  }
  std::uint8_t* input = VF_PTR(cmd_queue_entry, entry.data(), command_input_inline_data);
  const auto opcode = static_cast<std::uint16_t>(VF_GET(suspend_vhca_in, input, opcode));
  const auto request = std::find_if(requests_.begin(), requests_.end(), [&](const Request& r) {
    return r.host == host && r.opcode == opcode;
  });
  if (request == requests_.end()) {
    return;
  }
  if (request->drop) {
    hosts_[host]->drop_next_completion(model::Host::kNicRid);
  } else {
    // All migration commands have it at the same place, in the entry itself.
    VF_SET(suspend_vhca_in, input, vhca_id, kNoVhca);
    vf_entry_sign(entry.data());
    memory.write(at, entry.data(), entry.size());
  }
  requests_.erase(request);
}

}  // namespace vfsim::bench
