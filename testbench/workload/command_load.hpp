// Commands that a guest issues while its application runs.
#pragma once

#include "host_driver/cmd/command_channel.hpp"
#include "testbench/sim_platform/sim_os.hpp"

namespace vfsim::bench {

enum class CommandKind : std::uint8_t {
  mixed,      // queries, and objects that are created and destroyed
  keys,       // memory keys, all created before the first is destroyed
  tour,       // one of every kind of object (object_tour.hpp)
  malformed,  // what must be refused (malformed_commands.hpp)
};

struct CommandLoad {
  CommandKind kind = CommandKind::mixed;
  bool idle = false;        // tour: the function has no traffic
  std::uint32_t count = 1;  // rounds, or keys
  driver::Nanoseconds gap{0};
  driver::Nanoseconds keep{0};  // keys: from the creation of the last to the end of the first
};

/// Runs in a thread of the guest; each command must succeed (malformed:
/// be refused). What it creates is destroyed again.
[[nodiscard]] driver::Result<void> run_command_load(SimOs& os, driver::Platform& platform,
                                                    driver::CommandChannel& channel,
                                                    const CommandLoad& load);

}  // namespace vfsim::bench
