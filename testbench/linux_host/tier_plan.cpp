#include "testbench/linux_host/tier_plan.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>

namespace vfsim::bench {
namespace {

const std::string kFolder = VF_SOURCE_DIR "/testbench/linux_host/";

GuestPlan host_a(const std::string& script) {
  return {"A", "a", 0, false, script};
}

}  // namespace

std::vector<GuestPlan> guests_of_folder(const std::string& folder) {
  const std::vector<GuestPlan> all{host_a(folder + "/a.sh"),
                                   {"B", "b", 1, false, folder + "/b.sh"},
                                   {"V", "vm", 0, true, folder + "/vm.sh"}};
  const auto there = [](const GuestPlan& plan) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(plan.script, ignored);
  };
  std::vector<GuestPlan> guests;
  if (there(all.front())) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(guests), there);
  }
  return guests;
}

std::vector<GuestPlan> guests_of_tier(const std::string& tier) {
  return guests_of_folder(kFolder + "scripts/tier" + tier);
}

std::vector<GuestPlan> guests_of_script(const std::string& script) {
  return {host_a(script)};
}

std::string linux_machine_file(const std::vector<GuestPlan>& guests) {
  const std::string own =
      guests.empty() ? ""
                     : std::filesystem::path(guests.front().script).replace_filename("machine.toml").string();
  std::error_code ignored;
  return std::filesystem::is_regular_file(own, ignored) ? own : kFolder + "machine.toml";
}

std::string kernel_preload() {
  return VF_KERNEL_PRELOAD;
}

}  // namespace vfsim::bench
