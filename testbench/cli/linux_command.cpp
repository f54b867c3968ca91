#include "testbench/cli/linux_command.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <vector>

#include "systemc/nic/block_makers.hpp"
#include "testbench/cli/run_command.hpp"
#include "testbench/faults/catalogue.hpp"
#include "testbench/linux_host/tier_plan.hpp"
#include "testbench/report/account.hpp"

namespace vfsim::bench {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int) {
  interrupted = 1;
}

bool readable(const std::string& what, const std::string& path, std::string& error) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    error = fmt::format("linux: {} '{}' is no file", what, path);
  }
  return error.empty();
}

/// Why a defect has no place here; "" if it has. Drivers and hosts are Linux, and so is the VMM, but
/// for the copy of a VM's memory.
std::string out_of_place(const CataloguedFault& fault, const model::NicParams& nic, bool with_vm) {
  if (fault.layer == "vmm" && fault.rule == "D2") {
    return with_vm ? "" : "is about the memory of a VM, which this run has not; tiers 2 and 3 have";
  }
  if (fault.layer != "nic" && fault.layer != "firmware" && fault.layer != "bus") {
    return fmt::format("belongs to the {}, which is Linux here; allowed are faults of nic, firmware and bus, and of the vmm about D2",
                       fault.layer);
  }
  return fault.rule == "P2"   ? "needs a peer device, which such a machine has not"
         : fault.rule == "A1" && !model::is_rtl(nic, nic.cmd_doorbell)
             ? "is seen by assertions of RTL, and needs --set nic.cmd_doorbell=rtl or nic.rtl=all"
             : "";
}

bool all_in_place(const LinuxCommand& command, const model::NicParams& nic, std::string& error) {
  const auto& wanted = command.what.faults;
  const bool with_vm = std::any_of(command.run.guests.begin(), command.run.guests.end(),
                                   [](const GuestPlan& plan) { return plan.vm; });
  for (const CataloguedFault& fault : fault_catalogue()) {
    const std::string why = out_of_place(fault, nic, with_vm);
    if (!why.empty() && std::find(wanted.begin(), wanted.end(), fault.name) != wanted.end()) {
      error = fmt::format("linux: --fault {} {}; see vfsim list faults", fault.name, why);
    }
  }
  return error.empty();
}

bool complete(LinuxCommand& command, std::string& error) {
  std::error_code none;
  command.run.preload = fixed_random_library();
  command.run.stop = &interrupted;
  command.run.guests = command.script.empty()                                   ? guests_of_tier(command.tier)
                       : std::filesystem::is_directory(command.script, none) ? guests_of_folder(command.script)
                                                                             : guests_of_script(command.script);
  command.what.scenario = linux_machine_file(command.run.guests);
  if (command.run.guests.empty()) {
    error = fmt::format("linux: {} has no a.sh", command.script);
    return false;
  }
  command.run.guests.front().shell = command.shell;
  command.run.files = std::filesystem::is_directory(command.script, none) ? command.script : "";
  return readable("--kernel-image", command.run.kernel, error) &&
         readable("--initramfs", command.run.initramfs, error) &&
         readable("--script", command.run.guests.front().script, error);
}

}  // namespace

int linux_command(LinuxCommand command) {
  Scenario scenario;
  std::string error;
  if (!complete(command, error) || !apply(command.wave, command.run, error) || !prepare(command.what, scenario, error) ||
      !all_in_place(command, scenario.nic, error)) {
    return bad_input(error);
  }
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::signal(SIGHUP, on_interrupt);
  Result result;
  result.scenario = scenario.name;
  result.title = scenario.title;
  const auto begin = std::chrono::steady_clock::now();
  int status = kHeld;
  {
    LinuxRun run(scenario, command.run);
    status = run.run(result);
  }
  result.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (status == kBadInput) {
    return bad_input(result.error);
  }
  fmt::print("{}", account(result, true));
  return command.json.empty() || write_file(command.json, to_json(result), error) ? status
                                                                                 : bad_input(error);
}

}  // namespace vfsim::bench
