// write, doorbell, fault, link: what a probe, a soldering iron or a hand at the cable would do.
#include <fmt/format.h>

#include <boost/endian/conversion.hpp>

#include "firmware/interface/fault_table.hpp"
#include "testbench/faults/faulty_firmware_port.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/steps.hpp"
#include "testbench/shell/act_tools.hpp"
#include "testbench/shell/memory_tools.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;

constexpr std::string_view kMemoryWidths = "1 2 4 8";
constexpr std::string_view kRegisterWidths = "4 8";
constexpr std::string_view kConfigWidths = "1 2 4";

/// ADDRESS VALUE [BYTES] of words 3 to 5.
struct Write {
  std::uint64_t at = 0;
  std::uint64_t value = 0;
  std::uint64_t bytes = kDword;
};

bool take_write(const Words& words, std::string_view where, std::string_view widths, Write& write,
                std::string& error) {
  return take_number(words, 3, where, write.at, error) &&
         take_number(words, 4, "VALUE", write.value, error) &&
         (words.size() < 6 || take_number(words, 5, "BYTES", write.bytes, error)) &&
         check_width(write.value, write.bytes, widths, error);
}

Answer write_mem(Machine& machine, const Words& words) {
  MemorySpace space;
  Write write;
  std::string error;
  if (!find_space(machine, words[2], space, error) ||
      !take_write(words, "ADDRESS", kMemoryWidths, write, error)) {
    return wrong(error);
  }
  std::vector<std::uint8_t> bytes(write.bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(write.value >> (8 * i));
  }
  return write_memory(machine, space, write.at, bytes, error)
             ? lines(fmt::format("{} bytes written, least significant first", bytes.size()))
             : wrong(error);
}

Answer write_reg(Machine& machine, const Words& words) {
  FnRef who;
  Write write;
  std::string error;
  if (!find_function(machine, words[2], who, error) ||
      !take_write(words, "OFFSET", kRegisterWidths, write, error) ||
      !write_register(machine, who, write.at, write.value, static_cast<std::uint32_t>(write.bytes),
                      error)) {
    return wrong(error);
  }
  return lines(
      fmt::format("{:#x} is on its way to {} at {:#x}", write.value, function_name(who), write.at));
}

Answer write_config(Machine& machine, const Words& words) {
  FnRef who;
  Write write;
  std::string error;
  if (!find_function(machine, words[2], who, error) ||
      !take_write(words, "OFFSET", kConfigWidths, write, error)) {
    return wrong(error);
  }
  if (write.at % write.bytes != 0 || write.at > model::ConfigSpace::kBytes - write.bytes) {
    return wrong(
        fmt::format("OFFSET: {:#x} is not in configuration space, or not a multiple of {}; allowed "
                    "is 0 .. {:#x}",
                    write.at, write.bytes, model::ConfigSpace::kBytes - write.bytes));
  }
  HostSide& side = *machine.sim.hosts[who.host];
  machine.task(side.os, fmt::format("write config {} {:#x}", function_name(who), write.at),
               [&side, who, write]() -> driver::Result<void> {
                 const model::CplStatus status =
                     side.host.config_write(rid_of(who), static_cast<std::uint32_t>(write.at),
                                            static_cast<std::uint32_t>(write.value),
                                            static_cast<std::uint32_t>(write.bytes));
                 return status == model::CplStatus::successful
                            ? driver::Result<void>(driver::ok())
                            : driver::fail(EIO, "the function does not answer");
               });
  return lines(fmt::format("{:#x} is on its way to the configuration space of {} at {:#x}",
                           write.value, function_name(who), write.at));
}

Answer ring_command(Machine& machine, FnRef who, std::uint64_t slot) {
  std::string error;
  if (slot >= model::CmdDoorbell::kSlots) {
    return wrong(fmt::format("SLOT: {} is out of range; allowed is 0 .. {}", slot,
                             model::CmdDoorbell::kSlots - 1));
  }
  return write_register(machine, who, VF_BAR_CMD_DB, std::uint64_t{1} << slot, kDword, error)
             ? lines(fmt::format("slot {} of {} is rung", slot, function_name(who)))
             : wrong(error);
}

/// What the driver has posted: the send counter of the doorbell record. False: the record is in no
/// memory.
bool posted_counter(const Machine& machine, FnRef who, const vf_wq& sq, std::uint64_t& counter,
                    std::string& error) {
  std::vector<std::uint8_t> dword(kDword);
  if (!read_memory(machine, {who.host, true, who}, sq.dbr_addr + kDword, dword, error)) {
    error = "the doorbell record cannot be read: " + error + "; give a COUNTER";
    return false;
  }
  counter = boost::endian::load_big_u32(dword.data()) & 0xffff;
  return true;
}

Answer ring_send(Machine& machine, FnRef who, const Words& words, std::uint64_t number) {
  number += number < VF_SQ_BASE ? VF_SQ_BASE : 0;
  const std::uint64_t index = number - VF_SQ_BASE;
  const vf_function& context = context_of(machine, who);
  if (index >= VF_SQ_COUNT || context.sq[index].valid == 0) {
    return wrong(fmt::format("{} has no send queue {}; queues {} lists them", function_name(who),
                             words[3], words[1]));
  }
  const vf_wq& sq = context.sq[index];
  std::uint64_t counter = 0;
  std::string error;
  if (words.size() == 5 ? !take_number(words, 4, "COUNTER", counter, error)
                        : !posted_counter(machine, who, sq, counter, error)) {
    return wrong(error);
  }
  if (counter > 0xffff) {
    return wrong(
        fmt::format("COUNTER: {} is out of range; allowed is 0 .. 65535: the producer counter "
                    "behind the doorbell",
                    counter));
  }
  std::array<std::uint8_t, VF_LAYOUT_BYTES_uar_send_db> raw{};
  VF_SET(uar_send_db, raw.data(), opcode, VF_WQE_SEND);
  VF_SET(uar_send_db, raw.data(), wqe_index, (counter - 1) & 0xffff);
  VF_SET(uar_send_db, raw.data(), sqn, number);
  VF_SET(uar_send_db, raw.data(), ds, 1);
  const std::uint64_t offset = std::uint64_t{sq.uar} * VF_PAGE_BYTES + VF_UAR_SEND_DB;
  return write_register(machine, who, offset, vf_be64_load(raw.data()), 8, error)
             ? lines(fmt::format("send queue {:#x} of {} is rung up to counter {}", number,
                                 function_name(who), counter))
             : wrong(error);
}

/// Takes effect while a run goes on: everybody who has the fault asks for it when it matters.
bool switchable(const contract::FaultRow& row, enum vf_fault fault) {
  return (row.layer == "nic" || row.layer == "firmware") &&
         !FaultyFirmwarePort::wanted(vf_fault_with({}, fault));
}

std::string switchable_faults() {
  std::string names;
  for (unsigned i = 0; i < VF_FAULT_COUNT; ++i) {
    if (switchable(contract::kFaults[i], static_cast<enum vf_fault>(i))) {
      append(names, contract::kFaults[i].name, " ");
    }
  }
  return names;
}

std::string all_faults() {
  std::string names;
  for (const contract::FaultRow& row : contract::kFaults) {
    append(names, row.name, " ");
  }
  return names;
}

}  // namespace

Answer shell_write(Machine& machine, const Words& words) {
  if (words.size() < 5 || words.size() > 6) {
    return wrong_usage(words[0]);
  }
  if (std::string error; !may_act(machine, error)) {
    return wrong(error);
  }
  constexpr std::string_view kWhat = "mem reg config";
  return words[1] == "mem"   ? write_mem(machine, words)
         : words[1] == "reg" ? write_reg(machine, words)
         : words[1] == "config"
             ? write_config(machine, words)
             : wrong(fmt::format("'{}' cannot be written{}; allowed are {}", words[1],
                                 did_you_mean(words[1], kWhat), comma_list(kWhat)));
}

Answer shell_doorbell(Machine& machine, const Words& words) {
  if (words.size() < 4 || words.size() > 5) {
    return wrong_usage(words[0]);
  }
  FnRef who;
  std::uint64_t number = 0;
  std::string error;
  if (!may_act(machine, error) || !find_function(machine, words[1], who, error) ||
      !take_number(words, 3, words[2] == "cmd" ? "SLOT" : "NUMBER", number, error)) {
    return wrong(error);
  }
  if (words[2] == "cmd" && words.size() == 4) {
    return ring_command(machine, who, number);
  }
  return words[2] == "sq" ? ring_send(machine, who, words, number) : wrong_usage(words[0]);
}

Answer shell_fault(Machine& machine, const Words& words) {
  if (words.size() != 3 || (words[1] != "on" && words[1] != "off")) {
    return wrong_usage(words[0]);
  }
  std::string error;
  if (!may_act(machine, error)) {
    return wrong(error);
  }
  unsigned i = 0;
  while (i < VF_FAULT_COUNT && contract::kFaults[i].name != words[2]) {
    ++i;
  }
  if (i == VF_FAULT_COUNT) {
    return wrong(fmt::format(
        "there is no fault '{}'{}; vfsim list faults shows them; those that can be switched are {}",
        words[2], did_you_mean(words[2], all_faults()), comma_list(switchable_faults())));
  }
  const auto fault = static_cast<enum vf_fault>(i);
  const contract::FaultRow& row = contract::kFaults[i];
  if (!switchable(row, fault)) {
    return wrong(fmt::format(
        "{} is a defect of the layer {} that is built in at the start: restart fault {}", row.name,
        row.layer, row.name));
  }
  const bool on = words[1] == "on";
  machine.later([&sim = machine.sim, fault, on] {
    for (auto& host : sim.hosts) {
      const vf_fault_set now = host->nic.impl().core.faults;
      host->nic.set_faults(on ? vf_fault_with(now, fault) : vf_fault_without(now, fault));
    }
  });
  return lines(fmt::format("{} is {} on both hosts ({}: {}); rule {} is to catch it", row.name,
                           words[1], row.layer, row.doc, row.rule));
}

Answer shell_link(Machine& machine, const Words& words) {
  if (words.size() != 3 || (words[1] != "down" && words[1] != "up")) {
    return wrong_usage(words[0]);
  }
  std::uint8_t host = 0;
  std::string error;
  if (!may_act(machine, error) || !find_host(words[2], host, error)) {
    return wrong(error);
  }
  const bool plugged = words[1] == "up";
  if (machine.sim.oracle.plugged(host) == plugged) {
    return wrong(
        fmt::format("the cable of {} is {} already", words[2], plugged ? "plugged in" : "out"));
  }
  Step step = make_step(*find_step(plugged ? "link_up" : "link_down"), 0);
  step.options["host"] = words[2];
  machine.later([&run = machine.director.steps(), step] { (void)do_step(run, step); });
  return lines(fmt::format("the cable of {} is {}", words[2], plugged ? "plugged in" : "pulled"));
}

}  // namespace vfsim::bench
