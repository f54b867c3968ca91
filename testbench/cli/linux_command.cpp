#include "testbench/cli/linux_command.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>
#include <vector>

#include "systemc/nic/block_makers.hpp"
#include "testbench/cli/case_report.hpp"
#include "testbench/cli/interrupt.hpp"
#include "testbench/cli/outputs.hpp"
#include "testbench/cli/run_command.hpp"
#include "testbench/faults/catalogue.hpp"
#include "testbench/linux_host/tier_plan.hpp"
#include "testbench/regress/plan.hpp"
#include "testbench/report/account.hpp"

namespace vfsim::bench {
namespace {

bool readable(const std::string& what, const std::string& path, std::string& error) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    error = fmt::format("linux: {} '{}' is no file", what, path);
  }
  return error.empty();
}

bool executable(const std::string& what, const std::string& path, std::string& error) {
  if (readable(what, path, error) && access(path.c_str(), X_OK) != 0) {
    error = fmt::format("linux: {} '{}' cannot be executed", what, path);
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

/// A guest's bus must take the functions.
bool fits(const Scenario& scenario, std::string& error) {
  if (scenario.nic.vfs > kMostVfs) {
    error = fmt::format("linux: nic.vfs = {}: a guest's bus has room for the PF and {} VFs; allowed is 1 to {}",
                        scenario.nic.vfs, kMostVfs, kMostVfs);
  }
  return error.empty();
}

bool complete(LinuxCommand& command, std::string& error) {
  std::error_code none;
  command.run.preload = kernel_preload();
  command.run.stop = &interrupted();
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
  return executable("--kernel-image", command.run.kernel, error) &&
         readable("--initramfs", command.run.initramfs, error) &&
         readable("--script", command.run.guests.front().script, error);
}

Outputs outputs_of(const LinuxCommand& command) {
  Outputs outputs;
  outputs.file("--json", command.json);
  outputs.file("--report", command.report);
  outputs.file("--wave", command.run.wave);
  outputs.file("--timeline", command.run.timeline);
  outputs.file("--events", command.run.events);
  return outputs;
}

std::string replay_command(const LinuxCommand& command) {
  return "./vfsim linux " + (command.script.empty() ? command.tier : "--script " + command.script) +
         changes_in_words(command.what);
}

bool save(const LinuxCommand& command, Scenario& scenario, const Result& result, const Story& story, std::string& error) {
  return (command.json.empty() || write_file(command.json, to_json(result), error)) &&
         (command.report.empty() ||
          write_report(command.report, replay_command(command), scenario, result, story, error));
}

}  // namespace

int linux_command(LinuxCommand command) {
  Scenario scenario;
  std::string error;
  if (!complete(command, error) || !apply(command.wave, command.run, error) || !prepare(command.what, scenario, error) ||
      !fits(scenario, error) || !all_in_place(command, scenario.nic, error)) {
    return bad_input(error);
  }
  Outputs outputs = outputs_of(command);
  if (!outputs.prepare(error)) {
    return bad_input(error);
  }
  Story story;
  command.run.story = command.report.empty() ? nullptr : &story;
  let_end({SIGINT, SIGTERM, SIGHUP}, SecondSignal::asks_again);
  std::signal(SIGPIPE, SIG_IGN);                // the run ends in order
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);  // who reads a pipe sees each line
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
    outputs.undo();
    return bad_input(result.error);
  }
  const std::string text = account(result, true);
  (void)!std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return bad_input("linux: standard output cannot be written to");
  }
  return save(command, scenario, result, story, error) ? status : bad_input(error);
}

}  // namespace vfsim::bench
