// One VF under the migration protocol: the commands of migctl.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host_driver/migration/vfio_device.hpp"
#include "testbench/linux_host/guest/control.hpp"

namespace vfsim::guest {

/// Keeps the device's data stream between commands. Every command ends with a line that says what
/// happened, errors with their errno and the state that the device is in then.
class MigSession {
 public:
  /// @param name   put in front of every line
  /// @param clock  time for the durations that are told
  MigSession(std::string name, driver::VfioDevice& device,
             std::function<driver::Nanoseconds()> clock);

  [[nodiscard]] Answer run(const Words& words);
  /// What run() knows: one line for each command.
  [[nodiscard]] static std::string help();

 private:
  struct Command;
  static const Command kCommands[];
  using Line = driver::Result<std::string>;

  Line flags(const Words& arguments);
  Line state(const Words& arguments);
  Line set(const Words& arguments);
  Line size(const Words& arguments);
  Line precopy(const Words& arguments);
  Line save(const Words& arguments);
  Line load(const Words& arguments);
  Line dirty(const Words& arguments);
  Line dirty_report(const std::string& file, const std::vector<driver::IovaRange>& ranges);
  Line reset(const Words& arguments);
  [[nodiscard]] std::string state_name();

  std::string name_;
  driver::VfioDevice& device_;
  std::function<driver::Nanoseconds()> clock_;
  std::shared_ptr<driver::MigStream> stream_;
};

}  // namespace vfsim::guest
