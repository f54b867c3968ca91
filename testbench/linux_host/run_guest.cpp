#include "testbench/linux_host/run_guest.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <utility>

#include "testbench/linux_host/shared_memory.hpp"

namespace vfsim::bench {
namespace {

constexpr std::string_view kExitMark = "VFSIM-EXIT ";
constexpr std::string_view kRequestMark = "@vfsim ";
constexpr SimNs kPowerOff = 5'000'000'000;  // what a guest may take for it
constexpr std::string_view kPanic = "Kernel panic";
constexpr SimNs kPanicEnd = 10'000'000;  // what it takes to end then; from some places it does not
// Where a VM's memory lies in the memory of both hosts, behind that of the hosts' own guests.
constexpr std::uint64_t kVmMemory = 1ULL << 32;

/// Whether it can be written is judged by who runs the guests (ferror).
void write_out(const std::string& text) { (void)!std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

RunGuest::RunGuest(LinuxMachine& machine, GuestPlan plan, bool with_vm, Events events,
                   const volatile std::sig_atomic_t& stop)
    : machine_(machine),
      plan_(std::move(plan)),
      with_vm_(with_vm),
      events_(std::move(events)),
      guest_(machine.calendar, plan_.name, ram_, *this, stop) {
  if (plan_.vm) {
    vm_memory_ = std::make_unique<VmMemory>(
        std::array<model::HostMemory*, kHosts>{&machine.hosts[0]->memory(), &machine.hosts[1]->memory()},
        kVmMemory, plan_.host, ram_);
    PciSlot& slot = guest_.add_slot(machine.place(plan_.host, kVmFunction));
    slot.emulate_config(machine.scenario().pcie);
    return;
  }
  for (std::uint32_t fn = 0; fn <= machine.scenario().nic.vfs; ++fn) {
    guest_.add_slot(machine.place(plan_.host, fn));
  }
}

model::FnRef RunGuest::function_of(const PciSlot& slot) const {
  const auto fn = static_cast<std::uint8_t>(slot.place().rid - model::Host::kNicRid);
  const bool second = slot.place().host == machine_.hosts[1].get();
  return {static_cast<std::uint8_t>(second ? 1 : 0), fn};
}

std::vector<model::FnRef> RunGuest::functions_at(const std::string& address) const {
  const auto slot = static_cast<std::size_t>(slot_of_address(address));
  const auto& slots = guest_.slots();
  if (slot >= slots.size()) {
    return {};
  }
  const model::FnRef here = function_of(*slots[slot]);
  const auto other = static_cast<std::uint8_t>(1 - here.host);
  return plan_.vm ? std::vector<model::FnRef>{here, {other, here.fn}}
                  : std::vector<model::FnRef>{here};
}

bool RunGuest::guest_memory(int file, std::uint64_t offset, std::uint64_t start,
                            std::uint64_t bytes) {
  if (plan_.vm) {
    return share_vm(file, offset, start, bytes);
  }
  model::HostMemory& memory = machine_.hosts[plan_.host]->memory();
  if (start + bytes > kVmMemory || !map_file(memory, file, offset, start, bytes)) {
    return false;
  }
  ram_ = {&memory, 0, start, bytes};
  for (std::uint32_t fn = 0; fn <= machine_.scenario().nic.vfs; ++fn) {
    if (!with_vm_ || fn != kVmFunction) {
      machine_.grant(plan_.host, fn, start, bytes, start);
    }
  }
  return true;
}

bool RunGuest::share_vm(int file, std::uint64_t offset, std::uint64_t start, std::uint64_t bytes) {
  if (!vm_memory_->share(file, offset, start, bytes)) {
    return false;
  }
  for (std::uint8_t h = 0; h < kHosts; ++h) {
    machine_.grant(h, kVmFunction, start, bytes, kVmMemory + start);
  }
  events_.vm_shares({start, bytes});
  return true;
}

void RunGuest::guest_prompt(const std::string& part) {
  if (plan_.shell && part[0] != kRequestMark[0] && part.size() > shown_) {
    write_out(part.substr(shown_));
    std::fflush(stdout);
    shown_ = part.size();
  }
}

void RunGuest::show(const std::string& line) {
  if (plan_.shell) {
    write_out(line.substr(std::min(std::exchange(shown_, 0), line.size())) + '\n');
    return;
  }
  const SimNs t = events_.now();
  write_out(fmt::format("[{:>4}.{:09}] {}| {}\n", t / 1'000'000'000, t % 1'000'000'000, plan_.name, line));
}

void RunGuest::guest_line(const std::string& line) {
  if (line.rfind(kRequestMark, 0) == 0) {
    const std::string wrong = events_.asked(*this, line.substr(kRequestMark.size()));
    if (!wrong.empty()) {
      trouble_ = wrong;
      show(line + ": " + wrong);
    }
    return;
  }
  if (line.rfind(kExitMark, 0) == 0) {
    status_ = std::atoi(line.c_str() + kExitMark.size());
    ended_ = true;
    ended_at_ = events_.now();
    return;
  }
  if (const auto panic = line.find(kPanic); panic != std::string::npos && trouble_.empty()) {
    trouble_ = line.substr(panic);
    panicked_at_ = events_.now();
  }
  show(line);
}

bool RunGuest::overdue(SimNs now) const {
  const bool late = ended_ && now > ended_at_ + kPowerOff;
  return guest_.alive() && (late || (panicked_at_ != kNeverNs && now > panicked_at_ + kPanicEnd));
}

std::string RunGuest::failure() const {
  if (!guest_.error().empty()) {
    return guest_.error();
  }
  if (!trouble_.empty()) {
    return trouble_;
  }
  if (plan_.shell) {
    return "";
  }
  return !ended_         ? (guest_.alive() ? "its script did not come to its end"
                                           : "its kernel ended before its script did")
         : status_ != 0 ? fmt::format("its script ended with status {}", status_)
                        : "";
}

SimNs RunGuest::failed_at() const {
  if (failure().empty()) {
    return kNeverNs;
  }
  return ended_ ? ended_at_ : kNeverNs - 1;
}

}  // namespace vfsim::bench
