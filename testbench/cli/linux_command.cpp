#include "testbench/cli/linux_command.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <iterator>
#include <vector>

#include "testbench/cli/run_command.hpp"
#include "testbench/faults/catalogue.hpp"
#include "testbench/faults/faulty_firmware_port.hpp"
#include "testbench/faults/faulty_port.hpp"
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

/// The guests of a tier: those that have a script.
std::vector<GuestPlan> guests_of(const std::string& folder) {
  const std::vector<GuestPlan> all{{"A", "a", 0, false, folder + "/a.sh"},
                                   {"B", "b", 1, false, folder + "/b.sh"},
                                   {"V", "vm", 0, true, folder + "/vm.sh"}};
  std::vector<GuestPlan> guests;
  std::error_code ignored;
  std::copy_if(all.begin(), all.end(), std::back_inserter(guests), [&](const GuestPlan& plan) {
    return std::filesystem::is_regular_file(plan.script, ignored);
  });
  return guests;
}

/// Defects that are built into hardware and firmware. Those of drivers and hosts have no place, Linux
/// is both; those that stand between the parts are not put there.
bool built_in(const Scenario& scenario, const std::vector<std::string>& faults, std::string& error) {
  const bool between = FaultyPort::wanted(scenario.faults) || FaultyFirmwarePort::wanted(scenario.faults);
  for (const CataloguedFault& fault : fault_catalogue()) {
    const bool device = fault.layer == "nic" || fault.layer == "firmware";
    if ((!device || between) && std::find(faults.begin(), faults.end(), fault.name) != faults.end()) {
      error = fmt::format("linux: --fault {} is not one that is built into NIC or firmware; see vfsim list faults",
                          fault.name);
    }
  }
  return error.empty();
}

bool complete(LinuxCommand& command, std::string& error) {
  const std::string folder = VF_SOURCE_DIR "/testbench/linux_host/";
  command.what.scenario = folder + "machine.toml";
  command.run.preload = VF_FIXED_RANDOM;
  command.run.stop = &interrupted;
  command.run.guests = guests_of(folder + "scripts/tier" + command.tier);
  if (std::error_code none; std::filesystem::is_directory(command.script, none)) {
    command.run.guests = guests_of(command.script);
  } else if (!command.script.empty()) {
    command.run.guests = {{"A", "a", 0, false, command.script}};
  }
  if (command.run.guests.empty() || command.run.guests.front().vm) {
    error = fmt::format("linux: {} has no a.sh", command.script);
    return false;
  }
  return readable("--kernel-image", command.run.kernel, error) &&
         readable("--initramfs", command.run.initramfs, error) &&
         readable("--script", command.run.guests.front().script, error);
}

}  // namespace

int linux_command(LinuxCommand command) {
  Scenario scenario;
  std::string error;
  if (!complete(command, error) || !prepare(command.what, scenario, error) ||
      !built_in(scenario, command.what.faults, error)) {
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
  fmt::print("{}", account(result, false));
  return command.json.empty() || write_file(command.json, to_json(result), error) ? status
                                                                                 : bad_input(error);
}

}  // namespace vfsim::bench
